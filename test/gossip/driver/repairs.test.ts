/** The conversation of a repair: what of it counts, and how much of the map one turn looks at. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compares } from '../../../src/gossip/driver/compares.ts';
import { Repairs } from '../../../src/gossip/driver/repairs.ts';
import {
  type ComparedMessage,
  type CompareMessage,
  decodeMessage,
} from '../../../src/gossip/protocol/messages.ts';
import { closingValue } from '../../../src/rules/members.ts';
import { history, membership, sumOf } from '../../support/ops.ts';
import { openReplica, putting } from '../../support/replicas.ts';

const repairs = suite('the conversation of a repair (rule 11)');

const PEER = 2;

const REPAIR_MS = 10_000;

interface Side {
  readonly repairs: Repairs;
  readonly compares: Compares;
  readonly clock: { nowMs: number };
  readonly replica: Awaited<ReturnType<typeof openReplica>>['replica'];
  /** The messages that it has sent, until they are taken. */
  readonly take: () => (CompareMessage | ComparedMessage)[];
  readonly pauses: () => number;
  /** The warnings of its own repairs. */
  readonly notes: string[];
}

async function side(keys: readonly string[]): Promise<Side> {
  const { replica } = await openReplica();
  replica.readiness.allowWrites();
  await replica.submit(keys.map((key) => putting(key)));
  const texts: string[] = [];
  const notes: string[] = [];
  let pauses = 0;
  const clock = { nowMs: 0 };
  const ports = {
    replica,
    send: (_connection: number, text: string) => texts.push(text),
    pause: async () => {
      pauses++;
    },
    steadyMs: () => clock.nowMs,
  };
  return {
    repairs: new Repairs({ ...ports, note: (_level, text) => notes.push(text) }),
    compares: new Compares(ports),
    clock,
    replica,
    take: () =>
      texts.splice(0).map((text) => decodeMessage(text) as CompareMessage | ComparedMessage),
    pauses: () => pauses,
    notes,
  };
}

/** Of two that hold the same ops, where the other has lost an entry out of its map. */
async function atOdds(): Promise<{ ours: Side; theirs: Side }> {
  const keys = ['a', 'b', 'c'];
  const [ours, theirs] = [await side(keys), await side(keys)];
  theirs.replica.map.drop('b');
  ours.repairs.start(PEER, 0);
  return { ours, theirs };
}

/** Hands all that one has sent to the other. @returns the messages. */
async function deliver(from: Side, to: Side): Promise<(CompareMessage | ComparedMessage)[]> {
  const messages = from.take();
  for (const message of messages)
    if (message.type === 'compare') await to.compares.take(PEER, from.replica.origin, message);
    else await to.repairs.answered(PEER, message);
  return messages;
}

/** Up to the last answer, which is not delivered. */
async function lastAnswer({
  ours,
  theirs,
}: {
  ours: Side;
  theirs: Side;
}): Promise<ComparedMessage> {
  await deliver(ours, theirs);
  await deliver(theirs, ours);
  await deliver(ours, theirs);
  const [answer] = theirs.take();
  assert.ok(answer?.type === 'compared' && answer.bucket !== null);
  return answer;
}

repairs('the entry that the other lost is born again, and no other', async () => {
  const { ours, theirs } = await atOdds();
  const { lastLsn } = ours.replica;
  await ours.repairs.answered(PEER, await lastAnswer({ ours, theirs }));
  assert.is(ours.repairs.repaired, 1);
  const rows = await ours.replica.log.rowsAfter(lastLsn, { maxRows: 9, maxBytes: 1e6 });
  assert.equal(
    rows.map(({ op }) => op.key),
    ['b'],
  );
});

repairs('an entry of a closed origin is born again as any other', async () => {
  const [ours, theirs] = [await side([]), await side([])];
  const [closed, other] = ['node3.cccccc', 'node4.dddddd'];
  const ops = history(closed, 1, 2);
  const value = closingValue({ nodeId: 'node3', url: null }, 2, { origin: other, seq: 1 });
  const ending = [
    membership({ origin: other, seq: 1, kind: 'retire', key: closed }),
    membership({ origin: other, seq: 2, key: closed, value }),
  ];
  for (const { replica } of [ours, theirs]) {
    await replica.receive({
      ranges: [
        { origin: closed, after: 0, to: 2, sum: sumOf(ops) },
        { origin: other, after: 0, to: 2, sum: sumOf(ending) },
      ],
      ops: [...ops, ...ending],
    });
    assert.ok(replica.closings.has(closed));
  }
  theirs.replica.map.drop(`${closed}-2`);
  ours.repairs.start(PEER, 0);
  await ours.repairs.answered(PEER, await lastAnswer({ ours, theirs }));
  assert.is(ours.repairs.repaired, 1);
});

repairs('an answer counts once, and only to an open question', async () => {
  const { ours, theirs } = await atOdds();
  const answer = await lastAnswer({ ours, theirs });
  await ours.repairs.answered(PEER + 1, answer);
  await ours.repairs.answered(PEER, { ...answer, re: (answer.re ?? 0) + 1 });
  await ours.repairs.answered(PEER, { ...answer, asOf: 1 });
  await ours.repairs.answered(PEER, { ...answer, buckets: 2 });
  assert.is(ours.repairs.repaired, 0);
  await ours.repairs.answered(PEER, answer);
  await ours.repairs.answered(PEER, answer);
  assert.is(ours.repairs.repaired, 1);
});

repairs(
  'an answer to an earlier repair counts for nothing, nor one after its connection',
  async () => {
    for (const end of ['start', 'drop'] as const) {
      const { ours, theirs } = await atOdds();
      const answer = await lastAnswer({ ours, theirs });
      if (end === 'drop') ours.repairs.drop(PEER);
      else {
        ours.clock.nowMs += REPAIR_MS;
        ours.repairs.start(PEER, 0);
      }
      await ours.repairs.answered(PEER, answer);
      assert.is(ours.repairs.repaired, 0, end);
    }
  },
);

repairs('a difference that shows again while it is under way does not begin it anew', async () => {
  const { ours, theirs } = await atOdds();
  const answer = await lastAnswer({ ours, theirs });
  ours.clock.nowMs += REPAIR_MS - 1;
  ours.repairs.start(PEER, 0);
  assert.equal(ours.take(), []);
  await ours.repairs.answered(PEER, answer);
  assert.is(ours.repairs.repaired, 1);
  ours.repairs.start(PEER, 0);
  assert.is(ours.take().length, 1);
});

repairs('a peer of protocol 1 repeats no number', async () => {
  const { ours, theirs } = await atOdds();
  const { re: _re, ...answer } = await lastAnswer({ ours, theirs });
  await ours.repairs.answered(PEER, answer);
  assert.is(ours.repairs.repaired, 1);
});

repairs('what came after it began is none of its business', async () => {
  const { ours, theirs } = await atOdds();
  await ours.replica.submit([putting('later')]);
  await ours.repairs.answered(PEER, await lastAnswer({ ours, theirs }));
  assert.is(ours.repairs.repaired, 1);
});

repairs('a large map is looked through in several turns', async () => {
  const keys = Array.from({ length: 45_000 }, (_unused, index) => `key ${index}`);
  const { ours, theirs } = { ours: await side([]), theirs: await side([]) };
  for (const { replica } of [ours, theirs])
    for (let from = 0; from < keys.length; from += 5000)
      await replica.submit(keys.slice(from, from + 5000).map((key) => putting(key)));
  theirs.replica.map.drop('key 7');
  ours.repairs.start(PEER, 0);
  await ours.repairs.answered(PEER, await lastAnswer({ ours, theirs }));
  assert.is(ours.repairs.repaired, 1);
  // One before each walk for a peer, two within each, and one after each answer.
  assert.equal([ours.pauses(), theirs.pauses()], [4, 8]);
});

repairs('a bucket in which the other lacks nothing is left as it is, and in silence', async () => {
  const { ours, theirs } = await atOdds();
  const answer = await lastAnswer({ ours, theirs });
  const entries = [...ours.replica.map.heads()];
  const { lastLsn } = ours.replica;
  await ours.repairs.answered(PEER, { ...answer, entries });
  assert.equal([ours.notes, ours.repairs.repaired, ours.replica.lastLsn], [[], 0, lastLsn]);
});

repairs(
  'nothing is asked any more of a peer that goes while its sums are looked into',
  async () => {
    const { ours, theirs } = await atOdds();
    await deliver(ours, theirs);
    const [sums] = theirs.take();
    assert.ok(sums?.type === 'compared');
    const looking = ours.repairs.answered(PEER, sums);
    ours.repairs.drop(PEER);
    await looking;
    assert.equal(ours.take(), []);
  },
);

repairs.run();
