/**
 * The boundary where columns of SQLite become ops: `RowPacker` passes only columns that can be an op. A
 * STRICT table already guarantees the types, unless the file is damaged; this check looks for such
 * damage. The replay checks whether an op is the true one (its hash, its place).
 */
import { KINDS } from '../../words/op.ts';
import { OriginList, type PackedRows } from './packedRows.ts';

/** The columns of `op` in the order that `RowPacker.add` takes and `columnsOf` gives. */
export const COLUMNS = [
  'lsn',
  'committed_at',
  'won',
  'kind',
  'origin',
  'seq',
  'hlc',
  'generation',
  'version',
  'expires_at',
  'hash_high',
  'hash_low',
  'key',
  'value',
  'meta',
] as const;

/** A row whose columns can't be those of an op. */
export class RowFault extends Error {
  readonly lsn: number;
  constructor(lsn: number, fault: string) {
    super(fault);
    this.lsn = lsn;
  }
}

/** Gathers one page of rows from their columns. */
export class RowPacker {
  readonly #numbers: number[] = [];
  readonly #texts: (string | null)[] = [];
  readonly #list = new OriginList();
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }

  /** The length of keys, values and metas, in UTF-16 code units. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param columns in the order of `COLUMNS`.
   * @throws RowFault if they can't be those of an op.
   */
  add(columns: readonly unknown[]): void {
    const numbers = this.#numbers;
    const lsn = integer(columns, 0, -1);
    numbers.push(lsn, integer(columns, 1, lsn), flag(columns, 2, lsn), kindIndex(columns, 3, lsn));
    numbers.push(this.#list.indexOf(text(columns, 4, lsn)));
    for (let index = 5; index <= 8; index++) numbers.push(integer(columns, index, lsn));
    numbers.push(columns[9] === null ? Number.NaN : integer(columns, 9, lsn));
    numbers.push(word(columns, 10, lsn), word(columns, 11, lsn));
    const key = text(columns, 12, lsn);
    const value = textOrNull(columns, 13, lsn);
    const meta = textOrNull(columns, 14, lsn);
    checkShape(columns[3], columns[9], value, meta, lsn);
    this.#texts.push(key, value, meta);
    this.#rows++;
    this.#bytes += key.length + (value?.length ?? 0) + (meta?.length ?? 0);
  }

  packed(): PackedRows {
    const numbers = new Float64Array(this.#numbers);
    return { numbers, texts: this.#texts, origins: this.#list.origins };
  }
}

function faulty(columns: readonly unknown[], index: number, lsn: number): RowFault {
  const column = columns[index];
  const shown = typeof column === 'string' ? JSON.stringify(column.slice(0, 40)) : String(column);
  return new RowFault(lsn, `its ${COLUMNS[index]} is ${shown}`);
}

function integer(columns: readonly unknown[], index: number, lsn: number): number {
  const column = columns[index];
  // A greater integer reaches JavaScript rounded, so it can't be told from its neighbours.
  if (typeof column !== 'number' || !Number.isSafeInteger(column) || column < 0)
    throw faulty(columns, index, lsn);
  return column;
}

function flag(columns: readonly unknown[], index: number, lsn: number): number {
  const column = integer(columns, index, lsn);
  if (column > 1) throw faulty(columns, index, lsn);
  return column;
}

/** Half of a hash. */
function word(columns: readonly unknown[], index: number, lsn: number): number {
  const column = integer(columns, index, lsn);
  if (column > 0xffffffff) throw faulty(columns, index, lsn);
  return column;
}

function text(columns: readonly unknown[], index: number, lsn: number): string {
  const column = columns[index];
  if (typeof column !== 'string') throw faulty(columns, index, lsn);
  return column;
}

const textOrNull = (columns: readonly unknown[], index: number, lsn: number): string | null =>
  columns[index] === null ? null : text(columns, index, lsn);

function kindIndex(columns: readonly unknown[], index: number, lsn: number): number {
  const column = text(columns, index, lsn);
  const kind = (KINDS as readonly string[]).indexOf(column);
  if (kind < 0) throw faulty(columns, index, lsn);
  return kind;
}

/** Only a put always has a value, and only a put may expire or have a meta; a join may have a value. */
function checkShape(
  kind: unknown,
  expiresAt: unknown,
  value: string | null,
  meta: string | null,
  lsn: number,
): void {
  if (kind === 'put') {
    if (value === null) throw new RowFault(lsn, 'a put has no value');
    return;
  }
  if (expiresAt !== null) throw new RowFault(lsn, `a ${kind} has an expiry`);
  if (meta !== null) throw new RowFault(lsn, `a ${kind} has a meta`);
  if (value !== null && kind !== 'join') throw new RowFault(lsn, `a ${kind} has a value`);
}
