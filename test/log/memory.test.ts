import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log } from '../../src/log/log.ts';
import { MemoryLog, type MemoryLogOptions, type StoredLog } from '../../src/log/memory.ts';
import { CommitFailedError, DiskFullError } from '../../src/words/errors.ts';
import { logConformance } from '../conformance/log.ts';
import type { WithPlace } from '../conformance/logPlace.ts';
import { ALL, CLUSTER, commitOf, OWN_ORIGIN, rejects, rowsOf } from '../conformance/logRows.ts';

const withPlace: WithPlace = async (run) => {
  let last: MemoryLog | null = null;
  let stored: StoredLog | null = null;
  await run({
    open: async ({ clusterName = CLUSTER, durability = 'full', smallDisk = false } = {}) => {
      stored = last?.stored() ?? stored;
      last = new MemoryLog({
        clusterName,
        newOrigin: () => OWN_ORIGIN,
        durability,
        ...(smallDisk ? { maxBytes: 300_000 } : {}),
        ...(stored === null ? {} : { stored }),
      });
      return last;
    },
    kill: async (log: Log) => {
      if (log !== last || last === null) throw new Error('another log is open');
      stored = last.crash('lost');
      last = null;
    },
  });
};

logConformance('memory', withPlace).run();

const test = suite('memory log');

const memoryLog = (options: Partial<MemoryLogOptions> = {}): MemoryLog =>
  new MemoryLog({ clusterName: CLUSTER, newOrigin: () => OWN_ORIGIN, ...options });

/** A disk that is done with a commit when the test says so. */
function heldDisk() {
  const held: (() => void)[] = [];
  return {
    commitDelay: () => new Promise<void>((resolve) => held.push(resolve)),
    release: () => held.shift()?.(),
  };
}

/** Lets everything that is ready to go on do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await settle();
  return settled;
}

test('an append resolves, and is seen, when the disk is done with it', async () => {
  const disk = heldDisk();
  const log = memoryLog({ commitDelay: disk.commitDelay });
  const appended = log.append(commitOf(rowsOf(1, 2)));
  assert.is(await isSettled(appended), false);
  assert.equal(await log.rowsAfter(0, ALL), []);
  disk.release();
  await appended;
  assert.is((await log.rowsAfter(0, ALL)).length, 2);
});

test('a read shows what was stored when it was asked for, however long it takes', async () => {
  const held: (() => void)[] = [];
  const readDelay = (): Promise<void> => new Promise((resolve) => held.push(resolve));
  const log = memoryLog({ readDelay });
  await log.append(commitOf(rowsOf(1, 1)));
  const read = log.rowsAfter(0, ALL);
  await log.append(commitOf(rowsOf(2, 2)));
  held.shift()?.();
  assert.equal(await read, rowsOf(1, 1));
});

for (const [underWay, last] of [
  ['lost', 2],
  ['kept', 4],
] as const)
  test(`a crash leaves the committed prefix, and the append under way is ${underWay}`, async () => {
    const disk = heldDisk();
    const log = memoryLog({ commitDelay: disk.commitDelay });
    const first = log.append(commitOf(rowsOf(1, 2), { horizon: 1 }));
    disk.release();
    await first;
    const second = log.append(commitOf(rowsOf(3, 4), { horizon: 2 }));
    const stored = log.crash(underWay);
    disk.release();
    assert.is(await isSettled(second), false);
    const again = memoryLog({ stored });
    assert.is(again.lastLsn, last);
    assert.is(again.header.horizon, last / 2);
    assert.equal(await again.rowsAfter(0, ALL), rowsOf(1, last));
    assert.is((await again.opsAfter(OWN_ORIGIN, 0, ALL)).length, last);
  });

test('nothing that a crashed process waits for ever settles', async () => {
  const log = memoryLog();
  const read = log.rowsAfter(0, ALL);
  log.crash('lost');
  for (const promise of [read, log.append(commitOf([])), log.sizeBytes(), log.close()])
    assert.is(await isSettled(promise), false);
});

test('closing waits for the append under way', async () => {
  const disk = heldDisk();
  const log = memoryLog({ commitDelay: disk.commitDelay });
  const appended = log.append(commitOf(rowsOf(1, 1)));
  const closed = log.close();
  assert.is(await isSettled(closed), false);
  disk.release();
  await Promise.all([appended, closed]);
  assert.equal(log.stored().rows, rowsOf(1, 1));
});

test('what a crash gave is not changed by the log that is opened on it', async () => {
  const log = memoryLog();
  await log.append(commitOf(rowsOf(1, 1)));
  const stored = log.crash('lost');
  await memoryLog({ stored }).append(commitOf(rowsOf(2, 2)));
  assert.equal(stored.rows, rowsOf(1, 1));
});

test('told to be full, it fails the next append and no other', async () => {
  const log = memoryLog();
  log.failNextAppend('full');
  await rejects(log.append(commitOf(rowsOf(1, 1))), DiskFullError);
  await log.append(commitOf(rowsOf(1, 1)));
  assert.equal(await log.rowsAfter(0, ALL), rowsOf(1, 1));
});

for (const [outcome, last] of [
  ['lost', 1],
  ['stored', 2],
] as const)
  test(`a failed commit may be ${outcome}`, async () => {
    const log = memoryLog();
    await log.append(commitOf(rowsOf(1, 1)));
    log.failNextAppend(outcome);
    await rejects(log.append(commitOf(rowsOf(2, 2))), CommitFailedError);
    assert.is(memoryLog({ stored: log.crash('lost') }).lastLsn, last);
  });

test('a crash during a commit that fails ends it as it was going to end', async () => {
  for (const [failure, last] of [
    ['full', 0],
    ['lost', 0],
    ['stored', 1],
  ] as const) {
    const log = memoryLog({ commitDelay: heldDisk().commitDelay });
    log.failNextAppend(failure);
    const appended = log.append(commitOf(rowsOf(1, 1)));
    const stored = log.crash(failure === 'stored' ? 'lost' : 'kept');
    assert.is(await isSettled(appended), false);
    assert.is(memoryLog({ stored }).lastLsn, last);
  }
});

test.run();
