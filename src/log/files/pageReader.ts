/**
 * Reads one page of a log by one statement. If a row can't be read, the page ends before it, names the
 * fault, and says where reading goes on.
 */
import type Database from 'better-sqlite3';
import type { Row } from '../../words/row.ts';
import { RowFault } from '../sqlite/columns.ts';
import { DamageFault, faultOf } from '../sqlite/faults.ts';
import type { Page, PageFault } from '../tools/logSource.ts';
import { readableAfter, readableBefore } from './skipDamage.ts';

interface Placed {
  readonly lsn: number;
}

export interface PageRequest<T> {
  readonly after: number;
  readonly upTo: number;
  readonly maxRows: number;
  readonly maxBytes?: number;
  readonly statement: Database.Statement;
  readonly read: (columns: readonly unknown[]) => T;
  /** The bytes that count against `maxBytes`. */
  readonly bytesOf: (item: T) => number;
}

export class PageReader {
  readonly #row: Database.Statement;
  readonly #nextLsn: Database.Statement;
  readonly #previousLsn: Database.Statement;

  constructor(database: Database.Database) {
    this.#row = database.prepare('SELECT * FROM op WHERE lsn = ?').raw();
    this.#previousLsn = database.prepare('SELECT max(lsn) FROM op WHERE lsn <= ?').pluck();
    this.#nextLsn = database.prepare('SELECT min(lsn) FROM op WHERE lsn > ? AND lsn <= ?').pluck();
  }

  /** The first lsn above `after`, up to `upTo`; null if there is none. */
  nextLsn(after: number, upTo: number): number | null {
    const next = this.#nextLsn.get(after, upTo);
    return typeof next === 'number' ? next : null;
  }

  page<T extends Placed>(request: PageRequest<T>): Page<T> {
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
      // One call for the whole page costs a third less than row by row; no text of these rows is long.
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

  /** Reads the rows before the fault one by one, and finds the lsn after which reading goes on. */
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
    // The fault lies beyond the shorter page, so the next page meets it.
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

  faultBefore(items: readonly Row[], before: number, error: unknown): Page<Row> {
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
      return typeof found !== 'number' || (found < before && this.#row.get(found) !== undefined);
    } catch {
      return false;
    }
  }

  #isReadable(after: number, upTo: number): boolean {
    try {
      const next = this.#nextLsn.get(after, upTo);
      if (typeof next !== 'number') return after >= upTo;
      return next > after && this.#row.get(next) !== undefined;
    } catch {
      return false;
    }
  }
}

const nextAfter = ({ lsn }: Placed, upTo: number): number | null => (lsn >= upTo ? null : lsn);

/** An overwritten page may hold any lsns, but reading must always go forward. */
function checkOrder({ lsn }: Placed, before: number): void {
  if (lsn <= before) throw new DamageFault(`lsn ${lsn} follows lsn ${before}`);
}

export const asColumns = (row: unknown): readonly unknown[] => (Array.isArray(row) ? row : []);

export const textLength = ({ op }: Row): number => (op.value?.length ?? 0) + (op.meta?.length ?? 0);

/** Also for errors that carry no columns. */
export function messageOf(error: unknown): string {
  const { kind, message } = faultOf(error);
  if (kind === 'other') throw error;
  return message;
}
