/** A digest that says the same as this node's own is answered in few bytes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Answers } from '../../../src/gossip/driver/answers.ts';
import { viewOf } from '../../../src/gossip/driver/view.ts';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import { changedDigest } from '../../../src/gossip/protocol/digestChanges.ts';
import { decodeMessage, type Message } from '../../../src/gossip/protocol/messages.ts';
import { closeOrigin } from '../../support/closings.ts';
import { digestOf } from '../../support/cores.ts';
import { history, sumOf } from '../../support/ops.ts';
import { openReplica, putting, type TestReplica } from '../../support/replicas.ts';

const answers = suite('answers to digests');

interface Side {
  readonly ours: Answers;
  readonly sent: () => Message[];
  /** The origins of which the peers were seen to hold other ops. */
  readonly differing: string[];
}

function sideOf({ replica }: TestReplica, tellsDifferences = false): Side {
  const texts: string[] = [];
  const differing: string[] = [];
  const ours = new Answers({
    replica,
    digest: () => digestOf(viewOf(replica), { clock: 7 }),
    tellsDifferences: () => tellsDifferences,
    send: (_connection, text) => texts.push(text),
    differs: (_connection, origin) => differing.push(origin),
  });
  return { ours, sent: () => texts.map(decodeMessage), differing };
}

/** The answer of a node to a digest that the peer has sent as it is. */
async function answerTo(
  node: TestReplica,
  digest: Digest,
  theirs?: Digest,
  tellsDifferences = false,
): Promise<Message> {
  const { ours, sent } = sideOf(node, tellsDifferences);
  await ours.answer(1, { digest, closedCount: 0, re: 5, sent: theirs });
  const [answer] = sent();
  assert.ok(answer);
  assert.is(sent().length, 1);
  return answer;
}

async function withAnOp(): Promise<TestReplica> {
  const node = await openReplica();
  node.replica.readiness.allowWrites();
  await node.replica.submit([putting('a')]);
  return node;
}

answers('a digest of the same fields is answered with the clock alone', async () => {
  const node = await withAnOp();
  const theirs = digestOf(viewOf(node.replica), { clock: 3 });
  assert.equal(await answerTo(node, theirs, theirs), { type: 'same', clock: 7, re: 5 });
});

answers(
  'over a link of a mesh another digest is told as differences from the question',
  async () => {
    const node = await withAnOp();
    const { replica } = node;
    const question = digestOf(viewOf(replica), { vector: new Map(), sums: new Map(), clock: 3 });
    const answer = await answerTo(node, question, question, true);
    assert.ok(answer.type === 'reply');
    assert.equal([answer.re, answer.more], [5, false]);
    assert.equal(
      answer.delta.ranges.map(({ to }) => to),
      [...replica.vector.values()],
    );
    const ours = digestOf(viewOf(replica), { clock: 7 });
    assert.equal(changedDigest(question, answer.changes)?.vector, ours.vector);
    assert.is((await answerTo(node, question, undefined, true)).type, 'delta');
    assert.is((await answerTo(node, ours, ours, true)).type, 'same');
  },
);

answers('a digest from before an origin was closed is to be asked anew', async () => {
  const node = await withAnOp();
  const { replica } = node;
  const { ours, sent } = sideOf(node);
  const [other, ops] = ['node2.bbbbbb', history('node2.bbbbbb', 1, 1)];
  await replica.receive({ ranges: [{ origin: other, after: 0, to: 1, sum: sumOf(ops) }], ops });
  await replica.membership.retire(other);
  const digest = digestOf(viewOf(replica), { vector: new Map(), sums: new Map() });
  const question = { digest, closedCount: replica.closings.count };
  await closeOrigin(replica, other, 1);
  await ours.answer(1, { ...question, re: 5 });
  await ours.answer(1, { ...question, closedCount: replica.closings.count, re: 6 });
  const [later, delta] = sent();
  assert.equal(later, { type: 'later', re: 5 });
  assert.is(delta?.type, 'delta');
});

answers('a peer that does not know `same` gets the whole digest', async () => {
  const node = await withAnOp();
  const theirs = digestOf(viewOf(node.replica), { clock: 3 });
  const answer = await answerTo(node, theirs);
  assert.is(answer.type, 'delta');
});

answers('a digest that lacks an op gets that op', async () => {
  const node = await withAnOp();
  const theirs = digestOf(viewOf(node.replica), { vector: new Map(), sums: new Map() });
  const answer = await answerTo(node, theirs, theirs);
  assert.is(answer.type === 'delta' && answer.delta.ops.length, 1);
});

answers('a digest with another map sum gets the whole digest', async () => {
  const node = await withAnOp();
  const theirs = digestOf(viewOf(node.replica), { mapSum: { high: 1, low: 1 } });
  const answer = await answerTo(node, theirs, theirs);
  assert.is(answer.type, 'delta');
});

answers(
  'one answer at a time: of the digests that come meanwhile the last is answered',
  async () => {
    const node = await withAnOp();
    const { ours, sent } = sideOf(node);
    const digest = digestOf(viewOf(node.replica), { vector: new Map(), sums: new Map() });
    const ask = (re: number): Promise<void> => ours.answer(1, { digest, closedCount: 0, re });
    await Promise.all([ask(5), ask(6), ask(7)]);
    assert.equal(
      sent().map((message) => message.type === 'delta' && message.re),
      [5, 7],
    );
  },
);

answers('nothing is sent over a connection that ends while the answer is made', async () => {
  const node = await withAnOp();
  const { ours, sent } = sideOf(node);
  const answered = ours.answer(1, {
    digest: digestOf(viewOf(node.replica)),
    closedCount: 0,
    re: 5,
  });
  ours.drop(1);
  await answered;
  assert.equal(sent(), []);
});

answers('a peer that holds other ops below what it lacks is found by its sum', async () => {
  const node = await withAnOp();
  const { replica } = node;
  await replica.submit([putting('b')]);
  const { origin } = replica;
  const vector = new Map([[origin, 1]]);
  for (const [sum, found] of [
    [sumOf(await node.log.opsAfter(origin, 0, { maxRows: 1, maxBytes: 1000 })), []],
    [{ high: 1, low: 1 }, [origin]],
  ] as const) {
    const { ours, differing } = sideOf(node);
    const digest = digestOf(viewOf(replica), { vector, sums: new Map([[origin, sum]]) });
    await ours.answer(1, { digest, closedCount: 0, re: 5 });
    assert.equal(differing, found);
  }
});

answers.run();
