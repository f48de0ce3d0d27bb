// time limit: 180 s
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { WorkerChannel } from '../../../src/log/sqlite/workerChannel.ts';
import {
  CommitFailedError,
  HearsayError,
  LockedDirectoryError,
  SettingError,
  WrongDirectoryError,
} from '../../../src/words/errors.ts';
import type { Row } from '../../../src/words/row.ts';
import { logConformance } from '../../conformance/log.ts';
import type { WithPlace } from '../../conformance/logPlace.ts';
import {
  ALL,
  CLUSTER,
  commitOf,
  OWN_ORIGIN,
  put,
  rejects,
  rowsOf,
} from '../../conformance/logRows.ts';
import { type TestDirectory, withDirectory } from '../../support/directories.ts';

const withPlace: WithPlace = (run) =>
  withDirectory((directory) =>
    run({
      open: ({ smallDisk = false, ...options } = {}) =>
        directory.open({ ...options, ...(smallDisk ? { maxPages: 70 } : {}) }),
      kill: (log) => directory.kill(log),
    }),
  );

logConformance('sqlite', withPlace).run();

const test = suite('sqlite log');

/** Changes the file of a closed log behind its back. */
function tamper({ file }: TestDirectory, change: (database: Database.Database) => void): void {
  const database = new Database(file);
  change(database);
  database.close();
}

async function write(directory: TestDirectory, rows: readonly Row[]): Promise<void> {
  const log = await directory.open();
  await log.append(commitOf(rows));
  await log.close();
}

/** Rows whose texts take a page each, so that they lie on many pages. */
const longRows = (last: number): Row[] =>
  rowsOf(1, last).map((row) => ({
    ...row,
    op: put(row.lsn, { value: JSON.stringify('x'.repeat(3000)) }),
  }));

test('the directories are made for their owner alone, and closing leaves one file and the lock', () =>
  withDirectory(async (directory) => {
    const path = join(directory.path, 'deep', 'er');
    const log = await directory.open({ directory: path });
    for (const made of [directory.path, join(directory.path, 'deep'), path])
      assert.is((await stat(made)).mode & 0o777, 0o700);
    await log.append(commitOf(rowsOf(1, 1)));
    assert.ok(existsSync(join(path, 'hearsay.db-wal')));
    await log.close();
    assert.not.ok(existsSync(join(path, 'hearsay.db-wal')));
    assert.not.ok(existsSync(join(path, 'hearsay.db.new')));
  }));

test('the file is made as the design has it', () =>
  withDirectory(async (directory) => {
    await write(directory, [
      {
        ...rowsOf(1, 1)[0]!,
        op: put(1, { version: 2 ** 53 - 1, hlc: 2 ** 52, expiresAt: 2 ** 53 - 1 }),
      },
    ]);
    tamper(directory, (database) => {
      const one = (sql: string): unknown => database.prepare(sql).pluck().get();
      assert.is(database.pragma('page_size', { simple: true }), 4096);
      assert.is(database.pragma('journal_mode', { simple: true }), 'wal');
      const incremental = 2;
      assert.is(database.pragma('auto_vacuum', { simple: true }), incremental);
      assert.is(one("SELECT value FROM meta WHERE name = 'schema_version'"), '1');
      assert.is(one("SELECT group_concat(name) FROM pragma_index_list('op')"), 'op_id');
      assert.is(one("SELECT group_concat(name) FROM pragma_index_info('op_id')"), 'origin,seq');
      assert.is(
        one(
          "SELECT min(strict) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'",
        ),
        1,
      );
      assert.is(
        one(
          'SELECT typeof(version) || typeof(hlc) || typeof(expires_at) || typeof(hash_high) FROM op',
        ),
        'integer'.repeat(4),
      );
      const exact = database
        .prepare('SELECT version, hlc, expires_at FROM op')
        .raw()
        .safeIntegers();
      assert.equal(exact.get(), [2n ** 53n - 1n, 2n ** 52n, 2n ** 53n - 1n]);
    });
  }));

test('what a start left that was killed while it made the file is made anew', () =>
  withDirectory(async (directory) => {
    await mkdir(directory.path);
    await writeFile(`${directory.file}.new`, 'half a file');
    await writeFile(`${directory.file}.new-journal`, 'half a journal');
    await write(directory, rowsOf(1, 1));
    assert.is((await directory.open()).lastLsn, 1);
  }));

test('the origin of a new log is asked for once', () =>
  withDirectory(async (directory) => {
    let asked = 0;
    const newOrigin = (): string => `node1.${++asked}`;
    await (await directory.open({ newOrigin })).close();
    const log = await directory.open({ newOrigin });
    assert.is(log.header.origin, 'node1.1');
    assert.is(asked, 1);
  }));

test('a directory that is open can not be opened again, until it is closed', () =>
  withDirectory(async (directory) => {
    const log = await directory.open();
    const error = await rejects(directory.open(), LockedDirectoryError);
    assert.match(error.message, directory.path);
    await log.append(commitOf(rowsOf(1, 1)));
    await log.close();
    assert.is((await directory.open()).lastLsn, 1);
  }));

test('opening that fails gives the directory up again', () =>
  withDirectory(async (directory) => {
    await write(directory, rowsOf(1, 1));
    await rejects(directory.open({ clusterName: 'other' }), WrongDirectoryError);
    await directory.open();
  }));

test('a directory that can not be made is named', () =>
  withDirectory(async (directory) => {
    const file = join(directory.root, 'file');
    await writeFile(file, '');
    for (const path of [file, join(file, 'below')]) {
      const error = await rejects(directory.open({ directory: path }), SettingError);
      assert.match(error.message, path);
    }
  }));

test('a log of a later version is refused with the advice to upgrade', () =>
  withDirectory(async (directory) => {
    await write(directory, rowsOf(1, 1));
    tamper(directory, (database) => {
      database.exec("UPDATE meta SET value = '2' WHERE name = 'schema_version'; DROP TABLE origin");
    });
    const error = await rejects(directory.open(), WrongDirectoryError);
    assert.match(error.message, 'upgrade');
  }));

test('reading page by page lets the write-ahead log start anew', () =>
  withDirectory(async (directory) => {
    const log = await directory.open({ durability: 'normal' });
    let read = 0;
    for (let first = 1; first <= 3000; first += 100) {
      const rows = longRows(first + 99).slice(first - 1);
      const [page] = await Promise.all([
        log.rowsAfter(read, { maxRows: 50, maxBytes: 1_000_000 }),
        log.append(commitOf(rows)),
      ]);
      read = page.at(-1)?.lsn ?? read;
    }
    const { size } = await stat(`${directory.file}-wal`);
    assert.ok(size < 8 * 1024 * 1024, `the write-ahead log has ${size} bytes`);
  }));

/** A log whose workers are scripts of the test's. */
function logOn(writerScript: string, readerScript: string): SqliteLog {
  const meta = new Map(
    Object.entries({
      cluster_name: CLUSTER,
      cluster_id: null,
      origin: OWN_ORIGIN,
      horizon: 0,
      stable: [],
      stable_clock: -1,
      unsynced: false,
    }).map(([name, value]) => [name, JSON.stringify(value)]),
  );
  return new SqliteLog({
    file: 'hearsay.db',
    durability: 'full',
    opened: { type: 'opened', meta, origins: [], lastLsn: 0 },
    writer: new WorkerChannel(new Worker(writerScript, { eval: true })),
    reader: new WorkerChannel(new Worker(readerScript, { eval: true })),
    release: () => {},
  });
}

const dies = "require('node:worker_threads').parentPort.once('message', () => process.exit(3))";
const throws =
  "require('node:worker_threads').parentPort.once('message', () => { throw new Error('out of luck') })";

for (const [script, reason] of [
  [dies, /code 3/],
  [throws, /out of luck/],
] as const)
  test('a writer that dies fails the append under way and those after it', async () => {
    const log = logOn(script, dies);
    const error = await rejects(log.append(commitOf(rowsOf(1, 1))), CommitFailedError);
    assert.match(error.message, reason);
    await rejects(log.append(commitOf(rowsOf(1, 1))), CommitFailedError);
    await log.close();
  });

test('an append that has ended is settled in the turn in which it is asked for', () =>
  withDirectory(async (directory) => {
    const log = await directory.open();
    const appended = log.append(commitOf(rowsOf(1, 1)));
    let hasTurnEnded = false;
    setImmediate(() => {
      hasTurnEnded = true;
    });
    const limitMs = performance.now() + 60_000;
    while (log.settleEnded?.() !== true) assert.ok(performance.now() < limitMs, 'It does not end');
    await appended;
    assert.not(hasTurnEnded);
    assert.is(log.settleEnded?.(), false);
    assert.is((await log.rowsAfter(0, ALL)).length, 1);
    await log.close();
  }));

test('a reader that dies fails the reads under way and those after it', async () => {
  const log = logOn(dies, dies);
  const reads = [log.rowsAfter(0, ALL), log.opsAfter(OWN_ORIGIN, 0, ALL)];
  for (const read of reads) assert.match((await rejects(read, HearsayError)).message, 'code 3');
  await rejects(log.sumBetween(OWN_ORIGIN, 0, 1), HearsayError);
  await log.close();
});

test.run();
