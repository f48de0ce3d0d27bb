/**
 * The file of a log, opened for reading only: beside the node that writes it, on a copy, or on a
 * backup.
 *
 * Every read is one statement that ends before the function returns: an iterator left open would hold a
 * read transaction, and the write-ahead log of the node could not start anew until it ended.
 */

import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { Row } from '../../words/row.ts';
import { MIB } from '../../words/size.ts';
import type { PageLimit } from '../log.ts';
import { DamageFault, faultOf } from '../sqlite/faults.ts';
import { checkVersion, readMeta, readRecords } from '../sqlite/file.ts';
import { parseHeader } from '../sqlite/header.ts';
import {
  type Head,
  type LogFacts,
  type Mark,
  PAGE_ROWS,
  type Page,
  UNKNOWN_LSN,
} from '../tools/logSource.ts';
import {
  HEAD_SQL,
  hasLongText,
  headOf,
  MARK_SQL,
  markOf,
  ROW_SQL,
  rowOf,
  SHORT_ROW_SQL,
} from './columns.ts';
import { asColumns, messageOf, PageReader, textLength } from './pageReader.ts';

/** Rows that one search for a key looks at: some 10 ms. */
const SEARCHED_ROWS = 65_536;
/** Bytes of values that one search gives. */
const SEARCHED_BYTES = 4 * MIB;

export class LogFile {
  readonly file: string;
  readonly #database: Database.Database;
  readonly #marks: Database.Statement;
  readonly #heads: Database.Statement;
  readonly #rows: Database.Statement;
  readonly #rowsBefore: Database.Statement;
  readonly #rowAt: Database.Statement;
  readonly #rowsOn: Database.Statement;
  readonly #pages: PageReader;

  /** @param database open on the tables of a log, with a whole header. */
  constructor(file: string, database: Database.Database) {
    this.file = file;
    this.#database = database;
    const range = 'WHERE lsn > ? AND lsn <= ? ORDER BY lsn';
    this.#marks = database.prepare(`SELECT ${MARK_SQL} FROM op ${range} LIMIT ?`).raw();
    this.#heads = database.prepare(`SELECT ${HEAD_SQL} FROM op ${range} LIMIT ?`).raw();
    this.#rows = database.prepare(`SELECT ${SHORT_ROW_SQL} FROM op ${range} LIMIT ?`).raw();
    this.#rowsBefore = database
      .prepare(`SELECT ${ROW_SQL} FROM op WHERE lsn <= ? ORDER BY lsn DESC LIMIT ?`)
      .raw();
    this.#rowAt = database.prepare(`SELECT ${ROW_SQL} FROM op WHERE lsn = ?`).raw();
    this.#rowsOn = database
      .prepare(`SELECT ${ROW_SQL} FROM op WHERE lsn > ? AND lsn <= ? AND key = ? ORDER BY lsn`)
      .raw();
    this.#pages = new PageReader(database);
  }

  /**
   * Reads all facts as of one moment.
   *
   * @throws DamageFault, HeaderFault if the header is damaged.
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
      // Ended without a commit: SQLite refuses one after a read that met damage, even though nothing
      // was written.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
    }
  }

  /** The first or the last lsn; if the way to it is damaged, the outermost that it may be. */
  #end(which: 'min' | 'max'): number {
    try {
      return Number(
        this.#database.prepare(`SELECT coalesce(${which}(lsn), 0) FROM op`).pluck().get(),
      );
    } catch (error) {
      if (faultOf(error).kind !== 'damaged') throw error;
      return which === 'min' ? 1 : UNKNOWN_LSN;
    }
  }

  sizeBytes(): number {
    return sizeOf(this.file) + sizeOf(`${this.file}-wal`);
  }

  marks(after: number, upTo: number, maxRows: number): Page<Mark> {
    const statement = this.#marks;
    return this.#pages.page({ after, upTo, maxRows, statement, read: markOf, bytesOf: () => 0 });
  }

  heads(after: number, upTo: number, maxRows: number): Page<Head> {
    return this.#pages.page({
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
    return this.#pages.page({
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
      return this.#pages.faultBefore(items, lsn, error);
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
      const next = end < upTo ? this.#pages.nextLsn(end, upTo) : null;
      return { items, next: next === null ? null : next - 1, fault: null };
    } catch (error) {
      messageOf(error);
      // Read row by row, so that an unreadable row does not hide the rows before it.
      const page = this.rows(items.at(-1)?.lsn ?? after, upTo, PAGE_ROWS);
      return { ...page, items: [...items, ...page.items.filter(({ op }) => op.key === key)] };
    }
  }

  /** The faults that SQLite itself finds in the file; none if it is whole. */
  integrityFaults(): string[] {
    try {
      const found = this.#database.pragma('integrity_check(20)', { simple: false });
      const texts = Array.isArray(found) ? found.map(textOfCheck) : [];
      return texts.filter((text) => text !== 'ok');
    } catch (error) {
      return [faultOf(error).message];
    }
  }

  /** A number that changes whenever another connection commits. */
  dataVersion(): unknown {
    return this.#database.pragma('data_version', { simple: true });
  }

  close(): void {
    this.#database.close();
  }
}

const textOfCheck = (row: unknown): string =>
  typeof row === 'object' && row !== null ? String(Object.values(row)[0]) : String(row);

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
