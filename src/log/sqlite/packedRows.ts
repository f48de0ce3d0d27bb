/**
 * Rows as they cross between threads: one array of numbers and one of texts. Cloning an object costs
 * many times as much as its columns, and on the thread that answers clients.
 *
 * Packed rows are typed as ops already: `packRows` takes rows, and `RowPacker` (columns.ts) checks
 * columns before it packs them. So malformed packed rows are a broken invariant.
 */
import { BrokenInvariantError } from '../../words/errors.ts';
import { at, present } from '../../words/invariant.ts';
import { formatOpId, isOp, KINDS, type Op, type OpParts } from '../../words/op.ts';
import type { Row, RowHead } from '../../words/row.ts';
import { headOf } from '../../words/row.ts';

export interface PackedRows {
  /**
   * For each row its numbers, in the order of the constants below, which is also that of
   * `RowPacker.add`.
   */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** For each row its key, value and meta. */
  readonly texts: readonly (string | null)[];
  /** The origins that the rows name by index: they are few, so each crosses once. */
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

/** Gives each origin its index, in order of first mention. */
export class OriginList {
  readonly origins: string[] = [];
  readonly #indexes = new Map<string, number>();
  #last = 0;

  indexOf(origin: string): number {
    // Rows of one origin mostly follow each other.
    if (this.origins[this.#last] !== origin) this.#last = this.#indexOf(origin);
    return this.#last;
  }

  #indexOf(origin: string): number {
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
  let first = 0;
  for (const { lsn, committedAt, won, op } of rows) {
    numbers[first + LSN] = lsn;
    numbers[first + COMMITTED_AT] = committedAt;
    numbers[first + WON] = won ? 1 : 0;
    numbers[first + KIND] = KINDS.indexOf(op.kind);
    numbers[first + ORIGIN] = list.indexOf(op.origin);
    numbers[first + SEQ] = op.seq;
    numbers[first + HLC] = op.hlc;
    numbers[first + GENERATION] = op.generation;
    numbers[first + VERSION] = op.version;
    // NaN stands for null, which an array of numbers can't hold.
    numbers[first + EXPIRES_AT] = op.expiresAt ?? Number.NaN;
    numbers[first + HASH_HIGH] = op.hashHigh;
    numbers[first + HASH_LOW] = op.hashLow;
    texts.push(op.key, op.value, op.meta);
    first += NUMBERS;
  }
  return { numbers, texts, origins: list.origins };
}

export const rowCount = ({ numbers }: PackedRows): number => numbers.length / NUMBERS;

/** The columns of some rows, one row after another, each in the order of `COLUMNS` (columns.ts), for SQLite to bind. */
export function columnsOf(
  { numbers, texts, origins }: PackedRows,
  row: number,
  count = 1,
): unknown[] {
  const columns: unknown[] = [];
  for (let place = row; place < row + count; place++) {
    const first = place * NUMBERS;
    const firstText = place * TEXTS;
    columns.push(
      at(numbers, first + LSN),
      at(numbers, first + COMMITTED_AT),
      at(numbers, first + WON),
      at(KINDS, at(numbers, first + KIND)),
      at(origins, at(numbers, first + ORIGIN)),
      at(numbers, first + SEQ),
      at(numbers, first + HLC),
      at(numbers, first + GENERATION),
      at(numbers, first + VERSION),
      numberOrNull(numbers, first + EXPIRES_AT),
      at(numbers, first + HASH_HIGH),
      at(numbers, first + HASH_LOW),
      at(texts, firstText + KEY),
      at(texts, firstText + VALUE),
      at(texts, firstText + META),
    );
  }
  return columns;
}

/** The columns that the rows of a run share, by name, for SQLite to bind. Each row counts `lsn`, `seq` and `hlc` up by one. */
export interface RunColumns {
  readonly lsn: number;
  readonly committedAt: number;
  readonly won: number;
  readonly kind: string;
  readonly origin: string;
  readonly seq: number;
  readonly hlc: number;
  readonly generation: number;
  readonly expiresAt: number | null;
}

/** The numbers of a row that are equal in a run, but for the expiry; and those that count up, as lsns always do. */
const EQUAL = [COMMITTED_AT, WON, KIND, ORIGIN, GENERATION] as const;
const COUNTING = [SEQ, HLC] as const;

/**
 * The number of rows from that one on that are a run: each goes on from the one before, as puts do that were born in
 * one commit. Its rows differ in version, hash, key and value alone, and have no meta.
 *
 * @param most a longer run is cut there.
 */
export function runLength({ numbers, texts }: PackedRows, row: number, most: number): number {
  const end = Math.min(numbers.length / NUMBERS, row + most);
  let next = row;
  for (; next < end; next++) {
    if (at(texts, next * TEXTS + META) !== null) break;
    if (next > row && !goesOn(numbers, next * NUMBERS)) break;
  }
  return next - row;
}

/** Whether the row whose numbers begin there goes on from the one before. */
function goesOn(numbers: Float64Array, first: number): boolean {
  const before = first - NUMBERS;
  for (const place of COUNTING)
    if (at(numbers, first + place) !== at(numbers, before + place) + 1) return false;
  for (const place of EQUAL)
    if (at(numbers, first + place) !== at(numbers, before + place)) return false;
  // NaN, which stands for null, is the same as itself here.
  return Object.is(at(numbers, first + EXPIRES_AT), at(numbers, before + EXPIRES_AT));
}

/** The columns that the rows of the run that begins there share. */
export function runColumns({ numbers, origins }: PackedRows, row: number): RunColumns {
  const first = row * NUMBERS;
  return {
    lsn: at(numbers, first + LSN),
    committedAt: at(numbers, first + COMMITTED_AT),
    won: at(numbers, first + WON),
    kind: at(KINDS, at(numbers, first + KIND)),
    origin: at(origins, at(numbers, first + ORIGIN)),
    seq: at(numbers, first + SEQ),
    hlc: at(numbers, first + HLC),
    generation: at(numbers, first + GENERATION),
    expiresAt: numberOrNull(numbers, first + EXPIRES_AT),
  };
}

/** The other columns of rows of a run, one row after another: version, both halves of the hash, key, value. */
export function ownColumnsOf(
  { numbers, texts }: PackedRows,
  row: number,
  count: number,
): unknown[] {
  const columns: unknown[] = [];
  for (let place = row; place < row + count; place++) {
    const first = place * NUMBERS;
    const firstText = place * TEXTS;
    columns.push(
      at(numbers, first + VERSION),
      at(numbers, first + HASH_HIGH),
      at(numbers, first + HASH_LOW),
      at(texts, firstText + KEY),
      at(texts, firstText + VALUE),
    );
  }
  return columns;
}

/** Unpacks rows; equal origins become one string, shared by all their rows. */
export class RowUnpacker {
  readonly #origins = new Map<string, string>();

  rows(packed: PackedRows): Row[] {
    const origins = packed.origins.map((origin) => this.#shared(origin));
    const { numbers } = packed;
    const rows: Row[] = [];
    for (let row = 0; row < rowCount(packed); row++) {
      const first = row * NUMBERS;
      rows.push({
        lsn: at(numbers, first + LSN),
        committedAt: at(numbers, first + COMMITTED_AT),
        won: at(numbers, first + WON) === 1,
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

function numberOrNull(numbers: Float64Array, index: number): number | null {
  const number = at(numbers, index);
  return Number.isNaN(number) ? null : number;
}

/** @throws BrokenInvariantError if the packed row is no op. */
function opAt({ numbers, texts }: PackedRows, origins: readonly string[], row: number): Op {
  const first = row * NUMBERS;
  const firstText = row * TEXTS;
  // Written out in the order of `Op`: this runs for every row of a replay.
  const parts: OpParts = {
    origin: at(origins, at(numbers, first + ORIGIN)),
    seq: at(numbers, first + SEQ),
    hlc: at(numbers, first + HLC),
    kind: at(KINDS, at(numbers, first + KIND)),
    key: present(at(texts, firstText + KEY), 'a packed key'),
    generation: at(numbers, first + GENERATION),
    version: at(numbers, first + VERSION),
    expiresAt: numberOrNull(numbers, first + EXPIRES_AT),
    value: at(texts, firstText + VALUE),
    meta: at(texts, firstText + META),
    hashHigh: at(numbers, first + HASH_HIGH),
    hashLow: at(numbers, first + HASH_LOW),
  };
  if (isOp(parts)) return parts;
  throw new BrokenInvariantError(
    `the packed row of the ${parts.kind} ${formatOpId(parts)} is no such op`,
  );
}
