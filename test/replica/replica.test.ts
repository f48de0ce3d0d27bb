import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Replica } from '../../src/replica/replica.ts';
import { isOnKey } from '../../src/words/op.ts';
import type { Request } from '../../src/words/requests.ts';
import { MIB } from '../../src/words/size.ts';
import type { SpanStart, Tracer } from '../../src/words/trace.ts';
import { key } from '../support/generators.ts';
import { naiveFold, sumOf } from '../support/ops.ts';
import { deleting, deltaOf, openReplica, putting, stateOf, turn } from '../support/replicas.ts';

const reading = suite('reading and bulk deletes');

reading('an expired key reads as absent and is told from one that never was', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([putting('a', { ttlMs: 100 }), putting('b'), deleting('b')]);
  clock.nowMs += 99;
  assert.is(replica.get('a').kind, 'found');
  clock.nowMs += 1;
  assert.equal(replica.get('a'), { kind: 'absent', expired: true });
  assert.equal(replica.get('b'), { kind: 'absent', expired: false });
  assert.equal(replica.get('c'), { kind: 'absent', expired: false });
  assert.equal(replica.list('', null, { entries: 9 }).entries, []);
});

reading('a sweep tells what has expired, to its caller and to listeners', async () => {
  const { replica, clock } = await openReplica();
  await replica.submit([putting('a', { ttlMs: 100 }), putting('b', { ttlMs: 200 })]);
  const told: string[][] = [];
  const end = replica.onSweep(({ expired }) => told.push(expired.map((entry) => entry.key)));
  clock.nowMs += 100;
  assert.equal(
    replica.sweep(9).expired.map((entry) => entry.key),
    ['a'],
  );
  replica.sweep(9);
  end();
  clock.nowMs += 100;
  replica.sweep(9);
  assert.equal(told, [['a'], []]);
});

reading(
  'deleting a prefix deletes every live key with it, and no other, in several commits',
  async () => {
    const { replica, log, clock } = await openReplica();
    const keys = Array.from({ length: 1200 }, (_, index) => `p/${index}`);
    await replica.submit(keys.map((name) => putting(name)));
    await replica.submit([
      putting('p/gone'),
      deleting('p/gone'),
      putting('p/dead', { ttlMs: 1 }),
      putting('p'),
      putting('q'),
    ]);
    clock.nowMs += 1;
    const before = log.commits.length;
    const leaving = new AbortController();
    const told = (): void => leaving.abort();
    assert.is(
      await replica.writes.deletePrefix('p/', told, null, leaving.signal),
      512,
      'nobody waits',
    );
    assert.is(log.commits.length - before, 1);
    assert.is(await replica.writes.deletePrefix('p/'), 1200 - 512);
    assert.is(log.commits.length - before, 3);
    assert.equal(
      replica.list('', null, { entries: 9 }).entries.map((entry) => entry.key),
      ['p', 'q'],
    );
    assert.is(await replica.writes.deletePrefix('p/'), 0);
    assert.is(await replica.writes.deletePrefix('no such'), 0);
    assert.is(await replica.writes.deletePrefix(''), 2);
  },
);

reading.run();

const memory = suite('memory of the map');

/** Holes that compaction leaves, with the page that is open. */
const fewHoles = ({ map }: Replica): boolean =>
  map.bytes.holes <= (map.bytes.entries + map.bytes.holes) / 4 + MIB;

memory('overwritten entries give their bytes back with the commits, and at a replay', async () => {
  const test = await openReplica();
  const { replica, log, clock } = test;
  const value = `"${'v'.repeat(998)}"`;
  const keys = Array.from({ length: 8000 }, (_, index) => `k${index}`);
  const put = (chosen: readonly string[]): Promise<unknown> =>
    replica.submit(chosen.map((name) => putting(name, { value, version: 'next' })));
  const inBatches = async (all: readonly string[]): Promise<void> => {
    for (let from = 0; from < all.length; from += 500) await put(all.slice(from, from + 500));
  };
  await inBatches(keys);
  // Every second entry stays where it is, so that no page becomes empty by itself.
  for (let round = 0; round < 3; round++)
    await inBatches(keys.filter((_, index) => index % 2 === 1));
  assert.ok(fewHoles(replica), JSON.stringify(replica.map.bytes));
  const again = await openReplica({ stored: log.crash('lost'), nowMs: clock.nowMs });
  assert.ok(fewHoles(again.replica), JSON.stringify(again.replica.map.bytes));
  assert.is(again.replica.map.size, keys.length);
});

memory('dropped entries give their bytes back with the sweeps', async () => {
  const { replica } = await openReplica();
  const value = `"${'v'.repeat(998)}"`;
  const keys = Array.from({ length: 6000 }, (_, index) => `k${index}`);
  for (let from = 0; from < keys.length; from += 500)
    await replica.submit(keys.slice(from, from + 500).map((name) => putting(name, { value })));
  for (const [index, name] of keys.entries()) if (index % 3 > 0) replica.map.drop(name);
  assert.not.ok(fewHoles(replica));
  for (let round = 0; round < 20; round++) replica.sweep(9);
  assert.ok(fewHoles(replica), JSON.stringify(replica.map.bytes));
});

memory.run();

const commits = suite('commits');

commits('one without a row is told to no listener, and what changes nothing is none', async () => {
  const { replica, log } = await openReplica();
  let told = 0;
  replica.onCommit(() => told++);
  await replica.submit([{ kind: 'get', key: 'a' }]);
  assert.equal([log.commits.length, told], [0, 0]);
  await replica.forgetting.collect({ vector: new Map(), clock: replica.nowMs() }, 9);
  assert.equal([log.commits.length, told], [1, 0]);
  await replica.submit([putting('a')]);
  assert.equal([log.commits.length, told], [2, 1]);
});

commits('a full disk is told until a commit has found room', async () => {
  const { replica, log } = await openReplica();
  log.failNextAppend('full');
  await replica.submit([putting('a')]).catch(() => {});
  assert.is(replica.isDiskFull, true);
  await replica.submit([{ kind: 'get', key: 'a' }]);
  assert.is(replica.isDiskFull, true, 'nothing was written');
  await replica.submit([putting('a')]);
  assert.is(replica.isDiskFull, false);
});

commits('what is traced has a span, and nothing else has one', async () => {
  const begun: SpanStart[] = [];
  const span = { traceId: null, traceParent: null, end: () => {} };
  const tracer: Tracer = {
    isOn: true,
    begin: (start) => {
      begun.push(start);
      return span;
    },
  };
  const { replica } = await openReplica({ tracer });
  await replica.submit([putting('a')]);
  assert.is(begun.length, 0);
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  await replica.submit([putting('b'), putting('c')], trace);
  assert.equal(begun, [
    { name: 'hearsay.commit', kind: 'internal', for: [trace], facts: { 'hearsay.ops': 2 } },
  ]);
});

commits('the map sum is recorded of a log that nothing else changes', async () => {
  const { replica, log } = await openReplica();
  await Promise.all([replica.submit([putting('a')]), replica.recordMapSum(0)]);
  assert.is(log.stored().header.facts.mapSum, null);
  await replica.recordMapSum(0);
  const { mapSum } = log.stored().header.facts;
  assert.is(mapSum?.lsn, 1);
  assert.equal(mapSum?.sum, replica.mapSum(mapSum?.asOf ?? 0));
});

commits('an entry that another has replaced is not born again in its place', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('a'), putting('b')]);
  const heads = [...replica.map.heads()];
  await replica.submit([putting('a', { version: 2 })]);
  replica.map.drop('b');
  await replica.bearAgain(heads);
  assert.is(replica.lastLsn, 3);
});

commits.run();

const states = suite('what a replica holds');

states(
  'after any requests and deltas the map, the vector and the sums are those of its log',
  async () => {
    const version = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant<'next'>('next'));
    const request: fc.Arbitrary<Request> = fc.oneof(
      fc
        .tuple(key, version, fc.option(fc.integer({ min: 1, max: 9 }), { nil: null }))
        .map(([name, wanted, ttlMs]): Request => putting(name, { version: wanted, ttlMs })),
      fc
        .tuple(key, fc.option(fc.integer({ min: 0, max: 4 }), { nil: null }))
        .map(([name, upToVersion]) => deleting(name, upToVersion)),
    );
    const step = fc.oneof(
      fc.record({ requests: fc.array(request, { maxLength: 4 }), laterMs: fc.nat(5) }),
      fc.record({ from: fc.nat(6), length: fc.nat(6) }),
      fc.constant({ turn: true } as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const { replica, log, clock } = await openReplica();
        const settled: Promise<unknown>[] = [];
        for (const one of steps) {
          if ('turn' in one) await turn();
          else if ('from' in one)
            settled.push(replica.receive(deltaOf(one.from, one.from + one.length)));
          else {
            clock.nowMs += one.laterMs;
            settled.push(replica.submit(one.requests));
          }
        }
        await Promise.all(settled);
        const rows = log.commits.flatMap((commit) => commit.rows);
        const winners = naiveFold(rows.map(({ op }) => op).filter(isOnKey));
        const state = stateOf(replica);
        assert.equal(
          new Map(state.entries.map((entry) => [entry.key, entry])),
          new Map([...winners].sort()),
        );
        for (const { origin, seq, sum } of state.records) {
          const ops = rows.map(({ op }) => op).filter((op) => op.origin === origin);
          assert.equal(
            ops.map((op) => op.seq),
            Array.from({ length: seq }, (_, index) => index + 1),
          );
          assert.equal(sum, sumOf(ops));
        }
        const again = await openReplica({ stored: log.stored(), nowMs: clock.nowMs });
        assert.equal(stateOf(again.replica), state);
      }),
      { numRuns: 200 },
    );
  },
);

states.run();
