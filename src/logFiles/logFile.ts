/**
 * The file of a log, opened for reading only: beside the node that writes it, on a copy, on a backup.
 *
 * Every read is one statement that ends before the function returns: an iterator left open would hold a
 * read transaction, and the write-ahead log of the node could not start anew until it ended.
 */
import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { PageLimit, Row } from '../log/log.ts';
import { RowFault } from '../log/sqliteColumns.ts';
import { DamageFault, faultOf } from '../log/sqliteFaults.ts';
import { checkVersion, readMeta, readRecords } from '../log/sqliteFile.ts';
import { parseHeader } from '../log/sqliteHeader.ts';
import {
  type Head,
  type LogFacts,
  PAGE_ROWS,
  type Page,
  type PageFault,
} from '../logTools/source.ts';
import { HEAD_SQL, hasLongText, headOf, ROW_SQL, rowOf, SHORT_ROW_SQL } from './columns.ts';
import { readableAfter, readableBefore } from './readable.ts';

/** Of rows that one search for a key looks at: some 10 ms. */
const SEARCHED_ROWS = 65_536;
/** Of values that one search gives. */
const SEARCHED_BYTES = 4 * 1024 * 1024;

interface Placed {
  readonly lsn: number;
}

interface PageRequest<T> {
  readonly after: number;
  readonly upTo: number;
  readonly maxRows: number;
  readonly maxBytes?: number;
  readonly statement: Database.Statement;
  readonly read: (columns: readonly unknown[]) => T;
  /** What counts against `maxBytes`. */
  readonly bytesOf: (item: T) => number;
}

export class LogFile {
  readonly file: string;
  readonly #database: Database.Database;
  readonly #heads: Database.Statement;
  readonly #rows: Database.Statement;
  readonly #rowsBefore: Database.Statement;
  readonly #rowAt: Database.Statement;
  readonly #rowsOn: Database.Statement;
  readonly #nextLsn: Database.Statement;
  readonly #previousLsn: Database.Statement;

  /** @param database open on the tables of a log, whose header is whole. */
  constructor(file: string, database: Database.Database) {
    this.file = file;
    this.#database = database;
    const range = 'WHERE lsn > ? AND lsn <= ? ORDER BY lsn';
    this.#heads = database.prepare(`SELECT ${HEAD_SQL} FROM op ${range} LIMIT ?`).raw();
    this.#rows = database.prepare(`SELECT ${SHORT_ROW_SQL} FROM op ${range} LIMIT ?`).raw();
    this.#rowsBefore = database
      .prepare(`SELECT ${ROW_SQL} FROM op WHERE lsn <= ? ORDER BY lsn DESC LIMIT ?`)
      .raw();
    this.#rowAt = database.prepare(`SELECT ${ROW_SQL} FROM op WHERE lsn = ?`).raw();
    this.#rowsOn = database
      .prepare(`SELECT ${ROW_SQL} FROM op WHERE lsn > ? AND lsn <= ? AND key = ? ORDER BY lsn`)
      .raw();
    this.#previousLsn = database.prepare('SELECT max(lsn) FROM op WHERE lsn <= ?').pluck();
    this.#nextLsn = database.prepare('SELECT min(lsn) FROM op WHERE lsn > ? AND lsn <= ?').pluck();
  }

  /**
   * All as of one moment.
   *
   * @throws DamageFault, HeaderFault where the header is damaged.
   */
  facts(nowMs: number): LogFacts {
    this.#database.exec('BEGIN');
    try {
      const meta = readMeta(this.#database);
      checkVersion(meta);
      const header = parseHeader(meta);
      const records = readRecords(this.#database);
      const [firstLsn, lastLsn] = [this.#end('min'), this.#end('max')];
      return { header, records, firstLsn, lastLsn, sizeBytes: this.sizeBytes(), nowMs };
    } finally {
      // Not by a commit: SQLite refuses one after a read that met damage, though nothing was written.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
    }
  }

  /** The first or the last lsn; where the way to it is damaged, as far out as it may be. */
  #end(which: 'min' | 'max'): number {
    try {
      return Number(
        this.#database.prepare(`SELECT coalesce(${which}(lsn), 0) FROM op`).pluck().get(),
      );
    } catch (error) {
      if (faultOf(error).kind !== 'damaged') throw error;
      return which === 'min' ? 1 : Number.MAX_SAFE_INTEGER;
    }
  }

  sizeBytes(): number {
    return sizeOf(this.file) + sizeOf(`${this.file}-wal`);
  }

  heads(after: number, upTo: number, maxRows: number): Page<Head> {
    return this.#page({
      after,
      upTo,
      maxRows,
      statement: this.#heads,
      read: headOf,
      bytesOf: () => 0,
    });
  }

  rows(after: number, upTo: number, { maxRows, maxBytes }: PageLimit): Page<Row> {
    const read = (columns: readonly unknown[]): Row =>
      rowOf(hasLongText(columns) ? asColumns(this.#rowAt.get(columns[0])) : columns);
    return this.#page({
      after,
      upTo,
      maxRows,
      maxBytes,
      statement: this.#rows,
      read,
      bytesOf: textLength,
    });
  }

  rowsBefore(lsn: number, { maxRows, maxBytes }: PageLimit): Page<Row> {
    const items: Row[] = [];
    let bytes = 0;
    try {
      for (const columns of this.#rowsBefore.iterate(lsn - 1, maxRows)) {
        const row = rowOf(asColumns(columns));
        if (row.lsn >= (items.at(-1)?.lsn ?? lsn))
          throw new DamageFault(`lsn ${row.lsn} is out of order`);
        items.push(row);
        bytes += textLength(row);
        if (bytes >= maxBytes) break;
      }
    } catch (error) {
      return this.#faultBefore(items, lsn, error);
    }
    return { items, next: items.at(-1)?.lsn ?? null, fault: null };
  }

  rowsAt(lsns: readonly number[]): Row[] {
    const rows: Row[] = [];
    for (const lsn of lsns) {
      const columns = this.#rowAt.get(lsn);
      if (columns !== undefined) rows.push(rowOf(asColumns(columns)));
    }
    return rows;
  }

  rowsOn(key: string, after: number, upTo: number): Page<Row> {
    const end = Math.min(upTo, after + SEARCHED_ROWS);
    const items: Row[] = [];
    let bytes = 0;
    try {
      for (const columns of this.#rowsOn.iterate(after, end, key)) {
        const row = rowOf(asColumns(columns));
        items.push(row);
        bytes += textLength(row);
        if (bytes >= SEARCHED_BYTES) return { items, next: row.lsn, fault: null };
      }
      const next = end < upTo ? this.#nextLsn.get(end, upTo) : null;
      return { items, next: typeof next === 'number' ? next - 1 : null, fault: null };
    } catch (error) {
      messageOf(error);
      // Row by row, then: what can't be read must not hide what lies before it.
      const page = this.rows(items.at(-1)?.lsn ?? after, upTo, PAGE_ROWS);
      return { ...page, items: [...items, ...page.items.filter(({ op }) => op.key === key)] };
    }
  }

  /** What SQLite itself finds wrong with the file; nothing where it is whole. */
  integrityFaults(): string[] {
    try {
      const found = this.#database.pragma('integrity_check(20)', { simple: false });
      const texts = Array.isArray(found) ? found.map(textOfCheck) : [];
      return texts.filter((text) => text !== 'ok');
    } catch (error) {
      return [faultOf(error).message];
    }
  }

  close(): void {
    this.#database.close();
  }

  #page<T extends Placed>(request: PageRequest<T>): Page<T> {
    const {
      after,
      upTo,
      maxRows,
      maxBytes = Number.POSITIVE_INFINITY,
      statement,
      read,
      bytesOf,
    } = request;
    const items: T[] = [];
    let bytes = 0;
    try {
      // All at once costs a third less than one by one; no text of these is long.
      const found = statement.all(after, upTo, maxRows);
      let before = after;
      for (const columns of found) {
        const item = read(asColumns(columns));
        checkOrder(item, before);
        before = item.lsn;
        items.push(item);
        bytes += bytesOf(item);
        if (bytes >= maxBytes) return { items, next: nextAfter(item, upTo), fault: null };
      }
      const last = items.at(-1);
      const isLast = last === undefined || found.length < maxRows;
      return { items, next: isLast ? null : nextAfter(last, upTo), fault: null };
    } catch (error) {
      return items.length === 0
        ? this.#pageUntilFault(request, error)
        : this.#faultAfter(items, items.at(-1)?.lsn ?? after, upTo, error);
    }
  }

  /** Reads one by one what the page holds before the fault, and finds where reading goes on. */
  #pageUntilFault<T extends Placed>(
    { after, upTo, maxRows, statement, read }: PageRequest<T>,
    error: unknown,
  ): Page<T> {
    const items: T[] = [];
    try {
      for (const columns of statement.iterate(after, upTo, Math.min(maxRows, 512))) {
        const item = read(asColumns(columns));
        checkOrder(item, items.at(-1)?.lsn ?? after);
        items.push(item);
      }
    } catch (again) {
      return this.#faultAfter(items, items.at(-1)?.lsn ?? after, upTo, again);
    }
    const last = items.at(-1);
    // Beyond the shorter page, then: the next one meets it.
    if (last !== undefined) return { items, next: nextAfter(last, upTo), fault: null };
    return this.#faultAfter(items, after, upTo, error);
  }

  #faultAfter<T>(items: readonly T[], after: number, upTo: number, error: unknown): Page<T> {
    const message = messageOf(error);
    const from = error instanceof RowFault && error.lsn > after ? error.lsn : after + 1;
    const next = readableAfter(from, upTo, (lsn) => this.#isReadable(lsn, upTo));
    const fault: PageFault = { afterLsn: after, upToLsn: next, message };
    return { items, next, fault };
  }

  #faultBefore(items: readonly Row[], before: number, error: unknown): Page<Row> {
    const message = messageOf(error);
    const end = items.at(-1)?.lsn ?? before;
    const from =
      error instanceof RowFault && error.lsn < end && error.lsn > 0 ? error.lsn : end - 1;
    const next = readableBefore(from, (lsn) => this.#isReadableBefore(lsn));
    const fault: PageFault = { afterLsn: next === null ? 0 : next - 1, upToLsn: end - 1, message };
    return { items, next, fault };
  }

  #isReadableBefore(before: number): boolean {
    try {
      const found = this.#previousLsn.get(before - 1);
      return typeof found !== 'number' || (found < before && this.#rowAt.get(found) !== undefined);
    } catch {
      return false;
    }
  }

  #isReadable(after: number, upTo: number): boolean {
    try {
      const next = this.#nextLsn.get(after, upTo);
      if (typeof next !== 'number') return after >= upTo;
      return next > after && this.#rowAt.get(next) !== undefined;
    } catch {
      return false;
    }
  }
}

const nextAfter = ({ lsn }: Placed, upTo: number): number | null => (lsn >= upTo ? null : lsn);

/** A page that was written over may hold any lsns: reading must go forward all the same. */
function checkOrder({ lsn }: Placed, before: number): void {
  if (lsn <= before) throw new DamageFault(`lsn ${lsn} follows lsn ${before}`);
}

const asColumns = (row: unknown): readonly unknown[] => (Array.isArray(row) ? row : []);

const textLength = ({ op }: Row): number => (op.value?.length ?? 0) + (op.meta?.length ?? 0);

/** Also of what has no columns at all. */
function messageOf(error: unknown): string {
  const { kind, message } = faultOf(error);
  if (kind === 'other') throw error;
  return message;
}

const textOfCheck = (row: unknown): string =>
  typeof row === 'object' && row !== null ? String(Object.values(row)[0]) : String(row);

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
