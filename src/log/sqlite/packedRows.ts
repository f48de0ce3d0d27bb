/**
 * Rows as they cross between threads: one array of numbers and one of texts, since cloning an object
 * costs many times what its columns do, and that on the thread that answers clients.
 *
 * What is packed is an op by its type: `packRows` takes rows, and `RowPacker` (sqliteColumns.ts) checks
 * columns before it packs them. So unpacking checks nothing again.
 */
import type { Kind, Op } from '../../words/op.ts';
import type { Row, RowHead } from '../../words/row.ts';
import { headOf } from '../../words/row.ts';

export interface PackedRows {
  /** For each row, in the order of the constants below, which is also that of `RowPacker.add`. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** For each row its key, value and meta. */
  readonly texts: readonly (string | null)[];
  /** The origins that the rows name by index: few, so each crosses once. */
  readonly origins: readonly string[];
}

const LSN = 0;
const COMMITTED_AT = 1;
const WON = 2;
const KIND = 3;
const ORIGIN = 4;
const SEQ = 5;
const HLC = 6;
const GENERATION = 7;
const VERSION = 8;
const EXPIRES_AT = 9;
const HASH_HIGH = 10;
const HASH_LOW = 11;
const NUMBERS = 12;

const KEY = 0;
const VALUE = 1;
const META = 2;
const TEXTS = 3;

/** A kind is packed as its index here. */
export const KINDS: readonly Kind[] = ['put', 'delete', 'join', 'retire'];
const PUT = 0;
const DELETE = 1;
const JOIN = 2;

/** Gives each origin its index, in order of first mention. */
export class OriginList {
  readonly origins: string[] = [];
  readonly #indexes = new Map<string, number>();

  indexOf(origin: string): number {
    const known = this.#indexes.get(origin);
    if (known !== undefined) return known;
    const index = this.origins.push(origin) - 1;
    this.#indexes.set(origin, index);
    return index;
  }
}

export function packRows(rows: readonly Row[]): PackedRows {
  const numbers = new Float64Array(rows.length * NUMBERS);
  const texts: (string | null)[] = [];
  const list = new OriginList();
  let at = 0;
  for (const { lsn, committedAt, won, op } of rows) {
    numbers[at + LSN] = lsn;
    numbers[at + COMMITTED_AT] = committedAt;
    numbers[at + WON] = won ? 1 : 0;
    numbers[at + KIND] = KINDS.indexOf(op.kind);
    numbers[at + ORIGIN] = list.indexOf(op.origin);
    numbers[at + SEQ] = op.seq;
    numbers[at + HLC] = op.hlc;
    numbers[at + GENERATION] = op.generation;
    numbers[at + VERSION] = op.version;
    // NaN stands for null, which an array of numbers can't hold.
    numbers[at + EXPIRES_AT] = op.expiresAt ?? Number.NaN;
    numbers[at + HASH_HIGH] = op.hashHigh;
    numbers[at + HASH_LOW] = op.hashLow;
    texts.push(op.key, op.value, op.meta);
    at += NUMBERS;
  }
  return { numbers, texts, origins: list.origins };
}

export const rowCount = ({ numbers }: PackedRows): number => numbers.length / NUMBERS;

/** The columns of one row, in the order of `COLUMNS` (sqliteColumns.ts), as SQLite is to bind them. */
export function columnsOf({ numbers, texts, origins }: PackedRows, row: number): unknown[] {
  const at = row * NUMBERS;
  const textAt = row * TEXTS;
  return [
    numbers[at + LSN],
    numbers[at + COMMITTED_AT],
    numbers[at + WON],
    KINDS[numbers[at + KIND] ?? -1],
    origins[numbers[at + ORIGIN] ?? -1],
    numbers[at + SEQ],
    numbers[at + HLC],
    numbers[at + GENERATION],
    numbers[at + VERSION],
    numberOrNull(numbers, at + EXPIRES_AT),
    numbers[at + HASH_HIGH],
    numbers[at + HASH_LOW],
    texts[textAt + KEY],
    texts[textAt + VALUE],
    texts[textAt + META],
  ];
}

/** Makes rows of packed ones; equal origins become one string, however many rows bear them. */
export class RowUnpacker {
  readonly #origins = new Map<string, string>();

  rows(packed: PackedRows): Row[] {
    const origins = packed.origins.map((origin) => this.#shared(origin));
    const { numbers } = packed;
    const rows: Row[] = [];
    for (let row = 0; row < rowCount(packed); row++) {
      const at = row * NUMBERS;
      rows.push({
        lsn: numberAt(numbers, at + LSN),
        committedAt: numberAt(numbers, at + COMMITTED_AT),
        won: numbers[at + WON] === 1,
        op: opAt(packed, origins, row),
      });
    }
    return rows;
  }

  heads(packed: PackedRows): RowHead[] {
    return this.rows(packed).map(headOf);
  }

  ops(packed: PackedRows): Op[] {
    const origins = packed.origins.map((origin) => this.#shared(origin));
    const ops: Op[] = [];
    for (let row = 0; row < rowCount(packed); row++) ops.push(opAt(packed, origins, row));
    return ops;
  }

  #shared(origin: string): string {
    const known = this.#origins.get(origin);
    if (known !== undefined) return known;
    this.#origins.set(origin, origin);
    return origin;
  }
}

const numberAt = (numbers: Float64Array, index: number): number => numbers[index] ?? Number.NaN;

function numberOrNull(numbers: Float64Array, index: number): number | null {
  const number = numberAt(numbers, index);
  return Number.isNaN(number) ? null : number;
}

function opAt({ numbers, texts }: PackedRows, origins: readonly string[], row: number): Op {
  const at = row * NUMBERS;
  const textAt = row * TEXTS;
  const origin = origins[numberAt(numbers, at + ORIGIN)] ?? '';
  const seq = numberAt(numbers, at + SEQ);
  const hlc = numberAt(numbers, at + HLC);
  const key = texts[textAt + KEY] ?? '';
  const generation = numberAt(numbers, at + GENERATION);
  const version = numberAt(numbers, at + VERSION);
  const value = texts[textAt + VALUE] ?? null;
  const hashHigh = numberAt(numbers, at + HASH_HIGH);
  const hashLow = numberAt(numbers, at + HASH_LOW);
  // Spelled out thrice: this runs for every row of a replay, and spreading costs several times as much.
  switch (numbers[at + KIND]) {
    case PUT:
      return {
        origin,
        seq,
        hlc,
        kind: 'put',
        key,
        generation,
        version,
        expiresAt: numberOrNull(numbers, at + EXPIRES_AT),
        value: value ?? '',
        meta: texts[textAt + META] ?? null,
        hashHigh,
        hashLow,
      };
    case DELETE:
      return {
        origin,
        seq,
        hlc,
        kind: 'delete',
        key,
        generation,
        version,
        expiresAt: null,
        value: null,
        meta: null,
        hashHigh,
        hashLow,
      };
    default:
      return {
        origin,
        seq,
        hlc,
        kind: numbers[at + KIND] === JOIN ? 'join' : 'retire',
        key,
        generation,
        version,
        expiresAt: null,
        value,
        meta: null,
        hashHigh,
        hashLow,
      };
  }
}
