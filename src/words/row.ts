/** A row of a log, the same without its value, and the facts that a log keeps beside its rows. */
import type { Hash } from './hash.ts';
import { carriedHash } from './hash.ts';
import type { Kind, Op } from './op.ts';

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

/** The row without its value. */
export const headOf = ({ lsn, committedAt, won, op }: Row): RowHead => ({
  lsn,
  committedAt,
  won,
  kind: op.kind,
  origin: op.origin,
  seq: op.seq,
  hlc: op.hlc,
  key: op.key,
  expiresAt: op.expiresAt,
  hash: carriedHash(op),
});
