/**
 * A log as the tools read it, whether it is a file or a running node: in pages, each read by itself, so
 * that no reader holds up the writer. Two adapters: `src/log/files/fileSource.ts` and `lineSource.ts`.
 *
 * Damage never makes a page fail: the page holds the rows that could be read, names the fault, and tells
 * where reading goes on. So every command reads a damaged log as far as it can, and says where it
 * stopped.
 */

import type { LogHeader, OriginRecord, Row, RowHead } from '../../words/row.ts';
import { MIB } from '../../words/size.ts';
import type { PageLimit } from '../log.ts';

/** The facts of the whole log at one moment. */
export interface LogFacts {
  readonly header: LogHeader;
  readonly records: readonly OriginRecord[];
  /** 0 where the log is empty. */
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** On the disk; for people. */
  readonly sizeBytes: number;
  /** The clock of whoever answers, UTC milliseconds. */
  readonly nowMs: number;
}

/** The least of a row that tells what could be seen: reading it costs half of what a whole head does. */
export type Mark = Pick<RowHead, 'lsn' | 'committedAt' | 'won' | 'kind' | 'key' | 'expiresAt'>;

/** A row without its value and meta, and how long they are. */
export interface Head extends RowHead {
  /** Of the key, the value and the meta, in UTF-8. */
  readonly textBytes: number;
}

/** Rows that can't be read. */
export interface PageFault {
  /** The rows after this lsn, */
  readonly afterLsn: number;
  /** up to this one; null where nothing after them could be read either. */
  readonly upToLsn: number | null;
  /** The fault, as it completes "could not be read: …". */
  readonly message: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page starts; null where there is none. */
  readonly next: number | null;
  /** Rows after the items that can't be read; the next page starts behind them. */
  readonly fault: PageFault | null;
}

export interface LogSource {
  /** Its name in messages to people. */
  readonly place: string;
  facts(): Promise<LogFacts>;
  /** Marks with `after` < lsn ≤ `upTo`, in order. */
  marks(after: number, upTo: number, maxRows: number): Promise<Page<Mark>>;
  /** The same rows without their values. */
  heads(after: number, upTo: number, maxRows: number): Promise<Page<Head>>;
  /** The same rows whole. */
  rows(after: number, upTo: number, limit: PageLimit): Promise<Page<Row>>;
  /** Rows with a smaller lsn, the greatest first. `next` is where the next page starts before. */
  rowsBefore(lsn: number, limit: PageLimit): Promise<Page<Row>>;
  /** Those of these rows that are there, in the order asked for. */
  rowsAt(lsns: readonly number[]): Promise<Row[]>;
  /** Rows on the key with `after` < lsn ≤ `upTo`: those of so many rows as one read may look at. */
  rowsOn(key: string, after: number, upTo: number): Promise<Page<Row>>;
  close(): Promise<void>;
}

/** Few enough that a page is garbage before the next collection of young objects: some 1 ms of reading. */
export const PAGE_HEADS = 1024;
export const PAGE_ROWS: PageLimit = { maxRows: 1024, maxBytes: 4 * MIB };
/** The most rows that `rowsAt` is asked for at once. */
export const MAX_ROWS_AT = 500;
