/**
 * The thread that reads, so that a peer that catches up delays no commit. Every request is one page of
 * a bounded size by its own statement: an iterator left open between two pages would hold a read
 * transaction, and the write-ahead log could not start anew until it ended.
 */
import Database from 'better-sqlite3';
import { COLUMNS, RowPacker } from './columns.ts';
import { DamageFault } from './faults.ts';
import type { OpenReader, ReaderReply, ReaderRequest, ReadSum, Rows, Sum } from './messages.ts';
import { serve } from './workerServer.ts';

/**
 * Room for the upper pages of the index on op ids, and for the rows that peers nearly up to date ask
 * for again.
 */
const CACHE_KIBIBYTES = 16 * 1024;

const HEAVY: ReadonlySet<string> = new Set(['value', 'meta']);
const shortened = (column: string): string => `iif(typeof(${column}) = 'null', NULL, '')`;

class Reader {
  readonly #database: Database.Database;
  readonly #rows: Database.Statement;
  readonly #rowAt: Database.Statement;
  readonly #heads: Database.Statement;
  readonly #ops: Database.Statement;
  readonly #sum: Database.Statement;

  constructor(database: Database.Database) {
    this.#database = database;
    const columns = COLUMNS.join(', ');
    this.#rows = database
      .prepare(`SELECT ${columns} FROM op WHERE lsn > ? AND lsn <= ? ORDER BY lsn LIMIT ?`)
      .raw();
    this.#rowAt = database.prepare(`SELECT ${columns} FROM op WHERE lsn = ?`).raw();
    // typeof does not read the value, which may fill many pages.
    const shorn = COLUMNS.map((column) => (HEAVY.has(column) ? shortened(column) : column));
    this.#heads = database
      .prepare(`SELECT ${shorn.join(', ')} FROM op WHERE lsn > ? AND lsn <= ? ORDER BY lsn LIMIT ?`)
      .raw();
    // The plus keeps SQLite from walking by lsn, so that it uses the index on op ids.
    this.#ops = database
      .prepare(
        `SELECT ${columns} FROM op WHERE origin = ? AND seq > ? AND +lsn <= ? ORDER BY seq LIMIT ?`,
      )
      .raw();
    // Computed in SQL, whose integers hold 64 bits: the result is below 2^53 again.
    this.#sum = database
      .prepare(
        `SELECT (sum(hash_high) + (sum(hash_low) >> 32)) & 0xffffffff, sum(hash_low) & 0xffffffff, max(seq)
         FROM (SELECT hash_high, hash_low, seq FROM op
               WHERE origin = ? AND seq > ? AND seq <= ? AND +lsn <= ? ORDER BY seq LIMIT ?)`,
      )
      .raw();
  }

  answer(request: Exclude<ReaderRequest, OpenReader>): ReaderReply {
    switch (request.type) {
      case 'rows': {
        const { after, upToLsn, maxRows, maxBytes } = request;
        return page(this.#rows.iterate(after, upToLsn, maxRows), maxBytes);
      }
      case 'rowsAt':
        return page(this.#rowsAt(request.lsns), Number.POSITIVE_INFINITY);
      case 'heads': {
        const { after, upToLsn, maxRows } = request;
        return page(this.#heads.iterate(after, upToLsn, maxRows), Number.POSITIVE_INFINITY);
      }
      case 'ops': {
        const { origin, after, upToLsn, maxRows, maxBytes } = request;
        return page(this.#ops.iterate(origin, after, upToLsn, maxRows), maxBytes);
      }
      case 'sum':
        return this.#sumOf(request);
      case 'close':
        this.#database.close();
        return { type: 'done' };
    }
  }

  *#rowsAt(lsns: readonly number[]): IterableIterator<unknown> {
    for (const lsn of lsns) {
      const row = this.#rowAt.get(lsn);
      if (row !== undefined) yield row;
    }
  }

  #sumOf({ origin, after, upTo, upToLsn, maxRows }: ReadSum): Sum {
    const row = this.#sum.get(origin, after, upTo, upToLsn, maxRows);
    const [high, low, lastSeq]: unknown[] = Array.isArray(row) ? row : [];
    if (lastSeq === null) return { type: 'sum', high: 0, low: 0, lastSeq };
    if (typeof high !== 'number' || typeof low !== 'number' || typeof lastSeq !== 'number')
      throw new DamageFault(`the ops of ${origin} have no sum`);
    return { type: 'sum', high, low, lastSeq };
  }
}

/** Takes rows until either bound is reached; leaving the loop ends the statement. */
function page(rows: IterableIterator<unknown>, maxBytes: number): Rows {
  const packer = new RowPacker();
  for (const row of rows) {
    if (!Array.isArray(row)) throw new DamageFault('a row has no columns');
    packer.add(row);
    if (packer.bytes >= maxBytes) break;
  }
  return { type: 'rows', rows: packer.packed() };
}

let reader: Reader | null = null;

function open({ file }: OpenReader): void {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
  database.pragma('cell_size_check = ON');
  database.pragma('trusted_schema = OFF');
  reader = new Reader(database);
}

function answer(request: ReaderRequest): ReaderReply {
  if (request.type === 'open') {
    open(request);
    return { type: 'done' };
  }
  if (reader === null) {
    if (request.type === 'close') return { type: 'done' };
    throw new Error('The log is not open.');
  }
  return reader.answer(request);
}

serve(answer);
