/** The files of a node's log, and what a rejoin sets aside of them (rule 12). */
import { existsSync } from 'node:fs';
import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LogDirectory } from '../../src/node/dataDirectory.ts';
import { Replica } from '../../src/replica/replica.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { putting } from '../support/replicas.ts';

const OLD = 'node1.000001';

function directoryAt(path: string): LogDirectory {
  let made = 0;
  return new LogDirectory({
    directory: path,
    durability: 'full',
    clusterName: 'hearsay',
    newOrigin: () => `node1.${String(++made).padStart(6, '0')}`,
  });
}

const openReplica = async (directory: LogDirectory): Promise<Replica> =>
  Replica.open({
    nodeId: 'node1',
    log: await directory.open(),
    place: 'here',
    clock: Date.now,
    limits: defaultLimits,
  });

/** A directory with a log that holds one entry, set aside as by a rejoin that was cut off. */
async function setAsideAt(path: string): Promise<void> {
  const directory = directoryAt(path);
  const replica = await openReplica(directory);
  await replica.submit([putting('a')]);
  await replica.suspend();
  await directory.renew(true);
  await directory.close();
}

const directories = suite('what a directory has set aside (rule 12)');

directories('is found again at the next start', async () => {
  await using temporary = await temporaryDirectory();
  await setAsideAt(temporary.path);
  const directory = directoryAt(temporary.path);
  const notes: string[] = [];
  const found = await directory.setAside(await openReplica(directory), (text) => notes.push(text));
  assert.equal(
    found.map(({ origin, entries }) => [origin, entries.map(({ key }) => key)]),
    [[OLD, ['a']]],
  );
  assert.equal(notes, []);
  await directory.dropSetAside();
  assert.not(existsSync(join(temporary.path, 'aside')));
  await directory.close();
});

for (const [damage, put] of [
  ['no database', (file: string) => writeFile(file, 'nothing of the kind')],
  ['a database with torn pages', tear],
] as const)
  directories(`of which ${damage} is left is kept out of the way, and told`, async () => {
    await using temporary = await temporaryDirectory();
    await setAsideAt(temporary.path);
    await put(join(temporary.path, 'aside', OLD, 'hearsay.db'));
    const directory = directoryAt(temporary.path);
    const replica = await openReplica(directory);
    for (const told of [1, 0]) {
      const notes: string[] = [];
      assert.equal(await directory.setAside(replica, (text) => notes.push(text)), []);
      assert.is(notes.length, told);
      for (const note of notes)
        assert.match(note, /is not offered again, and is kept in .*damaged/);
    }
    assert.ok(existsSync(join(temporary.path, 'damaged', OLD, 'hearsay.db')));
    await directory.close();
  });

directories.run();

/** Every page but the first. */
async function tear(file: string): Promise<void> {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  await handle.close();
}
