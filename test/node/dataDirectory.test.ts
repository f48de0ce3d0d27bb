/** The files of a node's log, and what a rejoin sets aside of them (rule 12). */
import { existsSync } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LogDirectory } from '../../src/node/dataDirectory.ts';
import { type Opened, openLogs } from '../../src/node/engine.ts';
import { NodeLogs } from '../../src/node/nodeLogs.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { putting } from '../support/replicas.ts';

const OLD = 'node1.000001';

function logsAt(path: string): NodeLogs {
  let made = 0;
  const store = new LogDirectory({
    directory: path,
    durability: 'full',
    clusterName: 'hearsay',
    newOrigin: () => `node1.${String(++made).padStart(6, '0')}`,
  });
  return new NodeLogs(store);
}

const openAt = (logs: NodeLogs, notes: string[] = []): Promise<Opened> =>
  openLogs({
    nodeId: 'node1',
    logs,
    place: 'here',
    clock: Date.now,
    limits: defaultLimits,
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

directories.run();

/** Every page but the first. */
async function tear(file: string): Promise<void> {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  await handle.close();
}
