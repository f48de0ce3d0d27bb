/**
 * The log, as the replica sees it: rows in order of arrival, only ever appended. Two adapters keep
 * it, SQLite and memory, and pass one conformance suite (test/conformance/log.ts).
 */
import type { Hash } from '../words/hash.ts';
import type { Kind, Op } from '../words/op.ts';

/** One op as it stands in this node's log. */
export interface Row {
  /** Position in this node's log, from 1, in order of arrival. Compaction leaves holes. */
  readonly lsn: number;
  /** This node's clock at the commit, in UTC milliseconds. */
  readonly committedAt: number;
  /** Whether the op was the greatest of its key when it came. A replay folds only those. */
  readonly won: boolean;
  readonly op: Op;
}

/** What the log knows of one origin, its own included. */
export interface OriginRecord {
  readonly origin: string;
  /** Highest seq held without gaps. */
  readonly seq: number;
  /** Sum of the hashes of its ops up to `seq`, compacted ones included. */
  readonly sum: Hash;
  /** Highest seq that was compacted away; 0 where none was. */
  readonly reach: number;
  /** Sum of the hashes of the ops whose rows were compacted away. */
  readonly compactedSum: Hash;
}

/** Facts about the log as a whole. They change only together with a commit. */
export interface LogHeader {
  readonly clusterName: string;
  /** Random id of the cluster; null until it is formed or joined. */
  readonly clusterId: string | null;
  /** The origin that this log's own ops are born in. */
  readonly origin: string;
  /** A number above the generation of every entry that this node has collected. */
  readonly horizon: number;
  /** Origin → seq up to which every member holds everything. */
  readonly stable: ReadonlyMap<string, number>;
  /** UTC milliseconds; -1 before anything was stable. */
  readonly stableClock: number;
  /**
   * Further facts by name, as text: rules of later versions keep theirs here. In a commit, each fact
   * named replaces its namesake and the others stay.
   */
  readonly facts: Readonly<Record<string, string>>;
}

/** What one transaction writes. */
export interface Commit {
  /** Their lsns go on from the last one, without gaps. */
  readonly rows: readonly Row[];
  /** The records that change; each replaces the one of its origin. */
  readonly origins: readonly OriginRecord[];
  /** The facts that change. */
  readonly header?: Partial<LogHeader>;
  /** Lsns of rows that go (compaction); their origins' records are among those that change. */
  readonly removed?: readonly number[];
}

/** A row without its value, for those who look at many. */
export interface RowHead {
  readonly lsn: number;
  readonly committedAt: number;
  readonly won: boolean;
  readonly kind: Kind;
  readonly origin: string;
  readonly seq: number;
  readonly hlc: number;
  readonly key: string;
  readonly expiresAt: number | null;
  readonly hash: Hash;
}

/** A page ends at the row that reaches either bound; it holds at least one row where there is one. */
export interface PageLimit {
  readonly maxRows: number;
  /** Bytes of keys, values and metas, counted in UTF-16 code units. */
  readonly maxBytes: number;
}

/**
 * Reads run beside appends, and each sees exactly the appends that had resolved when it was asked
 * for: never half of one, never one that its caller has not folded yet. But rows that an append
 * removes meanwhile may be missing.
 */
export interface Log {
  /** As found at opening; later changes are the appender's to remember. */
  readonly header: LogHeader;
  readonly origins: readonly OriginRecord[];
  /** The last lsn at opening; 0 for an empty log. */
  readonly lastLsn: number;
  /**
   * Whether the end of what was acknowledged may be missing: the log was opened with
   * durability=normal and not closed. Its origin must not go on then (rule 5): another op may bear the
   * next op id elsewhere. It stays so until another `header.origin` is appended.
   */
  readonly stoppedUncleanly: boolean;

  /**
   * Appends in one transaction; resolved once it is as durable as the log was opened for. One at a
   * time: the caller waits for it before it appends again.
   *
   * @throws DiskFullError where the disk is full: rolled back, nothing is stored.
   * @throws CommitFailedError on any other failure: the outcome is unknown, and the log takes no more.
   * @throws StoppedError after `close`.
   */
  append(commit: Commit): Promise<void>;

  /** Rows with a greater lsn, in order. */
  rowsAfter(lsn: number, limit: PageLimit): Promise<Row[]>;

  /** The same rows without their values; only `maxRows` bounds the page. */
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
