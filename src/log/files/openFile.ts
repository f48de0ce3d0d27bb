/**
 * Finds and opens the file of a log without changing it, in whichever state it is: a data directory, a
 * copy of one, a copy in a folder that can't be written, a backup, or a truncated file.
 */

import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import {
  DamagedLogError,
  HearsayError,
  SettingError,
  WrongDirectoryError,
} from '../../words/errors.ts';
import { DirectoryLock, LOCK_NAME } from '../sqlite/directoryLock.ts';
import { faultOf } from '../sqlite/faults.ts';
import { checkIsFile, checkSchema } from '../sqlite/file.ts';
import { LogFile } from './logFile.ts';

export const LOG_NAME = 'hearsay.db';
/** Room for the upper pages of the tree, and for the pages that a walk reads ahead. */
const CACHE_KIBIBYTES = 16 * 1024;
/** The longest wait for a writer that starts or stops at this moment. */
const BUSY_TIMEOUT_MS = 2000;

export interface OpenedFile {
  readonly log: LogFile;
  /** The file that was named; the open file may be a copy of it. */
  readonly file: string;
  /** A predicate of the file (`is cut short: …`) if only a part of it can be read, or null. */
  readonly cutShort: string | null;
  close(): void;
}

/**
 * The file for a path: a data directory's log, or the file itself. @throws SettingError if there is no
 * log, or something that is no file stands in its place.
 */
export function logFileAt(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined)
    throw new SettingError(
      `There is nothing at ${path}: name a data directory, or the file of a log.`,
    );
  const file = status.isDirectory() ? join(path, LOG_NAME) : path;
  if (existsSync(file)) {
    checkIsFile(file);
    return file;
  }
  throw new SettingError(
    `The directory ${path} holds no log (${LOG_NAME}): name a data directory.`,
  );
}

/**
 * Opens the log at a path.
 *
 * @throws SettingError if there is no log, DamagedLogError if nothing of it can be read,
 *   WrongDirectoryError if a later version wrote it.
 */
export function openLogFile(path: string): OpenedFile {
  const file = logFileAt(path);
  const folder = canOpenThere(file) ? null : copyToTemporary(file);
  const wasAtRest = !existsSync(`${file}-wal`) && !existsSync(`${file}-shm`);
  const remove = (): void => {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
    else if (wasAtRest) tidyUp(file);
  };
  try {
    const { database, cutShort } = connect(
      folder === null ? file : join(folder, basename(file)),
      file,
    );
    try {
      if (cutShort === null) checkSchema(database);
      const log = new LogFile(file, database);
      log.facts(0);
      return {
        log,
        file,
        cutShort,
        close: () => {
          log.close();
          remove();
        },
      };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    remove();
    throw openingError(file, error);
  }
}

/**
 * Whether SQLite can open the file in its folder. It keeps an index of the write-ahead log in shared
 * memory, in a file beside the log, and can't read a log in WAL mode if it can neither find nor make
 * that file.
 */
function canOpenThere(file: string): boolean {
  try {
    accessSync(dirname(file), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reading a log in WAL mode that no process has open makes two empty files beside it. They are removed,
 * so that reading leaves no trace, but only under the lock that a node takes before it opens its log:
 * without the lock, a node could lose its writes.
 */
function tidyUp(file: string): void {
  const directory = dirname(file);
  if (basename(file) !== LOG_NAME || !existsSync(join(directory, LOCK_NAME))) return;
  try {
    const lock = new DirectoryLock(directory);
    const wal = statSync(`${file}-wal`, { throwIfNoEntry: false });
    if (wal?.size === 0)
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    lock.release();
  } catch (error) {
    if (!(error instanceof HearsayError)) throw error;
    // A node has opened the log by now, so the files belong to it.
  }
}

function copyToTemporary(file: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-read-'));
  try {
    for (const suffix of ['', '-wal'])
      if (existsSync(file + suffix))
        copyFileSync(file + suffix, join(folder, basename(file) + suffix));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

interface Connected {
  readonly database: Database.Database;
  readonly cutShort: string | null;
}

function connect(open: string, file: string): Connected {
  try {
    return { database: connection(open), cutShort: null };
  } catch (error) {
    const cutShort = faultOf(error).kind === 'damaged' ? shortness(open) : null;
    if (cutShort === null) throw error;
    const database = connectionToTornFile(open, file, cutShort);
    return { database, cutShort };
  }
}

function connection(
  file: string,
  prepare?: (database: Database.Database) => void,
): Database.Database {
  const database = new Database(file, {
    readonly: true,
    fileMustExist: true,
    timeout: BUSY_TIMEOUT_MS,
  });
  try {
    // Done first, because the others read the file.
    prepare?.(database);
    database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
    database.pragma('cell_size_check = ON');
    database.pragma('trusted_schema = OFF');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * SQLite refuses a file that is shorter than its header says, unless the connection may write the
 * schema.
 */
function connectionToTornFile(open: string, file: string, cutShort: string): Database.Database {
  try {
    return connection(open, (database) => {
      database.unsafeMode(true);
      database.pragma('writable_schema = ON');
    });
  } catch {
    throw new DamagedLogError(file, `it ${cutShort}`, null);
  }
}

/** A predicate of the file if the file has fewer pages than its header says. */
function shortness(file: string): string | null {
  const sizeBytes = statSync(file).size;
  const { pageBytes, pages } = headerOf(file);
  if (pageBytes === 0 || pages === 0 || sizeBytes >= pageBytes * pages) return null;
  return `is cut short: of its ${pages} pages of ${pageBytes} bytes, ${Math.floor(sizeBytes / pageBytes)} are there`;
}

const MAGIC = 'SQLite format 3\0';
const PAGE_SIZE_AT = 16;
const PAGE_COUNT_AT = 28;
const HEADER_BYTES = 100;

/** Read from the first bytes of the file ("The Database Header", sqlite.org/fileformat2.html). */
function headerOf(file: string): { pageBytes: number; pages: number } {
  const bytes = readStart(file, HEADER_BYTES);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return { pageBytes: 0, pages: 0 };
  const size = bytes.readUInt16BE(PAGE_SIZE_AT);
  return { pageBytes: size === 1 ? 65_536 : size, pages: bytes.readUInt32BE(PAGE_COUNT_AT) };
}

/** Called only while no connection of this process is open: closing a file drops its locks (POSIX). */
function readStart(file: string, lengthBytes: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(lengthBytes);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, lengthBytes, 0));
  } finally {
    closeSync(descriptor);
  }
}

function openingError(file: string, error: unknown): unknown {
  const { kind, message, lsn } = faultOf(error);
  switch (kind) {
    case 'damaged':
      return new DamagedLogError(file, message, lsn);
    case 'wrong':
      return new WrongDirectoryError(`The log ${file} ${message}.`);
    case 'locked':
    case 'unusable':
      return new SettingError(`The log ${file} can't be opened (${message}).`);
    default:
      return error;
  }
}
