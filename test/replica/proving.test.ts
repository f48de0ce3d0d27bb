/** The rows that an opening from a checkpoint did not read are proved afterwards. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { Compactor } from '../../src/replica/compact.ts';
import { Proving } from '../../src/replica/proving.ts';
import { DamagedLogError, WrongCheckpointError } from '../../src/words/errors.ts';
import { carriedHash } from '../../src/words/hash.ts';
import type { Row } from '../../src/words/row.ts';
import { checkpointerOf, reopened } from '../support/checkpoints.ts';
import { changed } from '../support/ops.ts';
import { openReplica, putting, turn } from '../support/replicas.ts';

const test = suite('proving the rows of a log in the background');

/** A log of a thousand rows, its checkpoint, and some rows after it. */
async function checkpointedLog() {
  const one = await openReplica();
  for (let count = 0; count < 10; count++)
    await one.replica.submit(
      Array.from({ length: 100 }, (_, index) => putting(`k${index}`, { version: count + 1 })),
    );
  const checkpoints = new MemoryCheckpoints();
  await checkpointerOf(one.replica, checkpoints).run();
  await one.replica.submit([putting('last')]);
  return { frames: checkpoints.stored, stored: one.log.stored(), nowMs: one.clock.nowMs };
}

async function proved(proving: Proving): Promise<number> {
  let steps = 0;
  for (; !proving.isDone; steps++) {
    assert.ok(steps < 100, 'it does not end');
    await proving.step();
  }
  return steps;
}

test('a log that was replayed is proved already', async () => {
  const { stored } = await checkpointedLog();
  const { replica } = await openReplica({ stored });
  const proving = new Proving(replica);
  assert.equal([proving.isDone, proving.share], [true, 1]);
});

test('a sound log is proved in several pages, while it goes on', async () => {
  const { frames, ...options } = await checkpointedLog();
  const { replica } = await reopened(new MemoryCheckpoints({ stored: frames }), options);
  const proving = new Proving(replica);
  assert.equal([proving.isDone, proving.share], [false, 0]);
  await proving.step();
  assert.ok(proving.share > 0 && proving.share < 1);
  await replica.submit([putting('meanwhile')]);
  assert.ok((await proved(proving)) >= 3);
  assert.is(proving.share, 1);
});

test('any damage to a row before the checkpoint is found', async () => {
  const { frames, stored, nowMs } = await checkpointedLog();
  const asBefore = (one: Row): Row => one;
  const changes: readonly [string, (rows: readonly Row[]) => readonly Row[]][] = [
    ['none', (rows) => rows.map(asBefore)],
    ['a changed hash', (rows) => rows.map((one) => (one.lsn === 500 ? withHash(one) : one))],
    [
      'a changed row with a true hash',
      (rows) => rows.map((one) => (one.lsn === 9 ? withValue(one) : one)),
    ],
    ['a lost row', (rows) => rows.filter(({ lsn }) => lsn !== 900)],
  ];
  for (const [name, change] of changes) {
    const rows = change(stored.rows);
    const checkpoints = new MemoryCheckpoints({ stored: frames });
    const { replica, notes } = await reopened(checkpoints, { stored: { ...stored, rows }, nowMs });
    assert.equal(notes, [], 'the opening does not see it');
    const error = await proved(new Proving(replica)).catch((caught: unknown) => caught);
    assert.is(error instanceof DamagedLogError, name !== 'none', name);
  }
});

test('rows that are gone from the end are found, and the proof ends', async () => {
  const { frames, ...options } = await checkpointedLog();
  const checkpoints = new MemoryCheckpoints({ stored: frames });
  const { replica, log } = await reopened(checkpoints, options);
  const rowsAfter = log.rowsAfter.bind(log);
  log.rowsAfter = async (lsn, limit) =>
    (await rowsAfter(lsn, limit)).filter((row) => row.lsn < replica.lastLsn);
  const error = await proved(new Proving(replica)).catch((caught: unknown) => caught);
  assert.instance(error, DamagedLogError);
});

const withHash = (row: Row): Row => ({ ...row, op: { ...row.op, hashLow: 1 } });

const withValue = (row: Row): Row =>
  row.op.kind === 'put' ? { ...row, op: changed(row.op, { value: '"other"' }) } : row;

test('a map that lacks an op of the log is found', async () => {
  const { frames, ...options } = await checkpointedLog();
  const { replica } = await reopened(new MemoryCheckpoints({ stored: frames }), options);
  const older = options.stored.rows[5]?.op;
  assert.ok(older?.kind === 'put');
  replica.map.drop(older.key);
  replica.map.fold(older, 6);
  const error = await proved(new Proving(replica)).catch((caught: unknown) => caught);
  assert.instance(error, WrongCheckpointError);
});

test('a row that lost says nothing of the map', async () => {
  const { frames, stored, nowMs } = await checkpointedLog();
  const older = stored.rows[5]?.op;
  assert.ok(older?.kind === 'put');
  const rows = stored.rows.map((one) => ({ ...one, won: one.op.key !== older.key }));
  const checkpoints = new MemoryCheckpoints({ stored: frames });
  const { replica } = await reopened(checkpoints, { stored: { ...stored, rows }, nowMs });
  replica.map.drop(older.key);
  replica.map.fold(older, 6);
  assert.ok((await proved(new Proving(replica))) > 1);
});

/** A replica that was opened from a checkpoint, and whose first step waits for the log. */
async function firstStepWaiting() {
  const { frames, ...options } = await checkpointedLog();
  const one = await reopened(new MemoryCheckpoints({ stored: frames }), options);
  const proving = new Proving(one.replica);
  const goOn = one.holdReads();
  const step = proving.step();
  await turn();
  return { ...one, ...options, proving, step, goOn };
}

test('one page is read at a time', async () => {
  const { proving, step, goOn, replica } = await firstStepWaiting();
  await proving.step();
  assert.is(proving.share, 0);
  goOn();
  await step;
  assert.is(proving.share, 256 / replica.lastLsn);
});

test('a page whose rows compaction has removed meanwhile is read anew', async () => {
  const { proving, step, goOn, replica, stored } = await firstStepWaiting();
  const [first] = stored.rows;
  assert.ok(first !== undefined);
  const going = { lsn: first.lsn, seq: first.op.seq, hash: carriedHash(first.op) };
  await replica.forgetting.removeRows(new Map([[first.op.origin, [going]]]), {});
  goOn();
  await step;
  assert.is(proving.share, 0);
  await proved(proving);
});

test('with another log in its place nothing is left to prove', async () => {
  const { proving, step, goOn, replica } = await firstStepWaiting();
  const other = await openReplica({ nodeId: 'node9' });
  await replica.suspend();
  await replica.adopt(other.log);
  goOn();
  await step;
  assert.is(proving.isDone, false);
  await proving.step();
  assert.is(proving.isDone, true);
});

test('compaction in between is no damage', async () => {
  const { frames, ...options } = await checkpointedLog();
  const { replica, clock } = await reopened(new MemoryCheckpoints({ stored: frames }), options);
  await replica.membership.form('cluster', '{}');
  clock.nowMs += 1000;
  await replica.forgetting.collect({ vector: replica.wholeVector(), clock: clock.nowMs }, 1000);
  const proving = new Proving(replica);
  await proving.step();
  assert.ok((await new Compactor(replica, 0).run()).rows > 500);
  await proved(proving);
});

test.run();
