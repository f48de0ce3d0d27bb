/**
 * Faults of SQLite, in a form that crosses between threads, where classes of errors do not
 * survive.
 */

import { DamagedLogError } from '../../words/errors.ts';
import { RowFault } from './columns.ts';
import { HeaderFault } from './header.ts';

export interface Fault {
  /**
   * `full`: the disk is full, and the transaction is rolled back. `duplicate`: an op id stands twice,
   * and the transaction is rolled back. `damaged`: the content of the file is impossible. `locked`:
   * another process uses the file. `unusable`: the file can't be opened, for want of rights or the
   * like. `wrong`: the file is another cluster's or a later version's.
   */
  readonly kind: 'full' | 'duplicate' | 'damaged' | 'locked' | 'unusable' | 'wrong' | 'other';
  readonly message: string;
  readonly lsn: number | null;
}

/** The directory is of another cluster or a later version; the message tells people which. */
export class WrongFault extends Error {}

/** The content of the file is impossible; the message names the fault. */
export class DamageFault extends Error {}

/**
 * Only SQLITE_FULL counts as full. SQLite makes it from ENOSPC on a write before the frame that
 * commits, so the transaction is rolled back for certain. Every other failed write or sync may leave a
 * whole transaction on the disk that a restart would find, so its outcome is unknown:
 * SQLITE_IOERR_WRITE for a quota, SQLITE_IOERR_FSYNC if a file system finds out late that it is full,
 * SQLITE_IOERR_SHMSIZE after the frames were written.
 */
const FULL = ['SQLITE_FULL'];
const DUPLICATE = ['SQLITE_CONSTRAINT_UNIQUE'];
const DAMAGED = [
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_FORMAT',
  'SQLITE_IOERR_SHORT_READ',
  'SQLITE_IOERR_READ',
  'SQLITE_IOERR_CORRUPTFS',
  'SQLITE_IOERR_DATA',
];
const LOCKED = ['SQLITE_BUSY', 'SQLITE_LOCKED'];
const UNUSABLE = ['SQLITE_CANTOPEN', 'SQLITE_PERM', 'SQLITE_READONLY', 'SQLITE_AUTH'];

/** Extended codes begin with the code that they extend. */
const isOneOf = (codes: readonly string[], code: string): boolean =>
  codes.some((known) => code === known || code.startsWith(`${known}_`));

function kindOf(code: string, message: string): Fault['kind'] {
  if (isOneOf(FULL, code)) return 'full';
  if (isOneOf(DUPLICATE, code)) return 'duplicate';
  if (isOneOf(DAMAGED, code)) return 'damaged';
  if (isOneOf(LOCKED, code)) return 'locked';
  if (isOneOf(UNUSABLE, code)) return 'unusable';
  // Every statement is fixed, so one that does not fit the tables shows that they have been changed.
  if (code === 'SQLITE_ERROR' && /^no such (table|column)|has no column/.test(message))
    return 'damaged';
  return 'other';
}

/** @param error any thrown value. */
export function faultOf(error: unknown): Fault {
  if (error instanceof RowFault) return { kind: 'damaged', message: error.message, lsn: error.lsn };
  if (error instanceof HeaderFault || error instanceof DamageFault)
    return { kind: 'damaged', message: error.message, lsn: null };
  if (error instanceof DamagedLogError)
    return { kind: 'damaged', message: error.fault, lsn: error.lsn };
  if (error instanceof WrongFault) return { kind: 'wrong', message: error.message, lsn: null };
  if (!(error instanceof Error)) return { kind: 'other', message: String(error), lsn: null };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { kind: kindOf(code, error.message), message: error.message, lsn: null };
}
