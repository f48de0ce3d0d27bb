import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Replica } from '../../src/replica/replica.ts';
import type { Stable } from '../../src/rules/stability.ts';
import { carriedHash, hasTrueHash } from '../../src/words/hash.ts';
import { compareOps, type EntryHead, type KeyOp, type Op, type Put } from '../../src/words/op.ts';
import { whole } from '../support/entries.ts';
import { history, put, sumOf, tombstone } from '../support/ops.ts';
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

const ORIGIN = 'node1.aaaaaa';
const NOW = 1_795_000_000_000;
const ALL = 1_000_000;

/** All that the replica holds is stable, by its own clock. */
const stableNow = (replica: Replica): Stable => ({
  vector: new Map(replica.vector),
  clock: replica.nowMs(),
});

const keysOf = (entries: readonly EntryHead[]): string[] => entries.map(({ key }) => key).sort();

async function collectAll({ replica }: TestReplica): Promise<string[]> {
  replica.sweep(ALL);
  return keysOf(await replica.forgetting.collect(stableNow(replica), ALL));
}

/** The replica that a restart after a crash finds. */
const afterCrash = ({ log, clock }: TestReplica): Promise<TestReplica> =>
  openReplica({ stored: log.crash('lost'), nowMs: clock.nowMs });

const collecting = suite('collecting (rule 9)');

collecting('what is dead and stable goes, and nothing else', async () => {
  const test = await openReplica();
  const { replica, clock } = test;
  await replica.submit([
    putting('deleted'),
    deleting('deleted'),
    putting('expired', { ttlMs: 100 }),
    putting('lives longer', { ttlMs: 1000 }),
    putting('lives'),
  ]);
  clock.nowMs += 100;
  assert.equal(await collectAll(test), ['deleted', 'expired']);
  assert.equal(keysOf([...replica.map.entries()]), ['lives', 'lives longer']);
  assert.is(replica.map.deadSize, 0);
});

collecting('what the stable vector does not cover stays', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([deleting('a'), deleting('b'), deleting('c')]);
  const stable = { vector: new Map([[ORIGIN, 2]]), clock: clock.nowMs };
  assert.equal(keysOf(await replica.forgetting.collect(stable, ALL)), ['a', 'b']);
  assert.is(replica.map.get('c')?.kind, 'delete');
});

collecting('what is dead by our clock only stays: others still serve it', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([putting('a', { ttlMs: 100 })]);
  clock.nowMs += 500;
  replica.sweep(ALL);
  const vector = new Map(replica.vector);
  assert.equal(await replica.forgetting.collect({ vector, clock: NOW + 99 }, ALL), []);
  assert.equal(keysOf(await replica.forgetting.collect({ vector, clock: NOW + 100 }, ALL)), ['a']);
});

collecting(
  'of two offers of one op the lesser may come later: a restart goes on from it',
  async () => {
    const test = await openReplica({ nowMs: NOW });
    const fields = { key: 'offered', seq: 1, expiresAt: NOW - 1 };
    const [lesser, greater] = [
      put({ ...fields, origin: 'a.aaaaaa' }),
      put({ ...fields, origin: 'b.bbbbbb' }),
    ];
    const takes = async (op: Put): Promise<void> => {
      const ranges = [{ origin: op.origin, after: 0, to: 1, sum: sumOf([op]) }];
      await test.replica.receive({ ranges, ops: [op] });
    };
    const entryOf = ({ replica }: TestReplica) => replica.map.head('offered')?.origin;
    const expiredOf = ({ replica }: TestReplica) =>
      replica.capture(0).facts.expired.map(({ origin }) => origin);
    const opened = (): Promise<TestReplica> =>
      openReplica({ stored: test.log.stored(), nowMs: NOW });
    await takes(greater);
    assert.equal(await collectAll(test), ['offered']);
    await takes(lesser);
    assert.equal([entryOf(test), entryOf(await opened())], [lesser.origin, lesser.origin]);
    assert.equal(await collectAll(test), ['offered']);
    assert.equal(expiredOf(test), [lesser.origin]);
    assert.equal(expiredOf(await opened()), [lesser.origin]);
  },
);

collecting('it looks at so many at most, and comes round to all', async () => {
  const { replica } = await openReplica();
  await replica.submit(['a', 'b', 'c', 'd', 'e'].map((key) => deleting(key)));
  const stable = { vector: new Map([[ORIGIN, 5]]), clock: NOW };
  const counts: number[] = [];
  for (let round = 0; round < 3; round++)
    counts.push((await replica.forgetting.collect(stable, 2)).length);
  assert.equal(counts, [2, 2, 1], 'also while the stable clock stands still');
  assert.is(replica.map.size, 0);
});

collecting('stable vector, stable clock and horizon are stored in one commit with it', async () => {
  const test = await openReplica();
  const { replica, log } = test;
  await replica.submit([putting('a'), deleting('a'), putting('a'), deleting('a')]);
  const commits = log.commits.length;
  await collectAll(test);
  assert.is(log.commits.length, commits + 1);
  const header = log.commits.at(-1)?.header;
  assert.equal(
    [header?.stable, header?.stableClock, header?.horizon],
    [new Map([[ORIGIN, 4]]), NOW, 2],
  );
  const { replica: reopened } = await afterCrash(test);
  assert.equal(
    [reopened.header.stable, reopened.header.stableClock, reopened.header.horizon],
    [new Map([[ORIGIN, 4]]), NOW, 2],
  );
});

collecting(
  'after a clock that was ahead, a restart keeps what was put since, and no more',
  async () => {
    const test = await openReplica();
    const { replica, clock } = test;
    await replica.submit([putting('collected', { ttlMs: 1000 }), deleting('gone')]);
    clock.nowMs += 60 * 60_000;
    replica.sweep(ALL);
    assert.equal((await replica.forgetting.collect(stableNow(replica), ALL)).length, 2);
    clock.nowMs -= 60 * 60_000;
    await replica.submit([putting('session', { ttlMs: 30 * 60_000 }), putting('forever')]);
    const stable = { vector: new Map(replica.vector), clock: clock.nowMs };
    assert.equal(await replica.forgetting.collect(stable, ALL), []);
    const { replica: reopened } = await afterCrash(test);
    assert.equal(stateOf(reopened), stateOf(replica));
    assert.is(reopened.get('session').kind, 'found');
    assert.is(reopened.get('collected').kind, 'absent');
  },
);

collecting(
  'what was decided before the clock was set back does not count by that clock',
  async () => {
    const test = await openReplica();
    const { replica, clock, holdDisk } = test;
    const open = holdDisk();
    const stored = replica.submit([putting('session', { ttlMs: 30 * 60_000 })]);
    await turn();
    clock.nowMs += 60 * 60_000;
    const stable = { vector: new Map([[ORIGIN, 1]]), clock: clock.nowMs };
    const collected = replica.forgetting.collect(stable, ALL);
    clock.nowMs -= 60 * 60_000;
    open();
    await stored;
    assert.equal(await collected, []);
    const { replica: reopened } = await afterCrash(test);
    assert.is(reopened.get('session').kind, 'found');
  },
);

collecting(
  'where the clock goes back, all goes that a restart would drop, swept or not',
  async () => {
    const test = await openReplica();
    const { replica, clock } = test;
    const keys = ['a', 'b', 'c'];
    await replica.submit(keys.map((key) => putting(key, { ttlMs: 30 * 60_000 })));
    clock.nowMs += 60 * 60_000;
    replica.sweep(1);
    assert.is((await replica.forgetting.collect(stableNow(replica), 1)).length, 1);
    clock.nowMs -= 60 * 60_000;
    assert.is((await replica.forgetting.collect(stableNow(replica), 1)).length, 2);
    const { replica: reopened } = await afterCrash(test);
    assert.equal(stateOf(reopened), stateOf(replica));
  },
);

collecting('a PUT on a key that was collected beats every earlier op of it', async () => {
  const test = await openReplica();
  const { replica } = test;
  await replica.submit([putting('a', { version: 7 }), deleting('a')]);
  const earlier = replica.map.get('a');
  await collectAll(test);
  const [outcome] = await replica.submit([putting('a', { version: 0 })]);
  assert.ok(outcome?.kind === 'stored' && earlier !== undefined);
  assert.ok(compareOps(outcome.op, earlier) > 0);
});

collecting('a key that comes back in the same commit is not dropped', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('a', { version: 5 }), deleting('a')]);
  for (const isBefore of [true, false]) {
    const collect = () => replica.forgetting.collect(stableNow(replica), ALL);
    const write = () => replica.submit([deleting('a'), putting('a', { value: `${isBefore}` })]);
    await Promise.all(isBefore ? [write(), collect()] : [collect(), write()]);
    const outcome = replica.get('a');
    assert.is(outcome.kind === 'found' && outcome.entry.value, `${isBefore}`);
    await replica.submit([deleting('a')]);
  }
});

collecting('a commit that fails collects nothing', async () => {
  const { replica, log } = await openReplica();
  await replica.submit([deleting('a')]);
  const before = stateOf(replica);
  log.failNextAppend('full');
  await replica.forgetting.collect(stableNow(replica), ALL).then(
    () => assert.unreachable('it was collected'),
    (error) => assert.match(String(error), /full/),
  );
  assert.equal(stateOf(replica), before);
});

collecting('a collected entry leaves no trace in the map sum', async () => {
  const test = await openReplica();
  const { replica, clock } = test;
  await replica.submit([putting('a', { ttlMs: 100 }), putting('b')]);
  clock.nowMs += 100;
  await collectAll(test);
  const [b] = [...replica.map.entries()];
  assert.ok(b);
  assert.equal(replica.mapSum(0), sumOf([whole(b)]));
});

collecting('the horizon of a peer is taken where it is greater, and never sinks', async () => {
  const test = await openReplica();
  const { replica } = test;
  replica.forgetting.raiseHorizon(9);
  replica.forgetting.raiseHorizon(3);
  assert.is(replica.header.horizon, 9);
  const [outcome] = await replica.submit([putting('a')]);
  assert.is(outcome?.kind === 'stored' && outcome.op.generation, 9);
  await replica.submit([deleting('b')]);
  await collectAll(test);
  assert.is(replica.header.horizon, 10);
  assert.is((await afterCrash(test)).replica.header.horizon, 10);
});

collecting('a horizon that rises while a commit is under way is written by the next', async () => {
  const test = await openReplica();
  const { replica, holdDisk } = test;
  const release = holdDisk();
  const written = replica.submit([putting('a')]);
  await turn();
  replica.forgetting.raiseHorizon(9);
  release();
  await written;
  assert.is(replica.header.horizon, 9);
  await replica.submit([putting('b')]);
  assert.is((await afterCrash(test)).replica.header.horizon, 9);
});

collecting('what a full disk did not take of the header is written later', async () => {
  const test = await openReplica();
  const { replica, log } = test;
  replica.forgetting.raiseHorizon(9);
  replica.membership.markForNewOrigin();
  log.failNextAppend('full');
  await replica.submit([putting('a')]).catch(() => {});
  await replica.submit([putting('b')]);
  const { header } = (await afterCrash(test)).replica;
  assert.equal([header.horizon, header.facts.owesOrigin], [9, true]);
});

const KEYS = ['a', 'b', 'c'];
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.constantFrom(...KEYS),
      ttlMs: fc.option(fc.integer({ min: 1, max: 30 }), { nil: null }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('delete' as const), key: fc.constantFrom(...KEYS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      by: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('collect' as const),
      behind: fc.nat(3),
      skewMs: fc.nat(10),
    }),
  },
);

/**
 * The next op of the peer on the key. It may be older or newer than the entry; but where there is none
 * it can't be older than what was collected, which the peer held (rule 9).
 */
function peerOp(replica: Replica, seq: number): KeyOp {
  const key = KEYS[seq % 3] ?? '';
  const generation = replica.map.get(key)?.generation;
  const fields = {
    origin: PEER,
    seq,
    hlc: NOW * 1000 + seq,
    key,
    generation:
      generation === undefined ? replica.header.horizon : Math.max(0, generation + (seq % 4) - 1),
    version: seq % 5,
  };
  if (seq % 7 === 3) return tombstone(fields);
  return put({ ...fields, expiresAt: seq % 2 === 0 ? replica.nowMs() + (seq % 30) : null });
}

collecting(
  'after any history, what a crash leaves replays to the same map and never a smaller horizon',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const test = await openReplica();
        const { replica, clock } = test;
        const peerOps: Op[] = [];
        let stable: Stable = { vector: new Map(), clock: -1 };
        for (const one of steps) {
          if (one.kind === 'put')
            await replica.submit([putting(one.key, { version: 'next', ttlMs: one.ttlMs })]);
          else if (one.kind === 'delete') await replica.submit([deleting(one.key)]);
          else if (one.kind === 'wait') clock.nowMs += one.ms;
          else if (one.kind === 'receive') {
            for (let count = 0; count < one.by; count++) {
              const { seq: after } = replica.record(PEER);
              const op = peerOp(replica, after + 1);
              peerOps.push(op);
              const range = { origin: PEER, after, to: after + 1, sum: sumOf(peerOps) };
              assert.is((await replica.receive({ ranges: [range], ops: [op] })).kind, 'applied');
            }
          } else {
            const vector = new Map(stable.vector);
            for (const [origin, seq] of replica.vector)
              vector.set(origin, Math.max(vector.get(origin) ?? 0, seq - one.behind));
            stable = { vector, clock: Math.max(stable.clock, clock.nowMs - one.skewMs) };
            replica.sweep(ALL);
            await replica.forgetting.collect(stable, ALL);
          }
        }
        const { replica: reopened } = await afterCrash(test);
        assert.equal(stateOf(reopened), stateOf(replica));
      }),
      { numRuns: 150 },
    );
  },
);

collecting.run();

const births = suite('entries that are born again (rule 11)');

births('they keep everything but their birth, and win everywhere', async () => {
  const { replica } = await openReplica();
  await replica.receive(deltaOf(0, 1));
  await replica.submit([putting('a', { ttlMs: 500, meta: '{"values":{}}' }), deleting('b')]);
  const before = [...replica.map.entries()];
  await replica.bearAgain(before);
  for (const old of before) {
    const entry = replica.map.get(old.key);
    assert.ok(entry !== undefined && entry !== old);
    const { origin, seq, hlc, hashHigh, hashLow } = old;
    assert.equal({ ...entry, origin, seq, hlc, hashHigh, hashLow }, old);
    assert.is(entry.origin, ORIGIN);
    assert.ok(compareOps(entry, old) > 0);
    assert.ok(hasTrueHash(whole(entry)));
  }
});

births('an entry that was written over meanwhile is left', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('a')]);
  const old = [...replica.map.entries()];
  await replica.submit([putting('a', { version: 2 })]);
  await replica.bearAgain(old);
  assert.is(replica.record(ORIGIN).seq, 2);
  const current = [...replica.map.entries()];
  await Promise.all([replica.submit([putting('a', { version: 3 })]), replica.bearAgain(current)]);
  assert.is(replica.record(ORIGIN).seq, 3, 'nor what was in the same commit');
  assert.is(replica.map.get('a')?.version, 3);
});

births('the log replays to the same map', async () => {
  const test = await openReplica();
  await test.replica.receive(deltaOf(0, 3));
  await test.replica.bearAgain([...test.replica.map.entries()]);
  assert.equal(stateOf((await afterCrash(test)).replica), stateOf(test.replica));
});

births.run();

const reaching = suite('rows that are removed (rule 10)');

reaching('they leave the sums and the vector as they were, and raise the reach', async () => {
  const test = await openReplica();
  const { replica } = test;
  const ops: readonly Op[] = history(PEER, 1, 4);
  await replica.receive(deltaOf(0, 4));
  const before = replica.record(PEER);
  const heads = await test.log.headsAfter(0, 3);
  const going = [heads[0], heads[2]].flatMap((head) =>
    head === undefined ? [] : [{ ...head, hash: carriedHash(head) }],
  );
  for (const { key } of going) replica.map.drop(key);
  await replica.forgetting.removeRows(new Map([[PEER, going]]), { cutAtMs: 5 });
  const gone = ops.filter(({ seq }) => seq === 1 || seq === 3);
  assert.equal(replica.record(PEER), { ...before, reach: 3, compactedSum: sumOf(gone) });
  assert.equal(replica.reach(), new Map([[PEER, 3]]));
  assert.is(replica.header.facts.cutAtMs, 5);
  const { replica: reopened } = await afterCrash(test);
  assert.equal(stateOf(reopened), stateOf(replica));
});

reaching.run();
