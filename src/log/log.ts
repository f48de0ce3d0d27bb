/**
 * The log as the replica sees it: rows in order of arrival, only ever appended. Two adapters keep it,
 * SQLite and memory, and both pass one conformance suite (test/conformance/log.ts).
 */
import { CommitFailedError } from '../words/errors.ts';
import type { Hash } from '../words/hash.ts';
import { isOnKey, type Op } from '../words/op.ts';
import type { HeaderChanges, LogHeader, OriginRecord, Row, RowHead } from '../words/row.ts';

/** The rows and records that one transaction writes. */
export interface Commit {
  /** Their lsns follow the last one without gaps. */
  readonly rows: readonly Row[];
  /** The records that change; each replaces the one of its origin. */
  readonly origins: readonly OriginRecord[];
  /** The facts that change. */
  readonly header?: HeaderChanges;
  /** Lsns of rows that compaction removes; the records of their origins are among those that change. */
  readonly removed?: readonly number[];
}

/**
 * Whether a power cut may not take the commit back, whatever the durability (rule 5). It holds a `join` or a
 * `retire`: a node that forgot a member would take an op for held by all although that member lacks it, and
 * collect, compact or close too much. Or it settles a log that was set aside: that log is removed then, and may
 * have outlived power cuts itself.
 */
export const outlivesPowerCuts = ({ rows, header }: Pick<Commit, 'rows' | 'header'>): boolean =>
  rows.some(({ op }) => !isOnKey(op)) || header?.facts?.settledLog !== undefined;

/** A page ends at the row that reaches either bound. It holds at least one row, unless there is none. */
export interface PageLimit {
  readonly maxRows: number;
  /** Bytes of keys, values and metas, counted in UTF-16 code units. */
  readonly maxBytes: number;
}

/**
 * Reads run beside appends. Each read sees exactly the appends that had resolved when it was asked for:
 * never half of one, and never one that its caller has not folded yet. But rows that an append removes
 * meanwhile may be missing.
 */
export interface Log {
  /** The header as found at opening; the caller of `append` keeps track of later changes. */
  readonly header: LogHeader;
  readonly origins: readonly OriginRecord[];
  /** The last lsn at opening; 0 for an empty log. */
  readonly lastLsn: number;
  /**
   * Whether the last acknowledged ops may be missing: the log was opened with durability=normal and not
   * closed. Its origin must not go on then (rule 5), because another op may bear the next op id
   * elsewhere. It stays true until another `header.origin` is appended.
   */
  readonly stoppedUncleanly: boolean;
  /** `normal`: a power cut may take back the last commits, but for those that `outlivesPowerCuts`. */
  readonly durability: 'full' | 'normal';

  /**
   * Appends in one transaction, and resolves once that is as durable as the log's durability says, or
   * fsynced if `outlivesPowerCuts`. One append at a time: the caller waits for it before the next.
   *
   * @throws DiskFullError if the disk is full: rolled back, nothing is stored.
   * @throws DuplicateOpError if the log holds an op id of the commit already: nothing is stored, and
   *   the log takes no more.
   * @throws CommitFailedError on any other failure: the outcome is unknown, and the log takes no more.
   * @throws StoppedError after `close`.
   */
  append(commit: Commit): Promise<void>;

  /**
   * Settles an append that has ended in this turn of the event loop; without it, the end is told after the turn.
   *
   * @returns whether there was one.
   */
  settleEnded?(): boolean;

  /** Rows with a greater lsn, in order. */
  rowsAfter(lsn: number, limit: PageLimit): Promise<Row[]>;

  /**
   * The rows with these lsns, in the order of the lsns that are asked for; those that are not there are
   * left out. The caller bounds them, because it knows their sizes.
   */
  rowsAt(lsns: readonly number[]): Promise<Row[]>;

  /** `rowsAfter` without values; only `maxRows` bounds the page. */
  headsAfter(lsn: number, maxRows: number): Promise<RowHead[]>;

  /** Ops of one origin with `after` < seq, in order of seq. */
  opsAfter(origin: string, after: number, limit: PageLimit): Promise<Op[]>;

  /** Sum of the hashes of the origin's ops with `after` < seq ≤ `upTo`. */
  sumBetween(origin: string, after: number, upTo: number): Promise<Hash>;

  /** Bytes on disk (in memory, an estimate). */
  sizeBytes(): Promise<number>;

  /** Waits for the append under way, then gives up the file and its lock. */
  close(): Promise<void>;
}

/**
 * The check that every adapter makes of a commit: the lsns of its rows follow the last one without
 * gaps, so that a replay meets the rows in the order in which they were folded.
 *
 * @param lastLsn the last stored lsn.
 * @returns the last lsn once the commit is stored.
 * @throws CommitFailedError if a row's lsn does not follow the one before.
 */
export function lastLsnAfter(commit: Commit, lastLsn: number): number {
  let last = lastLsn;
  for (const { lsn } of commit.rows) {
    if (lsn !== last + 1)
      throw new CommitFailedError(new Error(`lsn ${lsn} does not follow lsn ${last}`));
    last = lsn;
  }
  return last;
}
