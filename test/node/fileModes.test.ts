/** Everything that a node and its tools write is for their user alone, whatever the umask of the process. */
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileOutput } from '../../src/cli/log/lines.ts';
import { backUp, restore } from '../../src/log/files/backup.ts';
import { LogImport } from '../../src/log/files/importLog.ts';
import { isReadableByOthers } from '../../src/log/sqlite/ownFile.ts';
import { LogDirectory, warnOfReaders } from '../../src/node/dataDirectory.ts';
import { temporaryDirectory } from '../support/processes.ts';

const CLUSTER = { clusterName: 'hearsay', newOrigin: () => 'node1.aaaaaa' };

/** Every path below a directory that somebody else may read, with its mode. */
const openPaths = (directory: string): string[] =>
  readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => (statSync(path).mode & 0o077) !== 0)
    .map((path) => `${path} ${(statSync(path).mode & 0o777).toString(8)}`);

/** In a directory that was there before, open to all. */
async function withoutUmask(run: (directory: string) => Promise<void>): Promise<void> {
  await using temporary = await temporaryDirectory();
  const umask = process.umask(0);
  try {
    await run(temporary.path);
  } finally {
    process.umask(umask);
  }
}

const modes = suite('modes of files');

modes('the log, what SQLite puts beside it, its lock, and what is set aside', () =>
  withoutUmask(async (directory) => {
    const logs = new LogDirectory({ directory, durability: 'full', ...CLUSTER });
    const log = await logs.open();
    await log.append({ rows: [], origins: [], header: { facts: { owesOrigin: true } } });
    const names = readdirSync(directory);
    for (const name of ['hearsay.db', 'hearsay.db-wal', 'hearsay.db-shm', 'lock.db'])
      assert.ok(names.includes(name), name);
    assert.equal(openPaths(directory), []);
    await logs.close();
    await logs.setAside('node1.aaaaaa');
    await logs.keepDamaged('node1.aaaaaa');
    assert.equal(openPaths(directory), []);
    assert.is(isReadableByOthers(join(directory, 'lock.db')), false);
  }),
);

modes('a log that others may read is told at the start', () =>
  withoutUmask(async (directory) => {
    const told: string[] = [];
    const warn = (text: string) => void told.push(text);
    const file = join(directory, 'hearsay.db');
    warnOfReaders(directory, warn);
    writeFileSync(file, '', { mode: 0o600 });
    warnOfReaders(directory, warn);
    assert.equal(told, []);
    chmodSync(file, 0o640);
    warnOfReaders(directory, warn);
    assert.match(told[0] ?? '', /^Other users of this machine may read .*hearsay\.db: `chmod 600`/);
  }),
);

modes('backups, restores, imports and exports', () =>
  withoutUmask(async (directory) => {
    const [from, to, fresh] = ['from', 'to', 'fresh'].map((name) => join(directory, name));
    if (from === undefined || to === undefined || fresh === undefined) return;
    const logs = new LogDirectory({ directory: from, durability: 'full', ...CLUSTER });
    await logs.open();
    const copy = join(directory, 'copy.db');
    await backUp(from, copy, () => {});
    await logs.close();
    await restore(copy, to, () => {});
    await mkdir(fresh, { mode: 0o700 });
    const importing = await LogImport.open({ directory: fresh, headLine: '{}', ...CLUSTER });
    assert.equal(openPaths(directory), []);
    await importing.close();
    const output = await FileOutput.open(join(directory, 'export.jsonl'), 0);
    await output.close();
    assert.equal(openPaths(directory), []);
  }),
);

modes.run();
