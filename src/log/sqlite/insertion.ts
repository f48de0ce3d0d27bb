/**
 * Inserts packed rows with few bound values: to bind one takes the thread that writes about as long as SQLite takes to
 * write it. So several rows share a statement, and rows that go on from each other, as the puts of a commit do, bind
 * what they share once; and values are arguments, which are read faster than the elements of an array (docs/performance.md).
 */
import type Database from 'better-sqlite3';
import { COLUMNS } from './columns.ts';
import {
  columnsOf,
  ownColumnsOf,
  type PackedRows,
  rowCount,
  runColumns,
  runLength,
} from './packedRows.ts';

/** Rows of one statement: a row takes a quarter less time than alone, and more rows bring no more. */
const ROWS = 8;
/** Rows of one statement for a run, the most first. */
const RUNS = [64, 16, 4] as const;

/** The columns in the order of a row of `runInsertion`: those that a run shares, then those that each row has of its own. */
const RUN_COLUMNS = [
  'lsn',
  'committed_at',
  'won',
  'kind',
  'origin',
  'seq',
  'hlc',
  'generation',
  'expires_at',
  'version',
  'hash_high',
  'hash_low',
  'key',
  'value',
];

export class RowInsertion {
  readonly #one: Database.Statement;
  readonly #several: Database.Statement;
  readonly #runs: readonly { readonly rows: number; readonly statement: Database.Statement }[];

  constructor(database: Database.Database) {
    this.#one = database.prepare(insertion(1));
    this.#several = database.prepare(insertion(ROWS));
    this.#runs = RUNS.map((rows) => ({ rows, statement: database.prepare(runInsertion(rows)) }));
  }

  insert(rows: PackedRows): void {
    const count = rowCount(rows);
    let row = 0;
    while (row < count) row += this.#insertRun(rows, row) || this.#insertSome(rows, row);
  }

  /** @returns the number of rows that were inserted: 0 where too few are a run. */
  #insertRun(rows: PackedRows, row: number): number {
    for (const { rows: count, statement } of this.#runs) {
      if (runLength(rows, row, count) < count) continue;
      statement.run(runColumns(rows, row), ...ownColumnsOf(rows, row, count));
      return count;
    }
    return 0;
  }

  /** @returns the number of rows that were inserted. */
  #insertSome(rows: PackedRows, row: number): number {
    const count = row + ROWS <= rowCount(rows) ? ROWS : 1;
    const statement = count === ROWS ? this.#several : this.#one;
    statement.run(...columnsOf(rows, row, count));
    return count;
  }
}

function insertion(rows: number): string {
  const values = `(${COLUMNS.map(() => '?').join(', ')})`;
  return `INSERT INTO op (${COLUMNS.join(', ')}) VALUES ${Array(rows).fill(values).join(', ')}`;
}

/** Binds `RunColumns` by name, and then five values a row. */
function runInsertion(rows: number): string {
  const values = Array.from(
    { length: rows },
    (_, index) =>
      `(@lsn + ${index}, @committedAt, @won, @kind, @origin, @seq + ${index}, @hlc + ${index}, @generation, @expiresAt, ?, ?, ?, ?, ?)`,
  );
  return `INSERT INTO op (${RUN_COLUMNS.join(', ')}) VALUES ${values.join(', ')}`;
}
