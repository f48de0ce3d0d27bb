/**
 * The SQLite file: its tables, how it is made and how it is opened.
 *
 * It is made under another name, and renamed when it is whole and synced. So a file of the true name
 * always has its tables and its header, and a file that lacks them is damaged, never half made.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { SettingError } from '../../words/errors.ts';
import { isOrigin } from '../../words/opRules.ts';
import type { OriginRecord } from '../../words/row.ts';
import { DamageFault, WrongFault } from './faults.ts';
import { clusterNameOf, metaRows, parseHeader, SCHEMA_VERSION, schemaVersionOf } from './header.ts';
import { makeOwnFile } from './ownFile.ts';

/**
 * `op` ends in the texts that may be long, so that hashes are read without walking over the pages of a
 * long value. Its only index is on the op id: keys are random, and an index on them would cost more
 * than the append. Short texts stand for kinds, for people who read the file by hand.
 */
const TABLES = `
  CREATE TABLE op (
    lsn INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER,
    won INTEGER NOT NULL,
    hash_high INTEGER NOT NULL,
    hash_low INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    meta TEXT
  ) STRICT;
  CREATE UNIQUE INDEX op_id ON op (origin, seq);
  CREATE TABLE origin (
    origin TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    sum_high INTEGER NOT NULL,
    sum_low INTEGER NOT NULL,
    reach INTEGER NOT NULL,
    compacted_high INTEGER NOT NULL,
    compacted_low INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** The columns of `origin` in the order that `recordOf` takes and `recordColumns` gives. */
export const RECORD_COLUMNS = [
  'origin',
  'seq',
  'sum_high',
  'sum_low',
  'reach',
  'compacted_high',
  'compacted_low',
] as const;

/** The header of a new file. */
export interface Birth {
  readonly clusterName: string;
  readonly origin: string;
}

/**
 * Makes the file, synced to the disk together with its name.
 *
 * Pages are of 4 KiB, because a commit of one op rewrites three of them whole (a leaf of `op`, one of
 * its index, one of `origin`): larger pages were measured slower at every size of commit. Vacuuming is
 * incremental, so that compaction can give pages back in small steps; this can't be chosen later.
 */
export function createFile(file: string, birth: Birth): void {
  if (existsSync(`${file}-wal`))
    throw new DamageFault('it is missing, though its write-ahead log is there');
  const unfinished = `${file}.new`;
  // An earlier start was killed here and left this file.
  for (const suffix of ['', '-journal', '-wal', '-shm'])
    rmSync(unfinished + suffix, { force: true });
  makeOwnFile(unfinished);
  const database = new Database(unfinished);
  try {
    database.pragma('page_size = 4096');
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('synchronous = FULL');
    database.transaction(() => {
      database.exec(TABLES);
      const put = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?)');
      put.run('schema_version', JSON.stringify(SCHEMA_VERSION));
      put.run('unsynced', 'false');
      const header = { clusterId: null, horizon: 0, stable: new Map(), stableClock: -1 };
      for (const [name, value] of metaRows({ ...header, ...birth })) put.run(name, value);
    })();
  } finally {
    database.close();
  }
  renameSync(unfinished, file);
  syncDirectory(dirname(file));
}

/** The disk keeps a new name only once its directory is synced. */
export function syncDirectory(directory: string): void {
  // Windows has no such call, and needs none.
  if (process.platform === 'win32') return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export interface Content {
  readonly meta: ReadonlyMap<string, string>;
  readonly origins: readonly OriginRecord[];
  readonly lastLsn: number;
}

/**
 * Reads the header and the records at opening, and checks that all tables are there.
 *
 * @throws DamageFault, HeaderFault if it is not a whole log.
 * @throws WrongFault if it is another cluster's or a later version's.
 */
export function readContent(database: Database.Database, clusterName: string): Content {
  const parts = new Set(database.prepare('SELECT name FROM sqlite_schema').pluck().all());
  checkPart(parts, 'meta');
  const meta = readMeta(database);
  // Checked before the other tables, because a later version may have others.
  checkVersion(meta);
  for (const part of ['op', 'op_id', 'origin']) checkPart(parts, part);
  checkSchema(database);
  const found = clusterNameOf(meta);
  if (found !== clusterName)
    throw new WrongFault(
      `belongs to the cluster "${found}" and not to "${clusterName}"; name that cluster, or another directory`,
    );
  parseHeader(meta);
  const origins = readRecords(database);
  const lastLsn = database.prepare('SELECT coalesce(max(lsn), 0) FROM op').pluck().get();
  return { meta, origins, lastLsn: Number(lastLsn) };
}

interface SchemaPart {
  readonly type: unknown;
  readonly name: unknown;
  readonly sql: unknown;
}

/** Tables and indexes as they were made, without SQLite's own. */
const schemaOf = (database: Database.Database): Map<string, SchemaPart> =>
  new Map(
    database
      .prepare<[], SchemaPart>(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      .all()
      .map((part) => [`${part.type} ${part.name}`, part]),
  );

const withoutSpace = (sql: unknown): string => String(sql).replace(/\s+/g, ' ');

let made: Map<string, SchemaPart> | null = null;

function madeSchema(): Map<string, SchemaPart> {
  if (made !== null) return made;
  const empty = new Database(':memory:');
  try {
    empty.exec(TABLES);
    made = schemaOf(empty);
    return made;
  } finally {
    empty.close();
  }
}

/**
 * Refuses a trigger or a view: it would change what the log stores or shows, and a reader of rows would
 * not see it.
 *
 * @throws DamageFault if the file holds another schema than this version makes.
 */
export function checkSchema(database: Database.Database): void {
  const found = schemaOf(database);
  for (const [name, { sql }] of found) {
    const expected = madeSchema().get(name);
    if (expected === undefined)
      throw new DamageFault(`it holds a ${name}, which Hearsay does not make`);
    if (withoutSpace(expected.sql) !== withoutSpace(sql))
      throw new DamageFault(`its ${name} is not as Hearsay makes it`);
  }
  for (const name of madeSchema().keys())
    if (!found.has(name)) throw new DamageFault(`its ${name} is missing`);
}

/**
 * Refuses a FIFO or a device of that name, which would hang the process that opens it.
 *
 * @throws SettingError if the path names something that is no file; a missing file passes.
 */
export function checkIsFile(file: string): void {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined || status.isFile()) return;
  throw new SettingError(
    `${file} is no file, and so no log: move it away, or name another directory.`,
  );
}

function checkPart(parts: ReadonlySet<unknown>, part: string): void {
  if (!parts.has(part)) throw new DamageFault(`its table or index ${part} is missing`);
}

export function readMeta(database: Database.Database): ReadonlyMap<string, string> {
  const meta = new Map<string, string>();
  for (const row of database.prepare('SELECT name, value FROM meta').raw().all()) {
    const [name, value]: unknown[] = Array.isArray(row) ? row : [];
    if (typeof name === 'string' && typeof value === 'string') meta.set(name, value);
  }
  return meta;
}

/** @throws DamageFault if a record is malformed. */
export const readRecords = (database: Database.Database): OriginRecord[] =>
  database
    .prepare(`SELECT ${RECORD_COLUMNS.join(', ')} FROM origin ORDER BY origin`)
    .raw()
    .all()
    .map(recordOf);

/** @throws WrongFault if a later version wrote the file. */
export function checkVersion(meta: ReadonlyMap<string, string>): void {
  const version = schemaVersionOf(meta);
  if (version > SCHEMA_VERSION)
    throw new WrongFault(
      `was written by a newer Hearsay (schema ${version}, this one knows ${SCHEMA_VERSION}); upgrade this node`,
    );
}

function recordOf(row: unknown): OriginRecord {
  const [origin, ...numbers]: unknown[] = Array.isArray(row) ? row : [];
  const [seq = -1, sumHigh = -1, sumLow = -1, reach = -1, high = -1, low = -1] = numbers.map(
    (number) => (typeof number === 'number' && Number.isSafeInteger(number) ? number : -1),
  );
  if (!isOrigin(origin) || Math.min(seq, sumHigh, sumLow, reach, high, low) < 0)
    throw new DamageFault(`its record of the origin ${String(origin)} is unreadable`);
  return {
    origin,
    seq,
    sum: { high: sumHigh, low: sumLow },
    reach,
    compactedSum: { high, low },
  };
}

/** The columns of a record, in the order of `RECORD_COLUMNS`. */
export const recordColumns = (record: OriginRecord): (string | number)[] => [
  record.origin,
  record.seq,
  record.sum.high,
  record.sum.low,
  record.reach,
  record.compactedSum.high,
  record.compactedSum.low,
];
