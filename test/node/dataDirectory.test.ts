/** The files of a node's log, and what a rejoin sets aside of them (rule 12). */
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SqliteLogOptions } from '../../src/log/sqlite/sqliteLog.ts';
import { LogDirectory } from '../../src/node/dataDirectory.ts';
import { type Opened, openLogs } from '../../src/node/engine.ts';
import { NodeLogs } from '../../src/node/nodeLogs.ts';
import { memberValue } from '../../src/rules/members.ts';
import { DiskFullError } from '../../src/words/errors.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import { newEntries } from '../support/entries.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { putting } from '../support/replicas.ts';

const OLD = 'node1.000001';
const FILES = ['hearsay.db', 'hearsay.db-wal', 'hearsay.db-shm'];

function optionsAt(directory: string): SqliteLogOptions {
  let made = 0;
  return {
    directory,
    durability: 'full',
    clusterName: 'hearsay',
    newOrigin: () => `node1.${String(++made).padStart(6, '0')}`,
  };
}

const logsAt = (path: string): NodeLogs => new NodeLogs(new LogDirectory(optionsAt(path)));

const openAt = (logs: NodeLogs, notes: string[] = []): Promise<Opened> =>
  openLogs({
    nodeId: 'node1',
    logs,
    place: 'here',
    clock: Date.now,
    limits: defaultLimits,
    newEntries,
    note: (_level, text) => notes.push(text),
  });

/** A directory with a log that holds one entry, set aside as by a rejoin that was cut off. */
async function setAsideAt(path: string): Promise<void> {
  const logs = logsAt(path);
  const { replica } = await openAt(logs);
  await replica.submit([putting('a')]);
  await replica.giveUp({ state: 'sound', openedAtSeq: 0, hadOthers: false });
  await logs.exchange();
  await logs.close();
}

const directories = suite('what a directory has set aside (rule 12)');

directories('is found again at the next start', async () => {
  await using temporary = await temporaryDirectory();
  await setAsideAt(temporary.path);
  const logs = logsAt(temporary.path);
  const notes: string[] = [];
  const { setAside } = await openAt(logs, notes);
  assert.equal(
    setAside.map(({ origin, entries }) => [origin, entries.map(({ key }) => key)]),
    [[OLD, ['a']]],
  );
  assert.equal(notes, []);
  assert.equal(
    setAside.map(({ state, hadOthers }) => [state, hadOthers]),
    [['sound', false]],
  );
  await logs.dropAside(OLD);
  assert.not(existsSync(join(temporary.path, 'aside', OLD)));
  await logs.close();
});

directories('a log that a later one has settled is found again without its entries', async () => {
  await using temporary = await temporaryDirectory();
  await setAsideAt(temporary.path);
  const logs = logsAt(temporary.path);
  const { replica } = await openAt(logs);
  const { origin } = replica;
  await replica.membership.form('the cluster', memberValue('node1', null));
  await replica.offering.settle(OLD, replica.log);
  await logs.close();
  const isSettled = async (): Promise<(readonly [string | null, boolean, number])[]> => {
    const { setAside } = await openAt(logs);
    return setAside.map(({ name, isSettled: is, entries }) => [name, is, entries.length] as const);
  };
  assert.equal(await isSettled(), [[OLD, true, 0]]);
  // The log that has settled it is set aside as well, and the present one knows nothing of it.
  await logs.exchange();
  await logs.close();
  assert.equal(
    (await isSettled()).sort(),
    [
      [OLD, true, 0],
      [origin, false, 0],
    ].sort(),
  );
  await logs.close();
});

for (const [damage, put] of [
  ['no database', (file: string) => writeFile(file, 'nothing of the kind')],
  ['a database with torn pages', tear],
] as const)
  directories(`of which ${damage} is left is kept out of the way, and told`, async () => {
    await using temporary = await temporaryDirectory();
    await setAsideAt(temporary.path);
    await put(join(temporary.path, 'aside', OLD, 'hearsay.db'));
    for (const told of [1, 0]) {
      const notes: string[] = [];
      const logs = logsAt(temporary.path);
      assert.equal((await openAt(logs, notes)).setAside, []);
      await logs.close();
      assert.is(notes.length, told);
      for (const note of notes)
        assert.match(note, /is not offered again, and is kept in .*damaged/);
    }
    assert.ok(existsSync(join(temporary.path, 'damaged', OLD, 'hearsay.db')));
  });

// Of the last commits the write-ahead log may hold the only copy: a node was killed, or a checkpoint failed.
directories(
  'is found whole wherever a kill came while it was set aside, and gone if removed',
  async () => {
    await using temporary = await temporaryDirectory();
    const source = join(temporary.path, 'source');
    await copyOfOpen(join(temporary.path, 'open'), source);
    for (const [folder, moved, found] of [
      [join('moving', OLD), 1, [[OLD, ['a']]]],
      [join('moving', OLD), 3, [[OLD, ['a']]]],
      ['removing', 1, []],
    ] as const) {
      const path = join(temporary.path, 'data');
      await cp(source, path, { recursive: true });
      await mkdir(join(path, folder), { recursive: true });
      for (const file of FILES.slice(0, moved))
        await rename(join(path, file), join(path, folder, file));
      const logs = logsAt(path);
      const notes: string[] = [];
      const { setAside, replica } = await openAt(logs, notes);
      assert.equal(notes, []);
      assert.equal(
        setAside.map(({ name, entries }) => [name, entries.map(({ key }) => key)]),
        found,
      );
      assert.is(replica.lastLsn, 0);
      await logs.close();
      await rm(path, { recursive: true });
    }
  },
);

directories('an exchange that found no room goes on where it stopped', async () => {
  await using temporary = await temporaryDirectory();
  const store = new LogDirectory(optionsAt(temporary.path));
  const logs = new NodeLogs(store);
  const { replica } = await openAt(logs);
  await replica.submit([putting('a')]);
  const { open } = store;
  store.open = () => Promise.reject(new DiskFullError());
  for (let count = 0; count < 2; count++)
    await logs.exchange().then(
      () => assert.unreachable(),
      (error: unknown) => assert.instance(error, DiskFullError),
    );
  store.open = open;
  const { asideName } = await logs.exchange();
  assert.equal([asideName, await store.namesAside()], [OLD, [OLD]]);
  const aside = await logs.openAside(OLD);
  assert.is(aside?.lastLsn, 1);
  await aside?.close();
  await logs.close();
});

directories.run();

/** Copies a data directory as a kill leaves it, whose last commit is in the write-ahead log. */
async function copyOfOpen(source: string, path: string): Promise<void> {
  const logs = logsAt(source);
  const { replica } = await openAt(logs);
  await replica.submit([putting('a')]);
  await replica.giveUp({ state: 'sound', openedAtSeq: 0, hadOthers: false });
  await mkdir(path, { recursive: true });
  for (const file of FILES) await copyFile(join(source, file), join(path, file));
  await logs.close();
}

/** Every page but the first. */
async function tear(file: string): Promise<void> {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  await handle.close();
}
