/**
 * Damage to the files of a log. What one damaged fact or row does is tested on the functions that look
 * for it; that what they find is told with the file and the lsn, on whole logs.
 */
import { cp, mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COLUMNS, RowFault, RowPacker } from '../../../src/log/sqlite/columns.ts';
import { DamageFault, faultOf } from '../../../src/log/sqlite/faults.ts';
import { createFile, readContent } from '../../../src/log/sqlite/file.ts';
import { HeaderFault } from '../../../src/log/sqlite/header.ts';
import { columnsOf, packRows } from '../../../src/log/sqlite/packedRows.ts';
import { DamagedLogError, SettingError } from '../../../src/words/errors.ts';
import type { Row } from '../../../src/words/row.ts';
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

const test = suite('damaged log');

/** Rows whose texts take most of a page each, so that they lie on many pages. */
const longRows: readonly Row[] = rowsOf(1, 100).map((row) => ({
  ...row,
  op: put(row.lsn, { value: JSON.stringify('x'.repeat(3000)) }),
}));

async function withLog(run: (directory: TestDirectory) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const log = await directory.open();
    await log.append(commitOf(longRows));
    await log.close();
    await run(directory);
  });
}

/** The log must be refused, at opening or when it is read through. */
async function isFoundDamaged(directory: TestDirectory, fault: RegExp): Promise<DamagedLogError> {
  const readThrough = async (): Promise<void> => {
    const log = await directory.open();
    await log.rowsAfter(0, ALL);
    await log.opsAfter(OWN_ORIGIN, 0, ALL);
  };
  const error = await rejects(readThrough(), DamagedLogError);
  assert.match(error.message, fault);
  assert.match(error.message, directory.path);
  await directory.closeAll();
  return error;
}

test('a file that is damaged as a whole is refused and named', () =>
  withLog(async (directory) => {
    const { file } = directory;
    const whole = join(directory.root, 'whole');
    await cp(file, whole);
    const { size } = await stat(file);
    const bytes = await readFile(file);
    const middle = Math.floor(size / 8192) * 4096;
    const overwritten = Buffer.from(bytes).fill(0xa5, middle, middle + 4096);
    const noDatabase = 'not a database, but longer than the header of one'.repeat(50);
    for (const [damage, fault] of [
      [() => writeFile(file, noDatabase), /not a database/],
      [() => truncate(file, 0), /missing/],
      [() => truncate(file, 4096), /malformed/],
      [() => truncate(file, Math.floor(size / 2)), /malformed/],
      [() => truncate(file, size - 4096), /malformed/],
      [() => writeFile(file, overwritten), /malformed/],
    ] as const) {
      await cp(whole, file);
      await damage();
      assert.is((await isFoundDamaged(directory, fault)).lsn, null);
    }
    await cp(whole, file);
    await directory.open();
  }));

test('damage in the header is told with the file, damage in a row with the lsn too', () =>
  withLog(async (directory) => {
    const tamper = (statement: string): void => {
      const database = new Database(directory.file);
      database.exec(statement);
      database.close();
    };
    tamper("UPDATE op SET kind = 'merge' WHERE lsn = 2");
    assert.is((await isFoundDamaged(directory, /at lsn 2: its kind is "merge"/)).lsn, 2);
    tamper("DELETE FROM meta WHERE name = 'horizon'");
    assert.is((await isFoundDamaged(directory, /fact horizon/)).lsn, null);
  }));

test('a missing file beside its write-ahead log is damage, not a new log', () =>
  withDirectory(async (directory) => {
    await mkdir(directory.path);
    await writeFile(`${directory.file}-wal`, 'x');
    await isFoundDamaged(directory, /it is missing/);
  }));

test('a lock that is no database is named', () =>
  withDirectory(async (directory) => {
    await mkdir(directory.path);
    await writeFile(join(directory.path, 'lock.db'), 'x'.repeat(5000));
    assert.match((await isFoundDamaged(directory, /not a database/)).file, 'lock.db');
  }));

for (const [statement, fault] of [
  ['DROP TABLE op', /op is missing/],
  ['DROP TABLE origin', /origin is missing/],
  ['DROP TABLE meta', /meta is missing/],
  ['DROP INDEX op_id', /op_id is missing/],
  ["DELETE FROM meta WHERE name = 'origin'", /fact origin/],
  ["DELETE FROM meta WHERE name = 'schema_version'", /fact schema_version/],
  ["DELETE FROM meta WHERE name = 'cluster_name'", /fact cluster_name/],
  ["DELETE FROM meta WHERE name = 'cluster_id'", /fact cluster_id/],
  ["UPDATE meta SET value = '1.5' WHERE name = 'horizon'", /fact horizon/],
  ["UPDATE meta SET value = '[[1]]' WHERE name = 'stable'", /fact stable/],
  ["UPDATE meta SET value = '{}' WHERE name = 'stable'", /fact stable/],
  ["UPDATE meta SET value = '{' WHERE name = 'stable_clock'", /fact stable_clock/],
  ["INSERT INTO meta VALUES ('fact.x', '7')", /fact fact.x/],
  ["INSERT INTO origin VALUES ('x', -1, 0, 0, 0, 0, 0)", /origin x/],
  ["INSERT INTO origin VALUES ('../x', 1, 0, 0, 0, 0, 0)", /origin ..\/x/],
  ["UPDATE meta SET value = '\"../../../escaped\"' WHERE name = 'origin'", /fact origin/],
  ["UPDATE meta SET value = '[[\"../x\",1]]' WHERE name = 'stable'", /fact stable/],
  ["UPDATE meta SET value = '[[\"node1.a\",-1]]' WHERE name = 'stable'", /fact stable/],
  [`UPDATE meta SET value = '${2 ** 52 + 1}' WHERE name = 'horizon'`, /fact horizon/],
  ["UPDATE meta SET value = '-1' WHERE name = 'horizon'", /fact horizon/],
  ["INSERT INTO meta VALUES ('fact.joined', '\"perhaps\"')", /fact fact.joined/],
  [
    'CREATE TRIGGER t AFTER INSERT ON op BEGIN DELETE FROM op WHERE lsn < new.lsn; END',
    /trigger t/,
  ],
  ['CREATE VIEW shown AS SELECT * FROM op', /view shown/],
  ['CREATE INDEX by_key ON op (key)', /index by_key/],
  ['ALTER TABLE op ADD COLUMN later TEXT', /table op/],
] as const)
  test(`damage at opening: ${statement}`, () =>
    withDirectory(async (directory) => {
      await mkdir(directory.path);
      createFile(directory.file, { clusterName: CLUSTER, origin: OWN_ORIGIN });
      const database = new Database(directory.file);
      database.exec(statement);
      assert.throws(
        () => readContent(database, CLUSTER),
        (error: unknown) =>
          (error instanceof DamageFault || error instanceof HeaderFault) &&
          fault.test(error.message),
      );
      database.close();
    }));

test('tables of another make are damage', () =>
  withDirectory(async (directory) => {
    await mkdir(directory.path);
    createFile(directory.file, { clusterName: CLUSTER, origin: OWN_ORIGIN });
    const database = new Database(directory.file);
    database.exec('ALTER TABLE op RENAME COLUMN hlc TO clock');
    database.close();
    await isFoundDamaged(directory, /table op/);
  }));

test('the log is not opened where its name is that of a folder', () =>
  withDirectory(async (directory) => {
    await mkdir(directory.file, { recursive: true });
    const error = await rejects(directory.open(), SettingError);
    assert.match(error.message, /is no file/);
  }));

const columnsOfPut = columnsOf(packRows(rowsOf(7, 7)), 0);

/** Those of a put, with some replaced. */
const columnsWith = (changed: Partial<Record<(typeof COLUMNS)[number], unknown>>): unknown[] =>
  COLUMNS.map((name, index) => (name in changed ? changed[name] : columnsOfPut[index]));

const noTexts = { value: null, meta: null };

for (const [changed, fault] of [
  [{ kind: 'merge' }, /its kind is "merge"/],
  [{ kind: 1 }, /its kind is 1/],
  [{ kind: 'constructor' }, /its kind/],
  [{ seq: -2 }, /its seq is -2/],
  [{ seq: 1.5 }, /its seq is 1.5/],
  [{ seq: '1' }, /its seq is "1"/],
  [{ hlc: 2 ** 53 }, /its hlc is 9007199254740992/],
  [{ version: null }, /its version is null/],
  [{ won: 2 }, /its won is 2/],
  [{ hash_high: 2 ** 32 }, /its hash_high/],
  [{ hash_low: -1 }, /its hash_low/],
  [{ origin: null }, /its origin is null/],
  [{ key: Buffer.from('key') }, /its key/],
  [{ expires_at: 'never' }, /its expires_at is "never"/],
  [{ value: null }, /a put has no value/],
  [{ value: 1 }, /its value is 1/],
  [{ kind: 'delete' }, /a delete has a value/],
  [{ kind: 'delete', value: null, meta: '{}' }, /a delete has a meta/],
  [{ kind: 'retire', ...noTexts, expires_at: 7 }, /a retire has an expiry/],
  [{ kind: 'retire' }, /a retire has a value/],
  [{ kind: 'join', meta: '{}' }, /a join has a meta/],
] as const)
  test(`no op has ${JSON.stringify(changed)}`, () => {
    assert.throws(
      () => new RowPacker().add(columnsWith(changed)),
      (error: unknown) => error instanceof RowFault && error.lsn === 7 && fault.test(error.message),
    );
  });

test('an op of each kind has what it may have', () => {
  const packer = new RowPacker();
  packer.add(columnsWith({ meta: '{}', expires_at: 7 }));
  packer.add(columnsWith({ kind: 'delete', ...noTexts }));
  packer.add(columnsWith({ kind: 'join' }));
  packer.add(columnsWith({ kind: 'retire', ...noTexts }));
  assert.is(packer.packed().texts.length, 4 * 3);
});

for (const [code, kind] of [
  ['SQLITE_FULL', 'full'],
  ['SQLITE_CORRUPT', 'damaged'],
  ['SQLITE_CORRUPT_INDEX', 'damaged'],
  ['SQLITE_NOTADB', 'damaged'],
  ['SQLITE_IOERR_SHORT_READ', 'damaged'],
  ['SQLITE_BUSY_RECOVERY', 'locked'],
  ['SQLITE_CANTOPEN_ISDIR', 'unusable'],
  ['SQLITE_READONLY', 'unusable'],
  ['SQLITE_IOERR_WRITE', 'other'],
  ['SQLITE_IOERR_FSYNC', 'other'],
  ['SQLITE_IOERR_SHMSIZE', 'other'],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', 'other'],
] as const)
  test(`${code} counts as ${kind}`, () => {
    assert.is(faultOf(new Database.SqliteError('message', code)).kind, kind);
  });

test('what is thrown without a code has no kind of its own', () => {
  assert.equal(faultOf('thrown'), { kind: 'other', message: 'thrown', lsn: null });
  assert.is(faultOf(new TypeError('no such table')).kind, 'other');
});

test.run();
