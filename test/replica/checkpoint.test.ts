/** Rule 6: the state from a checkpoint and the rows after it is the state from all rows. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoredLog } from '../../src/log/memory.ts';
import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { Compactor } from '../../src/replica/compact.ts';
import { memberValue } from '../../src/rules/members.ts';
import { DamagedLogError } from '../../src/words/errors.ts';
import { checkpointerOf, openedStateOf, reopened } from '../support/checkpoints.ts';
import { closeOrigin } from '../support/closings.ts';
import {
  deleting,
  deltaOf,
  openReplica,
  PEER,
  putting,
  type TestReplica,
} from '../support/replicas.ts';

const test = suite('a checkpoint and the rows after it (rule 6)');

const KEYS = ['a', 'b', 'c', 'ключ', 'k/1', 'k/2', '1', '2', '3'];
/** The frame of a store's image with its numbers. */
const IMAGE_COUNTS_BYTES = 160;
const OTHERS = ['node3.cccccc', 'node4.dddddd'];
const LIMITS = { maxRecentOps: 12, maxRecentExpiries: 1000 };

const key = fc.constantFrom(...KEYS);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ put: key, ttlMs: fc.option(fc.integer({ min: 1, max: 400 })) }),
  },
  { weight: 2, arbitrary: fc.record({ delete: key }) },
  { weight: 2, arbitrary: fc.record({ fromPeer: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ laterMs: fc.integer({ min: -300, max: 500 }) }) },
  { weight: 1, arbitrary: fc.record({ join: fc.constantFrom(...OTHERS) }) },
  { weight: 1, arbitrary: fc.record({ retire: fc.constantFrom(PEER, ...OTHERS) }) },
  { weight: 1, arbitrary: fc.record({ close: fc.constantFrom(PEER, ...OTHERS) }) },
  { weight: 3, arbitrary: fc.record({ collectBehind: fc.nat(1), limit: fc.constantFrom(1, 100) }) },
  { weight: 3, arbitrary: fc.record({ compactMs: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ horizon: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The first ops of the peer that the replica takes. */
async function takeFromPeer({ replica }: TestReplica, count: number): Promise<void> {
  const held = replica.wholeVector().get(PEER) ?? 0;
  await replica.receive(deltaOf(held, held + count));
}

async function take(
  test: TestReplica,
  checkpoints: MemoryCheckpoints,
  one: Step,
): Promise<unknown> {
  const { replica, clock } = test;
  if (one === 'checkpoint') return checkpointerOf(replica, checkpoints).run();
  if ('put' in one) {
    const version = (replica.map.head(one.put)?.version ?? 0) + 1;
    const isLast = version >= Number.MAX_SAFE_INTEGER;
    return replica.submit([putting(one.put, { version: isLast ? 1 : version, ttlMs: one.ttlMs })]);
  }
  if ('delete' in one) return replica.submit([deleting(one.delete)]);
  if ('fromPeer' in one) return takeFromPeer(test, one.fromPeer);
  if ('laterMs' in one) {
    clock.nowMs += one.laterMs;
    return replica.sweep(100);
  }
  if ('join' in one) return replica.membership.admit(one.join, memberValue('node', null));
  if ('retire' in one) return replica.membership.retire(one.retire);
  if ('close' in one) {
    const seq = replica.wholeVector().get(one.close) ?? 0;
    return closeOrigin(replica, one.close, seq);
  }
  if ('collectBehind' in one) {
    const vector = new Map(replica.header.stable);
    for (const [origin, seq] of replica.wholeVector())
      vector.set(origin, Math.max(vector.get(origin) ?? 0, seq - one.collectBehind));
    return replica.forgetting.collect({ vector, clock: clock.nowMs }, one.limit);
  }
  if ('compactMs' in one) return new Compactor(replica, one.compactMs).run();
  return replica.forgetting.raiseHorizon(one.horizon);
}

test('whatever has happened, both openings come to the same state, and go on to the same', async () => {
  let [believed, outrun] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.array(step, { maxLength: 8 }),
      async (steps, later) => {
        const first = await openReplica({ limits: LIMITS });
        const checkpoints = new MemoryCheckpoints();
        await first.replica.membership.form('cluster', memberValue('node1', null));
        for (const one of steps) await take(first, checkpoints, one);
        const options = { stored: first.log.stored(), nowMs: first.clock.nowMs, limits: LIMITS };
        const frames = checkpoints.stored;
        const states = [];
        const horizons: number[] = [];
        for (const stored of [frames, null]) {
          const again = new MemoryCheckpoints({ stored });
          const { replica, notes } = await reopened(again, options);
          if (stored !== null && notes.length === 0) believed++;
          if (notes.some((note) => note.includes('compacted away'))) outrun++;
          horizons.push(replica.header.horizon);
          states.push({ ...openedStateOf(replica), header: { ...replica.header, horizon: 0 } });
        }
        assert.equal(states[0], states[1]);
        // A horizon that came from a peer is in no log before the next commit.
        const [ofCheckpoint = 0, ofRows = 0] = horizons;
        assert.ok(ofCheckpoint >= ofRows);
        // Two lives in turn: the checkpoint of the second stands on the first one.
        const second = await reopened(new MemoryCheckpoints({ stored: frames }), options);
        const next = new MemoryCheckpoints();
        for (const one of later) await take(second, next, one);
        const last = { stored: second.log.stored(), nowMs: second.clock.nowMs, limits: LIMITS };
        const [third, anew] = [await reopened(next, last), await openReplica(last)];
        assert.equal(
          { ...openedStateOf(third.replica), header: null },
          { ...openedStateOf(anew.replica), header: null },
        );
        assert.ok(third.replica.header.horizon >= anew.replica.header.horizon);
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(believed > 50, `only ${believed} checkpoints were believed`);
  assert.ok(outrun > 5, `compaction went beyond only ${outrun} checkpoints`);
});

/** A replica with a checkpoint of two keys, and a tail. */
async function withCheckpoint(after: (one: TestReplica) => Promise<unknown>) {
  const one = await openReplica();
  await one.replica.membership.form('cluster', memberValue('node1', null));
  await one.replica.submit([putting('a'), putting('b', { ttlMs: 50 })]);
  const checkpoints = new MemoryCheckpoints();
  await checkpointerOf(one.replica, checkpoints).run();
  await after(one);
  return { one, checkpoints, stored: one.log.stored() };
}

/** The reason that is told for not using the checkpoint; the state is that of all rows. */
async function reasonOf(checkpoints: MemoryCheckpoints, stored: StoredLog): Promise<string> {
  const { replica, notes } = await reopened(checkpoints, { stored });
  const anew = await openReplica({ stored });
  assert.equal(openedStateOf(replica), openedStateOf(anew.replica));
  assert.is(checkpoints.stored, null, 'a checkpoint that is not believed is removed');
  assert.is(replica.restoredLsn, null);
  return /because (.*)$/.exec(notes.join())?.[1] ?? '';
}

test('a checkpoint of this log is believed, and its rows are still to be proved', async () => {
  const { checkpoints, stored } = await withCheckpoint(({ replica }) =>
    replica.submit([putting('c')]),
  );
  const { replica, notes } = await reopened(checkpoints, { stored });
  assert.equal([notes, replica.restoredLsn], [[], 3]);
  assert.ok(replica.map.head('a') && replica.map.head('c'));
});

test('without a checkpoint the log is replayed from the start, and says so', async () => {
  const { stored } = await withCheckpoint(async () => {});
  assert.match(await reasonOf(new MemoryCheckpoints(), stored), /there is no checkpoint/);
});

test('a checkpoint of another log is not believed', async () => {
  const { checkpoints } = await withCheckpoint(async () => {});
  const other = await openReplica({ nodeId: 'node9' });
  await other.replica.submit(['a', 'b', 'c', 'd'].map((key) => putting(key)));
  const why = await reasonOf(checkpoints, other.log.stored());
  assert.match(why, /it is of another log, whose origin is node1\.aaaaaa/);
});

test('a checkpoint that is ahead of its log is not believed', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  const stored = one.log.stored();
  await one.replica.submit([putting('b')]);
  const checkpoints = new MemoryCheckpoints();
  await checkpointerOf(one.replica, checkpoints).run();
  assert.match(await reasonOf(checkpoints, stored), /of lsn 2, and the log ends at lsn 1/);
});

test('a checkpoint of another history of the same log is not believed, however that went on', async () => {
  for (const further of [0, 1, 5]) {
    const one = await openReplica();
    await one.replica.submit([putting('a')]);
    const copy = await openReplica({ stored: one.log.stored() });
    await one.replica.submit([putting('b', { value: '"lost"' })]);
    const checkpoints = new MemoryCheckpoints();
    await checkpointerOf(one.replica, checkpoints).run();
    for (let count = 0; count <= further; count++)
      await copy.replica.submit([putting(`c${count}`)]);
    const why = await reasonOf(checkpoints, copy.log.stored());
    assert.match(why, further === 0 ? /other ops of node1/ : /do not add up to the recorded sum/);
  }
});

test('a checkpoint that compaction went beyond is not believed', async () => {
  const { checkpoints, stored } = await withCheckpoint(async ({ replica, clock }) => {
    await replica.submit([deleting('a')]);
    clock.nowMs += 1000;
    await replica.forgetting.collect({ vector: replica.wholeVector(), clock: clock.nowMs }, 100);
    await replica.submit([putting('last')]);
    clock.nowMs += 1000;
    await new Compactor(replica, 0).run();
    assert.is(replica.map.head('a'), undefined);
  });
  const why = await reasonOf(checkpoints, stored);
  assert.match(why, /the rows after lsn 3 were compacted away/);
});

test('a checkpoint that had collected more than its log knows is not believed', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a', { ttlMs: 5 }), putting('b')]);
  const before = one.log.stored();
  one.clock.nowMs += 10;
  await one.replica.forgetting.collect(
    { vector: one.replica.wholeVector(), clock: one.clock.nowMs },
    100,
  );
  const checkpoints = new MemoryCheckpoints();
  await checkpointerOf(one.replica, checkpoints).run();
  assert.match(await reasonOf(checkpoints, before), /had collected more/);
});

test('a checkpoint under an origin that was given up is not believed', async () => {
  const { checkpoints, stored } = await withCheckpoint(({ replica }) =>
    replica.membership.renewOrigin('node1.newone', memberValue('node1', null)),
  );
  assert.match(await reasonOf(checkpoints, stored), /of another log/);
});

test('damage to any frame, a lost one and a doubled one are found', async () => {
  const { checkpoints, stored } = await withCheckpoint(async () => {});
  const frames = checkpoints.stored ?? [];
  assert.ok(frames.length > 5);
  for (const index of frames.keys()) {
    const without = frames.filter((_, place) => place !== index);
    const doubled = frames.flatMap((frame, place) => (place === index ? [frame, frame] : [frame]));
    for (const damaged of [without, doubled])
      assert.ok(await reasonOf(new MemoryCheckpoints({ stored: damaged }), stored));
  }
});

test('the reason why a checkpoint could not be used is told in its own words', async () => {
  const { checkpoints, stored } = await withCheckpoint(async () => {});
  const frames = checkpoints.stored ?? [];
  const ofImage = frames.findIndex(({ length }) => length === IMAGE_COUNTS_BYTES);
  const otherImage = Float64Array.from({ length: IMAGE_COUNTS_BYTES / 8 }, () => 99);
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const [options, why] of [
    [{ stored: frames.slice(0, -1) }, /^the checkpoint can't be used: its frames have other l/],
    [{ stored: [encode('{"format":99}')] }, /can't be used: it has the form 99, of another v/],
    [
      { stored: frames.with(ofImage, new Uint8Array(otherImage.buffer)) },
      /can't be used: it has another form/,
    ],
    [
      { stored: frames, frameDelay: () => Promise.reject(new Error('EIO')) },
      /^the checkpoint can't be used: it could not be read \(EIO\)/,
    ],
  ] as const)
    assert.match(await reasonOf(new MemoryCheckpoints(options), stored), why);
});

test('of a log without a row no checkpoint is looked for', async () => {
  const { checkpoints } = await withCheckpoint(async () => {});
  const kept = checkpoints.stored;
  const { notes } = await reopened(checkpoints, {});
  assert.equal([notes, checkpoints.stored === kept], [[], true]);
});

test('damage to a row after the checkpoint is damage of the log', async () => {
  const { checkpoints, stored } = await withCheckpoint(({ replica }) =>
    replica.submit([putting('c')]),
  );
  const rows = stored.rows.map((one) =>
    one.lsn === 4 ? { ...one, op: { ...one.op, hashLow: 1 } } : one,
  );
  try {
    await reopened(checkpoints, { stored: { ...stored, rows } });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, DamagedLogError);
  }
});

test.run();
