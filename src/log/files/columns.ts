/**
 * Turns columns of SQLite into rows and heads for the tools. The log's own check (`RowPacker`) decides
 * whether the columns can be an op. It costs more than the rest of reading, so it runs only if a first
 * look finds something odd.
 */

import { isOp, type Kind, type OpParts } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { RowFault, RowPacker } from '../sqlite/columns.ts';
import type { Head, Mark } from '../tools/logSource.ts';

const HEAD_COLUMNS =
  'lsn, committed_at, won, kind, origin, seq, hlc, generation, version, expires_at, hash_high, hash_low, key';
/** In the order of `COLUMNS` of the log. */
export const ROW_SQL = `${HEAD_COLUMNS}, value, meta`;
/**
 * Longer texts are read one by one, so that a page of a thousand rows stays small. Measuring them
 * beforehand, in a query of its own, cost a tenth of a walk.
 */
const LONG_TEXT_BYTES = 16 * 1024;
const shortened = (column: string): string =>
  `iif(octet_length(${column}) > ${LONG_TEXT_BYTES}, 1, ${column})`;
/** `COLUMNS`, with a number in the place of long texts. */
export const SHORT_ROW_SQL = `${HEAD_COLUMNS}, ${shortened('value')}, ${shortened('meta')}`;
export const hasLongText = (columns: readonly unknown[]): boolean =>
  typeof columns[13] === 'number' || typeof columns[14] === 'number';

/**
 * `COLUMNS`, with the length of each text in its place. SQLite gives the length without reading the
 * text.
 */
export const HEAD_SQL = `${HEAD_COLUMNS}, octet_length(value), octet_length(meta), octet_length(key)`;

export const MARK_SQL = 'lsn, committed_at, won, kind, key, expires_at';

/** The columns of a sound row; only `isSound` proves that a row is sound. */
type Columns = readonly [
  lsn: number,
  committedAt: number,
  won: 0 | 1,
  kind: Kind,
  origin: string,
  seq: number,
  hlc: number,
  generation: number,
  version: number,
  expiresAt: number | null,
  hashHigh: number,
  hashLow: number,
  key: string,
  value: string | null,
  meta: string | null,
];

/** The columns of a sound head, with the lengths of the texts. */
type HeadColumns = readonly [
  ...start: Columns extends readonly [...infer Start, string | null, string | null] ? Start : never,
  valueBytes: number | null,
  metaBytes: number | null,
  keyBytes: number,
];

const isInteger = (column: unknown): boolean =>
  typeof column === 'number' && column >= 0 && Number.isSafeInteger(column);
const isWord = (column: unknown): boolean => isInteger(column) && Number(column) <= 0xffffffff;

const hasSoundStart = (columns: readonly unknown[]): boolean =>
  isInteger(columns[0]) &&
  isInteger(columns[1]) &&
  (columns[2] === 0 || columns[2] === 1) &&
  typeof columns[4] === 'string' &&
  isInteger(columns[5]) &&
  isInteger(columns[6]) &&
  isInteger(columns[7]) &&
  isInteger(columns[8]) &&
  (columns[9] === null || isInteger(columns[9])) &&
  isWord(columns[10]) &&
  isWord(columns[11]) &&
  typeof columns[12] === 'string';

/** @param type of value and meta. */
function isSound(columns: readonly unknown[], type: 'string' | 'number'): boolean {
  if (!hasSoundStart(columns)) return false;
  const [, , , kind, , , , , , expiresAt, , , , value, meta] = columns;
  const hasValue = typeof value === type;
  if (kind === 'put') return hasValue && (meta === null || typeof meta === type);
  if (expiresAt !== null || meta !== null) return false;
  if (kind === 'join') return value === null || hasValue;
  return (kind === 'delete' || kind === 'retire') && value === null;
}

const areColumns = (columns: readonly unknown[]): columns is Columns => isSound(columns, 'string');
const areHeadColumns = (columns: readonly unknown[]): columns is HeadColumns =>
  isSound(columns, 'number');

/** @throws RowFault if the columns can't be those of an op. */
export function rowOf(columns: readonly unknown[]): Row {
  if (!areColumns(columns)) throw faultIn(columns);
  // Written out in the order of `Op`: this runs for every row of a walk.
  const op: OpParts = {
    origin: columns[4],
    seq: columns[5],
    hlc: columns[6],
    kind: columns[3],
    key: columns[12],
    generation: columns[7],
    version: columns[8],
    expiresAt: columns[9],
    value: columns[13],
    meta: columns[14],
    hashHigh: columns[10],
    hashLow: columns[11],
  };
  if (!isOp(op)) throw faultIn(columns);
  return { lsn: columns[0], committedAt: columns[1], won: columns[2] === 1, op };
}

/** @throws RowFault if the columns can't be those of an op. */
export function headOf(columns: readonly unknown[]): Head {
  if (!areHeadColumns(columns)) throw faultIn(asRow(columns));
  return {
    lsn: columns[0],
    committedAt: columns[1],
    won: columns[2] === 1,
    kind: columns[3],
    origin: columns[4],
    seq: columns[5],
    hlc: columns[6],
    key: columns[12],
    generation: columns[7],
    version: columns[8],
    expiresAt: columns[9],
    hashHigh: columns[10],
    hashLow: columns[11],
    textBytes: columns[15] + (columns[13] ?? 0) + (columns[14] ?? 0),
  };
}

/** @throws RowFault if the columns can't be those of an op. */
export function markOf(columns: readonly unknown[]): Mark {
  const [lsn, committedAt, won, kind, key, expiresAt] = columns;
  if (
    typeof lsn !== 'number' ||
    !isTime(committedAt) ||
    (won !== 0 && won !== 1) ||
    (kind !== 'put' && kind !== 'delete' && kind !== 'join' && kind !== 'retire') ||
    typeof key !== 'string' ||
    (expiresAt !== null && !isTime(expiresAt))
  )
    throw new RowFault(typeof lsn === 'number' ? lsn : 0, 'its columns are not those of an op');
  return { lsn, committedAt, won: won === 1, kind, key, expiresAt };
}

const isTime = (column: unknown): column is number => isInteger(column);

/**
 * The columns of a head in the form that the log's check takes: it looks at texts, not at their
 * lengths.
 */
function asRow(columns: readonly unknown[]): unknown[] {
  const text = (length: unknown): unknown => (typeof length === 'number' ? '' : length);
  return [...columns.slice(0, 13), text(columns[13]), text(columns[14])];
}

/** The fault in the words of the log's own check. */
function faultIn(columns: readonly unknown[]): RowFault {
  const lsn = typeof columns[0] === 'number' ? columns[0] : 0;
  try {
    new RowPacker().add(columns);
  } catch (error) {
    if (error instanceof RowFault) return error;
    throw error;
  }
  return new RowFault(lsn, 'its columns are not those of an op');
}
