/** When a checkpoint is written, and when none is (rule 6). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { Checkpointer, TURN_BYTES } from '../../src/replica/checkpointing.ts';
import { memberValue } from '../../src/rules/members.ts';
import { DiskFullError } from '../../src/words/errors.ts';
import { checkpointerOf, openedStateOf, reopened } from '../support/checkpoints.ts';
import { put } from '../support/ops.ts';
import { deleting, openReplica, PEER, putting } from '../support/replicas.ts';

const writing = suite('writing a checkpoint');

writing('commits go on meanwhile, and the checkpoint is of its beginning', async () => {
  const one = await openReplica();
  await one.replica.submit(Array.from({ length: 500 }, (_, index) => putting(`k${index}`)));
  let commits = 0;
  const checkpoints = new MemoryCheckpoints({
    frameDelay: async () => {
      await one.replica.submit([putting(`later${commits++}`), deleting('k1')]);
    },
  });
  await checkpointerOf(one.replica, checkpoints).run();
  assert.ok(commits >= 3);
  const stored = one.log.stored();
  const again = await reopened(new MemoryCheckpoints({ stored: checkpoints.stored }), { stored });
  assert.equal(again.notes, []);
  assert.equal(
    openedStateOf(again.replica),
    openedStateOf((await openReplica({ stored })).replica),
  );
});

writing('nothing is written twice of one lsn, nor of an empty log', async () => {
  const one = await openReplica();
  const checkpoints = new MemoryCheckpoints();
  const checkpointer = checkpointerOf(one.replica, checkpoints);
  await checkpointer.run();
  assert.is(checkpoints.stored, null);
  await one.replica.submit([putting('a')]);
  await checkpointer.run();
  const { stored } = checkpoints;
  assert.is(checkpointer.last?.lsn, 1);
  await checkpointer.run();
  assert.is(checkpoints.stored, stored);
});

writing('a checkpoint of a log that was given up meanwhile takes no place', async () => {
  const one = await openReplica();
  const other = await openReplica({ nodeId: 'node9' });
  await one.replica.submit([putting('a')]);
  const checkpoints = new MemoryCheckpoints({ frameDelay: () => one.replica.adopt(other.log) });
  await checkpointerOf(one.replica, checkpoints).run();
  assert.is(checkpoints.stored, null);
});

writing('a failure of the disk is told, and the next checkpoint is written', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  let isFull = true;
  const checkpoints = new MemoryCheckpoints({
    frameDelay: async () => {
      if (isFull) throw new DiskFullError();
    },
  });
  const notes: string[] = [];
  const checkpointer = checkpointerOf(one.replica, checkpoints, (_level, text) => notes.push(text));
  await checkpointer.run();
  assert.match(notes.join(), /No checkpoint was written/);
  assert.is(checkpointer.failures, 1);
  isFull = false;
  await checkpointer.run();
  assert.ok(checkpoints.stored);
});

writing('after a start from a checkpoint none is due before something is committed', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  const checkpoints = new MemoryCheckpoints();
  const first = checkpointerOf(one.replica, checkpoints);
  assert.is(first.coveredLsn, 0);
  await first.run();
  assert.is(first.coveredLsn, 1);
  const { replica } = await reopened(checkpoints, { stored: one.log.stored() });
  const again = checkpointerOf(replica, checkpoints);
  const { stored } = checkpoints;
  assert.is(again.coveredLsn, 1);
  await again.run();
  assert.equal([checkpoints.stored === stored, again.last], [true, null]);
  await replica.submit([putting('b')]);
  await again.run();
  assert.equal([again.coveredLsn, again.last?.lsn], [2, 2]);
});

writing('no checkpoint covers a log under an origin that was given up', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  const checkpointer = checkpointerOf(one.replica, new MemoryCheckpoints());
  await checkpointer.run();
  await one.replica.membership.renewOrigin('node1.newone', memberValue('node1', null));
  assert.is(checkpointer.coveredLsn, 0);
});

writing('none is written of a part of a snapshot', async () => {
  const one = await openReplica();
  const rows = [{ op: put({ origin: PEER, seq: 1 }), won: true, isEntry: true, committedAt: 1 }];
  assert.ok(await one.replica.incomingSnapshot.takeRows(rows));
  const checkpoints = new MemoryCheckpoints();
  await checkpointerOf(one.replica, checkpoints).run();
  assert.equal([one.replica.lastLsn, checkpoints.stored], [1, null]);
});

writing('the last one before a stop is written in its time, and none after that', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  let nowMs = 0;
  const checkpoints = new MemoryCheckpoints({ frameDelay: async () => void nowMs++ });
  const begun = () => checkpointerOf(one.replica, checkpoints, undefined, () => nowMs);
  const whole = begun();
  await whole.end(1000);
  const tookMs = nowMs;
  assert.equal([whole.coveredLsn, whole.last?.tookMs], [1, tookMs]);
  await one.replica.submit([putting('b')]);
  await whole.run();
  assert.is(whole.coveredLsn, 1, 'it has stopped');
  checkpoints.stored = null;
  for (const [limitMs, isWritten] of [
    [tookMs - 1, false],
    [tookMs, true],
  ] as const) {
    const last = begun();
    await last.end(limitMs);
    assert.is(checkpoints.stored !== null, isWritten);
    assert.is(last.coveredLsn, isWritten ? 2 : 0);
  }
  nowMs = 0;
  await begun().end(0);
  assert.is(nowMs, 1, 'no frame is written in vain once the time is over');
});

writing('others have a turn after so many bytes, whatever a frame has', async () => {
  const one = await openReplica();
  const value = JSON.stringify('x'.repeat(20_000));
  await one.replica.submit(
    Array.from({ length: 100 }, (_, index) => putting(`k${index}`, { value })),
  );
  let pauses = 0;
  const checkpointer = new Checkpointer({
    replica: one.replica,
    checkpoints: new MemoryCheckpoints(),
    aheadMs: 0,
    pause: async () => void pauses++,
    steadyMs: () => 0,
    note: (_level, text) => assert.unreachable(text),
  });
  await checkpointer.run();
  const turns = (checkpointer.last?.bytes ?? 0) / TURN_BYTES;
  assert.ok(turns > 4);
  assert.ok(pauses >= turns / 2 - 1 && pauses <= turns, `${pauses} of ${turns}`);
});

writing('one that is under way at a stop ends, and gives its place to the last one', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  const checkpoints = new MemoryCheckpoints({ frameDelay: async () => {} });
  const checkpointer = checkpointerOf(one.replica, checkpoints);
  const running = checkpointer.run();
  assert.is(checkpointer.run(), running, 'one at a time');
  await one.replica.submit([putting('b')]);
  await checkpointer.end(1000);
  await running;
  assert.equal([checkpointer.coveredLsn, checkpointer.last?.lsn], [2, 2]);
});

writing('once the log is damaged none is written any more, or left', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  const checkpoints = new MemoryCheckpoints();
  const checkpointer = checkpointerOf(one.replica, checkpoints);
  await checkpointer.run();
  await checkpointer.giveUp();
  await one.replica.submit([putting('b')]);
  await checkpointer.run();
  await checkpointer.end(1000);
  assert.is(checkpoints.stored, null);
});

writing('an error of this program is told, and thrown', async () => {
  const one = await openReplica();
  await one.replica.submit([putting('a')]);
  const notes: string[] = [];
  const failing = (error: Error) => {
    const checkpoints = new MemoryCheckpoints({ frameDelay: () => Promise.reject(error) });
    return checkpointerOf(one.replica, checkpoints, (_level, text) => notes.push(text)).run();
  };
  await failing(Object.assign(new Error('the disk'), { code: 'EIO' }));
  await failing(new Error('a mistake')).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /a mistake/),
  );
  assert.is(notes.length, 2);
});

writing.run();
