/** A digest that says the same as this node's own is answered in few bytes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Answers } from '../../../src/gossip/driver/answers.ts';
import { viewOf } from '../../../src/gossip/driver/view.ts';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import { decodeMessage, type Message } from '../../../src/gossip/protocol/messages.ts';
import { closeOrigin } from '../../support/closings.ts';
import { digestOf } from '../../support/cores.ts';
import { history, sumOf } from '../../support/ops.ts';
import { openReplica, putting, type TestReplica } from '../../support/replicas.ts';

const answers = suite('answers to digests');

/** The answer of a node to a digest that the peer has sent as it is. */
async function answerTo({ replica }: TestReplica, digest: Digest, sent?: Digest): Promise<Message> {
  const texts: string[] = [];
  const ours = new Answers({
    replica,
    digest: () => digestOf(viewOf(replica), { clock: 7 }),
    send: (_connection, text) => texts.push(text),
    differs: () => {},
  });
  await ours.answer(1, { digest, closedCount: 0, re: 5, sent });
  assert.is(texts.length, 1);
  return decodeMessage(texts[0] ?? '');
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

answers('a digest from before an origin was closed is to be asked anew', async () => {
  const { replica } = await withAnOp();
  const texts: string[] = [];
  const ours = new Answers({
    replica,
    digest: () => digestOf(viewOf(replica), { clock: 7 }),
    send: (_connection, text) => texts.push(text),
    differs: () => {},
  });
  const [other, ops] = ['node2.bbbbbb', history('node2.bbbbbb', 1, 1)];
  await replica.receive({ ranges: [{ origin: other, after: 0, to: 1, sum: sumOf(ops) }], ops });
  await replica.membership.retire(other);
  const digest = digestOf(viewOf(replica), { vector: new Map(), sums: new Map() });
  const question = { digest, closedCount: replica.closings.count };
  await closeOrigin(replica, other, 1);
  await ours.answer(1, { ...question, re: 5 });
  await ours.answer(1, { ...question, closedCount: replica.closings.count, re: 6 });
  const [later, delta] = texts.map(decodeMessage);
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

answers.run();
