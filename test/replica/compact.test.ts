import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compactor } from '../../src/replica/compact.ts';
import type { Replica } from '../../src/replica/replica.ts';
import { memberValue } from '../../src/rules/members.ts';
import { isDead, type Op } from '../../src/words/op.ts';
import { put, sumOf, tombstone } from '../support/ops.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  stateOf,
  type TestReplica,
  turn,
} from '../support/replicas.ts';

const NOW = 1_795_000_000_000;
const ORIGIN = 'node1.aaaaaa';
const ALL = 1_000_000;

/** Everything is stable, and what is dead is collected. */
async function collect(replica: Replica, behind = 0): Promise<void> {
  const vector = new Map(replica.header.stable);
  for (const [origin, seq] of replica.vector)
    vector.set(origin, Math.max(vector.get(origin) ?? 0, seq - behind));
  replica.sweep(ALL);
  await replica.forgetting.collect({ vector, clock: replica.nowMs() }, ALL);
}

const compacted = ({ replica }: TestReplica, retentionMs = 0): Promise<{ rows: number }> =>
  new Compactor(replica, retentionMs).run();

/** The lsns of the rows that are left. */
const lsnsOf = ({ log }: TestReplica): number[] => log.stored().rows.map(({ lsn }) => lsn);

/** The state of a log at a moment: per key the last row that won by then, where it is live. */
function shownAt({ log }: TestReplica, atMs: number): string[] {
  const entries = new Map<string, Op>();
  for (const { committedAt, won, op } of log.stored().rows)
    if (won && committedAt <= atMs) entries.set(op.key, op);
  const live = [...entries.values()].filter((op) => op.kind === 'put' && !isDead(op, atMs));
  return live.map(({ key, origin, seq }) => `${key}: ${origin}/${seq}`).sort();
}

/** A restart replays to what was there before it. */
async function assertReplays({ replica, log, clock }: TestReplica): Promise<void> {
  const reopened = await openReplica({ stored: log.stored(), nowMs: clock.nowMs });
  assert.equal(stateOf(reopened.replica), stateOf(replica));
}

/** A replica in which each step was committed at a time of its own, 100 ms after the one before. */
async function replicaAfter(
  ...steps: readonly ((replica: Replica) => Promise<unknown>)[]
): Promise<TestReplica> {
  const test = await openReplica();
  for (const step of steps) {
    await step(test.replica);
    test.clock.nowMs += 100;
  }
  return test;
}

const write =
  (...requests: Parameters<Replica['submit']>[0]) =>
  (replica: Replica): Promise<unknown> =>
    replica.submit(requests);
/** The last row always stays; so that it is none of those that a test is about. */
const LAST = write(putting('last'));

const rules = suite('what compaction removes');

rules('what was beaten goes, and the entry stays', async () => {
  const test = await replicaAfter(
    write(putting('a')),
    write(putting('a', { version: 2 })),
    write(putting('a', { version: 3 })),
    LAST,
    collect,
  );
  assert.is((await compacted(test)).rows, 2);
  assert.equal(lsnsOf(test), [3, 4]);
  await assertReplays(test);
});

rules('a log that takes the place of the one that is compacted loses nothing', async () => {
  const beaten = [write(putting('a')), write(putting('a', { version: 2 })), LAST, collect];
  const test = await replicaAfter(...beaten);
  const written = await replicaAfter(write(putting('b')), write(putting('c')), LAST);
  const other = await openReplica({ stored: written.log.stored() });
  const goOn = test.holdReads();
  const running = compacted(test);
  await turn();
  await test.replica.suspend();
  await test.replica.adopt(other.log);
  goOn();
  assert.is((await running).rows, 0);
  assert.equal(lsnsOf(other), [1, 2, 3]);
});

rules('what was deleted or has expired, and was collected, goes with its tombstone', async () => {
  const test = await replicaAfter(
    write(putting('a'), putting('b', { ttlMs: 10 })),
    write(deleting('a')),
    LAST,
    collect,
  );
  await compacted(test);
  assert.equal(lsnsOf(test), [4]);
  await assertReplays(test);
});

rules('what is dead and was not collected stays: it is an entry', async () => {
  const test = await replicaAfter(
    (replica) => collect(replica),
    write(deleting('a')),
    LAST,
    (replica) =>
      replica.forgetting.collect({ vector: new Map(replica.vector), clock: replica.nowMs() }, 0),
  );
  await compacted(test);
  assert.equal(lsnsOf(test), [1, 2]);
});

rules('an op that did not win goes', async () => {
  const test = await replicaAfter(
    write(putting('a', { version: 9 })),
    (replica) => {
      const op = put({ origin: PEER, key: 'a', version: 3 });
      const range = { origin: PEER, after: 0, to: 1, sum: sumOf([op]) };
      return replica.receive({ ranges: [range], ops: [op] });
    },
    LAST,
    collect,
  );
  await compacted(test);
  assert.equal(lsnsOf(test), [1, 3]);
  await assertReplays(test);
});

rules('what lost hides nothing that could be seen at the cut', async () => {
  const test = await replicaAfter(
    write(putting('a', { version: 9 })), // at 0
    (replica) => {
      const op = put({ origin: PEER, key: 'a', version: 3 });
      const range = { origin: PEER, after: 0, to: 1, sum: sumOf([op]) };
      return replica.receive({ ranges: [range], ops: [op] });
    },
    LAST,
    write(putting('a', { version: 10 })), // at 300
    collect,
  );
  // The cut is at 150.
  assert.is((await compacted(test, 350)).rows, 1);
  assert.equal(lsnsOf(test), [1, 3, 4]);
});

rules('a run that removes nothing commits nothing, and moves no cut', async () => {
  const test = await replicaAfter(write(putting('a')), LAST, collect);
  const commits = test.log.commits.length;
  assert.is((await compacted(test)).rows, 0);
  assert.is(test.log.commits.length, commits);
  assert.is(test.replica.header.facts.cutAtMs, null);
});

rules('joins and retires stay for ever', async () => {
  const test = await replicaAfter(
    (replica) => replica.membership.form('the cluster', memberValue('node1', null)),
    (replica) => replica.membership.admit(PEER, memberValue('node2', null)),
    (replica) => replica.membership.retire(PEER),
    LAST,
    collect,
  );
  assert.is((await compacted(test)).rows, 0);
  assert.is(lsnsOf(test).length, 4);
});

rules('nothing goes from the first row on that the stable vector does not cover', async () => {
  const test = await replicaAfter(
    write(putting('a')),
    write(putting('a', { version: 2 })),
    (replica) => replica.receive(deltaOf(0, 1)),
    write(putting('a', { version: 3 })),
    LAST,
    (replica) =>
      replica.forgetting.collect({ vector: new Map([[ORIGIN, 4]]), clock: replica.nowMs() }, ALL),
  );
  await compacted(test);
  assert.equal(lsnsOf(test), [2, 3, 4, 5]);
  await collect(test.replica);
  await compacted(test);
  assert.equal(lsnsOf(test), [3, 4, 5]);
});

rules('nothing goes after a row that is not stable, however many pages later', async () => {
  const versions = Array.from({ length: 600 }, (_unused, index) =>
    putting('a', { version: index + 1 }),
  );
  const test = await replicaAfter(
    (replica) => replica.receive(deltaOf(0, 1)),
    write(...versions),
    LAST,
    (replica) =>
      replica.forgetting.collect({ vector: new Map([[ORIGIN, 601]]), clock: replica.nowMs() }, ALL),
  );
  assert.is((await compacted(test)).rows, 0);
});

rules('before anything is stable nothing goes', async () => {
  const test = await replicaAfter(write(putting('a')), write(putting('a', { version: 2 })), LAST);
  assert.is((await compacted(test)).rows, 0);
});

rules('the last row stays, so that lsns go on after it', async () => {
  const test = await replicaAfter(
    write(putting('a')),
    write(deleting('a')),
    write(deleting('b')),
    collect,
  );
  await compacted(test);
  assert.equal(lsnsOf(test), [3]);
  await assertReplays(test);
  await test.replica.submit([putting('c')]);
  assert.is(test.replica.lastLsn, 4);
});

rules('a row stays until it has been beaten for the retention, however old it is', async () => {
  const test = await replicaAfter(
    write(putting('a')), // at 0
    write(putting('b')),
    write(putting('a', { version: 2 })), // at 200
    LAST,
    collect,
  );
  // Now it is 500: with a retention of 301 what could be seen at 199 must stay.
  assert.is((await compacted(test, 301)).rows, 0);
  assert.is((await compacted(test, 300)).rows, 1);
  assert.equal(lsnsOf(test), [2, 3, 4]);
});

rules('a row stays until it has been expired for the retention', async () => {
  const test = await replicaAfter(
    write(putting('a', { ttlMs: 150 })),
    LAST,
    LAST,
    collect,
    collect,
  );
  assert.is((await compacted(test, 351)).rows, 0);
  assert.is((await compacted(test, 350)).rows, 1);
});

rules('the cut is told, and a run with a longer retention does not take it back', async () => {
  const test = await replicaAfter(
    write(putting('a')),
    write(putting('a', { version: 2 })),
    write(putting('a', { version: 3 })),
    LAST,
    (replica) => collect(replica, 2),
  );
  assert.is((await compacted(test, 100)).rows, 1);
  assert.is(test.log.stored().header.facts.cutAtMs, NOW + 400);
  await collect(test.replica);
  assert.is((await compacted(test, 200)).rows, 1);
  assert.is(test.log.stored().header.facts.cutAtMs, NOW + 400);
});

rules('sums, vector, map and map sum are what they were', async () => {
  const test = await replicaAfter(
    write(putting('a'), putting('b'), deleting('b')),
    (replica) => replica.receive(deltaOf(0, 5)),
    write(putting('a', { version: 2 })),
    LAST,
    collect,
  );
  const { replica } = test;
  const facts = () => [...replica.vector.keys()].map((origin) => replica.record(origin).sum);
  const before = [facts(), replica.mapSum(0), new Map(replica.vector), [...replica.map.entries()]];
  await compacted(test);
  assert.equal(
    [facts(), replica.mapSum(0), new Map(replica.vector), [...replica.map.entries()]],
    before,
  );
  assert.equal(replica.reach(), new Map([[ORIGIN, 3]]));
  await assertReplays(test);
});

rules(
  'a long log goes in several commits, and a crash between them leaves a log that replays',
  async () => {
    const versions = Array.from({ length: 1500 }, (_unused, index) =>
      putting('a', { version: index + 1 }),
    );
    const test = await replicaAfter(write(...versions), LAST, collect);
    const commits = test.log.commits.length;
    const running = new Compactor(test.replica, 0);
    const ended = running.run();
    while (running.removedRows === 0) await turn();
    await assertReplays(test);
    assert.is((await ended).rows, 1499);
    assert.is(running.removedRows, 1499);
    assert.ok(test.log.commits.length - commits > 1);
    assert.equal(lsnsOf(test), [1500, 1501]);
    await assertReplays(test);
  },
);

rules('a run while another goes on does nothing', async () => {
  const test = await replicaAfter(
    write(putting('a')),
    write(putting('a', { version: 2 })),
    LAST,
    collect,
  );
  const compactor = new Compactor(test.replica, 0);
  const first = compactor.run();
  assert.is(compactor.isRunning, true);
  assert.equal(await compactor.run(), { rows: 0 });
  assert.equal(await first, { rows: 1 });
  assert.is(compactor.isRunning, false);
});

rules('after a run that failed another may run', async () => {
  const test = await replicaAfter(
    write(putting('a')),
    write(putting('a', { version: 2 })),
    LAST,
    collect,
  );
  const compactor = new Compactor(test.replica, 0);
  test.log.failNextAppend('full');
  await compactor.run().then(
    () => assert.unreachable('it did not fail'),
    (error) => assert.match(String(error), /full/),
  );
  assert.equal(await compactor.run(), { rows: 1 });
});

rules(
  'an entry that is written over while it runs stays: it could be seen at the cut',
  async () => {
    const test = await replicaAfter(write(putting('a')), LAST, LAST, collect);
    const release = test.holdReads();
    const ended = compacted(test, 50);
    await turn();
    // The first pass has read its page, and the second is to read its own.
    release();
    const releaseSecond = test.holdReads();
    await turn();
    await test.replica.submit([putting('a', { version: 2 })]);
    const cutAt = NOW + 350;
    const before = shownAt(test, cutAt);
    releaseSecond();
    await ended;
    assert.equal(shownAt(test, cutAt), before);
  },
);

rules('an entry that is collected while it runs stays: it could be seen at the cut', async () => {
  const test = await replicaAfter(write(putting('a', { ttlMs: 450 })), LAST, LAST, collect);
  const release = test.holdReads();
  const ended = compacted(test, 50);
  await turn();
  release();
  const releaseSecond = test.holdReads();
  await turn();
  test.clock.nowMs += 100;
  await collect(test.replica);
  assert.is(test.replica.map.get('a'), undefined);
  const before = shownAt(test, NOW + 400);
  releaseSecond();
  await ended;
  assert.equal(shownAt(test, NOW + 400), before);
});

rules.run();

const histories = suite('compaction of any history');

const key = fc.constantFrom('a', 'b', 'c');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      ttlMs: fc.option(fc.integer({ min: 1, max: 40 }), { nil: null }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      key,
      version: fc.nat(4),
      isPut: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(15) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('collect' as const), behind: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('compact' as const), retentionMs: fc.nat(40) }),
  },
);

histories(
  'the map replays the same, and no time within the retention shows anything else',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
        const test = await openReplica();
        const { replica, clock } = test;
        const peerOps: Op[] = [];
        for (const one of [...steps, { kind: 'compact', retentionMs: 20 } as const]) {
          if (one.kind === 'put')
            await replica.submit([putting(one.key, { version: 'next', ttlMs: one.ttlMs })]);
          else if (one.kind === 'delete') await replica.submit([deleting(one.key)]);
          else if (one.kind === 'wait') clock.nowMs += one.ms;
          else if (one.kind === 'collect') await collect(replica, one.behind);
          else if (one.kind === 'receive') {
            const after = peerOps.length;
            const generation = replica.map.get(one.key)?.generation ?? replica.header.horizon;
            const birth = { origin: PEER, seq: after + 1, hlc: after + 1 };
            const fields = { ...birth, key: one.key, generation, version: one.version };
            peerOps.push(one.isPut ? put(fields) : tombstone(fields));
            const range = { origin: PEER, after, to: after + 1, sum: sumOf(peerOps) };
            await replica.receive({ ranges: [range], ops: peerOps.slice(after) });
          } else {
            const times = Array.from(
              { length: one.retentionMs + 1 },
              (_, back) => clock.nowMs - back,
            );
            const before = times.map((atMs) => shownAt(test, atMs));
            const stateBefore = { ...stateOf(replica), records: null, header: null };
            await compacted(test, one.retentionMs);
            assert.equal({ ...stateOf(replica), records: null, header: null }, stateBefore);
            const cutAt = replica.header.facts.cutAtMs ?? 0;
            for (const [index, atMs] of times.entries())
              if (atMs >= cutAt)
                assert.equal(shownAt(test, atMs), before[index], `${clock.nowMs - atMs} ms ago`);
            await assertReplays(test);
          }
        }
      }),
      { numRuns: 200 },
    );
  },
);

histories.run();
