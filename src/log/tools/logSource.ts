/**
 * A log as the tools read it, from a file or from a running node: in pages, each read by itself, so
 * that no reader holds up the writer. Two adapters implement it: `src/log/files/fileSource.ts` and
 * `lineSource.ts`.
 *
 * Damage never makes a page fail: the page holds the readable rows, names the fault, and says where
 * reading goes on. So every command reads a damaged log as far as it can, and says where it stopped.
 */

import type { LogHeader, OriginRecord, Row, RowHead } from '../../words/row.ts';
import { MIB } from '../../words/size.ts';
import type { PageLimit } from '../log.ts';

/** Stands for the last lsn where damage hides it: the greatest there may be, so that all that can be read is read. */
export const UNKNOWN_LSN = Number.MAX_SAFE_INTEGER;

/** The facts of the whole log at one moment. */
export interface LogFacts {
  readonly header: LogHeader;
  readonly records: readonly OriginRecord[];
  /** 0 if the log is empty. */
  readonly firstLsn: number;
  /** `UNKNOWN_LSN` if damage hides the end. */
  readonly lastLsn: number;
  /** Bytes on the disk; for people. */
  readonly sizeBytes: number;
  /** The clock of the node or process that answers, UTC milliseconds. */
  readonly nowMs: number;
}

/** The last lsn for people; null if damage hides it. */
export const lastLsnOf = ({ lastLsn }: LogFacts): number | null =>
  lastLsn === UNKNOWN_LSN ? null : lastLsn;

/**
 * The fields of a row that tell whether it could be seen: reading them costs half as much as a whole
 * head.
 */
export type Mark = Pick<RowHead, 'lsn' | 'committedAt' | 'won' | 'kind' | 'key' | 'expiresAt'>;

/** A row without its value and meta, and with their lengths. */
export interface Head extends RowHead {
  /** Bytes of the key, the value and the meta, in UTF-8. */
  readonly textBytes: number;
}

/** Rows that can't be read. */
export interface PageFault {
  /** The rows after this lsn, */
  readonly afterLsn: number;
  /** up to this lsn; null if no row after them could be read either. */
  readonly upToLsn: number | null;
  /** The fault, which completes "could not be read: …". */
  readonly message: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** The lsn at which the next page starts; null if there is none. */
  readonly next: number | null;
  /** Rows after the items that can't be read; the next page starts behind them. */
  readonly fault: PageFault | null;
}

export interface LogSource {
  /** The name of the log in messages to people. */
  readonly place: string;
  /** The rows of a page in a walk through the log. */
  readonly pageRows: number;
  facts(): Promise<LogFacts>;
  /** Marks with `after` < lsn ≤ `upTo`, in order. */
  marks(after: number, upTo: number, maxRows: number): Promise<Page<Mark>>;
  /** Heads with `after` < lsn ≤ `upTo`, in order. */
  heads(after: number, upTo: number, maxRows: number): Promise<Page<Head>>;
  /** Whole rows with `after` < lsn ≤ `upTo`, in order. */
  rows(after: number, upTo: number, limit: PageLimit): Promise<Page<Row>>;
  /** Rows with a smaller lsn, the greatest first. The next page starts before `next`. */
  rowsBefore(lsn: number, limit: PageLimit): Promise<Page<Row>>;
  /** The rows of these lsns that exist, in the order asked for. */
  rowsAt(lsns: readonly number[]): Promise<Row[]>;
  /** Rows on the key with `after` < lsn ≤ `upTo`. One read looks at a bounded number of rows. */
  rowsOn(key: string, after: number, upTo: number): Promise<Page<Row>>;
  close(): Promise<void>;
}

/** So few that a page is garbage before the next collection of young objects: some 1 ms of reading. */
export const PAGE_HEADS = 1024;
export const PAGE_ROWS: PageLimit = { maxRows: 1024, maxBytes: 4 * MIB };
/**
 * The most rows of a page that a node answers over HTTP, and those that the tools ask for. Each page wakes threads and
 * processes on its way, which take the processor from clients of the node: long pages with long pauses do so more
 * seldom than short ones.
 */
export const MAX_NODE_PAGE_ROWS = 8192;
/** The most lsns that one `rowsAt` may ask for. */
export const MAX_ROWS_AT = 500;
