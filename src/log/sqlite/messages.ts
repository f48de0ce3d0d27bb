/** Messages between the log and its two worker threads. */
import type { OriginRecord } from '../../words/row.ts';
import type { Fault } from './faults.ts';
import type { MetaRow } from './header.ts';
import type { PackedRows } from './packedRows.ts';

export interface OpenWriter {
  readonly type: 'open';
  readonly file: string;
  readonly clusterName: string;
  /** The origin of a log to be made; null if the file exists. */
  readonly newOrigin: string | null;
  readonly durability: 'full' | 'normal';
  /** The most pages of the file, as if the disk were full there; null for no bound. */
  readonly maxPages: number | null;
}

export interface Append {
  readonly type: 'append';
  readonly rows: PackedRows;
  /** The columns of each record that changes, one after another. */
  readonly records: readonly (string | number)[];
  readonly meta: readonly MetaRow[];
  /** Lsns of rows that are removed. */
  readonly removed: readonly number[];
  /**
   * Whether own ops go on under another origin from here, so that no op of it can be missing any more.
   */
  readonly changesOrigin: boolean;
  /** Whether it is synced, and with it every append before it, in either durability. */
  readonly isSynced: boolean;
}

export interface Close {
  readonly type: 'close';
}

export type WriterRequest = OpenWriter | Append | Close;

export interface OpenReader {
  readonly type: 'open';
  readonly file: string;
}

/** Rows up to `upToLsn`, the last lsn that had been appended when the read was asked for. */
export interface ReadRows {
  readonly type: 'rows';
  readonly after: number;
  readonly upToLsn: number;
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** The rows with these lsns, none of which is above the last one that had been appended. */
export interface ReadRowsAt {
  readonly type: 'rowsAt';
  readonly lsns: readonly number[];
}

/** Rows with an empty text or null in place of each value and meta. */
export interface ReadHeads {
  readonly type: 'heads';
  readonly after: number;
  readonly upToLsn: number;
  readonly maxRows: number;
}

export interface ReadOps {
  readonly type: 'ops';
  readonly origin: string;
  readonly after: number;
  readonly upToLsn: number;
  readonly maxRows: number;
  readonly maxBytes: number;
}

/**
 * The sum of the next ops, up to a number: a long sum is taken in steps, and other reads go between
 * them.
 */
export interface ReadSum {
  readonly type: 'sum';
  readonly origin: string;
  readonly after: number;
  readonly upTo: number;
  readonly upToLsn: number;
  readonly maxRows: number;
}

export type ReaderRequest =
  | OpenReader
  | ReadRows
  | ReadRowsAt
  | ReadHeads
  | ReadOps
  | ReadSum
  | Close;

export interface Done {
  readonly type: 'done';
  /** Milliseconds that the end of the transaction took, which writes and syncs it; only after an append. */
  readonly syncMs?: number;
}

export interface Failed {
  readonly type: 'failed';
  readonly fault: Fault;
}

export interface Opened {
  readonly type: 'opened';
  readonly meta: ReadonlyMap<string, string>;
  readonly origins: readonly OriginRecord[];
  readonly lastLsn: number;
}

export interface Rows {
  readonly type: 'rows';
  readonly rows: PackedRows;
}

export interface Sum {
  readonly type: 'sum';
  readonly high: number;
  readonly low: number;
  /** The last op in the sum; null if there was none, so that the sum is complete. */
  readonly lastSeq: number | null;
}

export type WriterReply = Opened | Done | Failed;
export type ReaderReply = Rows | Sum | Done | Failed;
