/** A row of a log, its head without the value, and the facts that a log keeps beside its rows. */
import type { Hash } from './hash.ts';
import type { KeyOp, Op, OpParts } from './op.ts';

/** One op in this node's log. */
export interface Row {
  /** Position in this node's log, from 1, in order of arrival. Compaction leaves holes. */
  readonly lsn: number;
  /** This node's clock at the commit, in UTC milliseconds. */
  readonly committedAt: number;
  /** Whether the op was the greatest of its key when it came. A replay folds only rows that won. */
  readonly won: boolean;
  readonly op: Op;
}

/** A row without its value, for readers that look at many. */
export interface RowHead extends Omit<OpParts, 'value' | 'meta'> {
  readonly lsn: number;
  readonly committedAt: number;
  readonly won: boolean;
}

/** The head of an op on a key. */
export type KeyHead<H extends Pick<RowHead, 'kind'> = RowHead> = H & Pick<KeyOp, 'kind'>;

export const isKeyHead = <H extends Pick<RowHead, 'kind'>>(head: H): head is KeyHead<H> =>
  head.kind === 'put' || head.kind === 'delete';

/** The log's record of one origin, its own included. */
export interface OriginRecord {
  readonly origin: string;
  /** Highest seq held without gaps. */
  readonly seq: number;
  /** Sum of the hashes of its ops up to `seq`, compacted ones included. */
  readonly sum: Hash;
  /** Highest seq that was compacted away; 0 if none was. */
  readonly reach: number;
  /** Sum of the hashes of the ops whose rows were compacted away. */
  readonly compactedSum: Hash;
}

/**
 * The map sum that a node writes down when it stops: `verify` checks whether the log still folds to it.
 */
export interface RecordedMapSum {
  /** The last lsn at that time. */
  readonly lsn: number;
  /** Minutes since the epoch: entries that expired by then do not count (rule 11). */
  readonly asOf: number;
  readonly sum: Hash;
}

/**
 * The reason why a node gave its log up (rule 12), with facts that only that node knew. `forked`: other
 * ops may bear the ids of the log's own. `shared`: another node goes on under its origin as well, so
 * the origin must not be retired.
 */
export interface GivenUp {
  readonly state: 'sound' | 'forked' | 'shared';
  /** The seq of the log's own origin when its node last started. */
  readonly openedAtSeq: number;
  /** Whether its cluster had other members, which may have gone on without it. */
  readonly hadOthers: boolean;
}

/** A stable vector with its stable clock, UTC milliseconds (rule 9). */
export interface ReachedStable {
  readonly vector: ReadonlyMap<string, number>;
  readonly clock: number;
}

/** Some ops of an origin, both ends included. */
export interface SeqRange {
  readonly origin: string;
  readonly from: number;
  readonly to: number;
}

/** Further facts of a header. Null: the log does not hold the fact. */
export interface HeaderFacts {
  /** Whether this node is, or was, a member of its cluster (rule 8). */
  readonly joined: boolean;
  /**
   * The time at which the cluster was formed, in UTC milliseconds by the clock of the node that formed
   * it.
   */
  readonly formedAtMs: number | null;
  /** The origin that let this one in: the sponsor, or this node's own earlier one. */
  readonly admittedBy: string | null;
  /** Whether the node must go on under a new origin before its next write (rule 5). */
  readonly owesOrigin: boolean;
  /**
   * The state of the snapshot that is coming in (the log holds a part of it), or that the log began
   * with.
   */
  readonly snapshot: 'underWay' | 'taken' | null;
  /** Moments before this, in UTC milliseconds, can't be told any more. */
  readonly cutAtMs: number | null;
  readonly mapSum: RecordedMapSum | null;
  /**
   * The stable pairs from which the stable clock went back, the greatest clock first: entries collected
   * by them stay collected.
   */
  readonly reached: readonly ReachedStable[] | null;
  /** Only in a log that was set aside. */
  readonly givenUp: GivenUp | null;
  /**
   * Seqs between which ops stand that were not born in their place: offers (rule 12), and ops that peers gave back.
   * Their HLCs are older.
   */
  readonly offered: SeqRange | null;
  /** The names of the logs set aside of which this one holds, or has decided, every op, with `/` between them (rule 12). */
  readonly settledLog: string | null;
  /** The SHA-256, in hexadecimal digits, of the first line of the export that this log is made of. */
  readonly importOf: string | null;
  /** Facts of other versions, by name, as text: they are kept unchanged. */
  readonly others: Readonly<Record<string, string>>;
}

/**
 * The facts that a commit writes: each replaces its namesake, and the others stay. No fact is removed.
 */
export type FactChanges = {
  readonly [Name in keyof HeaderFacts]?: NonNullable<HeaderFacts[Name]>;
};

/** The facts of a new log. */
export const NO_FACTS: HeaderFacts = {
  joined: false,
  formedAtMs: null,
  admittedBy: null,
  owesOrigin: false,
  snapshot: null,
  cutAtMs: null,
  mapSum: null,
  reached: null,
  givenUp: null,
  offered: null,
  settledLog: null,
  importOf: null,
  others: {},
};

/** Facts about the log as a whole. They change only together with a commit. */
export interface LogHeader {
  readonly clusterName: string;
  /** Random id of the cluster; null until it is formed or joined. */
  readonly clusterId: string | null;
  /** The origin that this log's own ops are born in. */
  readonly origin: string;
  /** A number above the generation of every entry that this node has collected. */
  readonly horizon: number;
  /** Origin → seq up to which every member holds all ops. */
  readonly stable: ReadonlyMap<string, number>;
  /** UTC milliseconds; -1 before anything was stable. */
  readonly stableClock: number;
  readonly facts: HeaderFacts;
}

/** Whether the log holds a part of a snapshot and nothing else: a start throws it away (rule 10). */
export const isPartOfSnapshot = ({ facts }: Pick<LogHeader, 'facts'>): boolean =>
  facts.snapshot === 'underWay';

/** The part of a header that a commit writes; the other fields stay. */
export type HeaderChanges = Partial<Omit<LogHeader, 'facts'>> & { readonly facts?: FactChanges };

/** The header of an empty log. */
export const newHeader = (clusterName: string, origin: string): LogHeader => ({
  clusterName,
  clusterId: null,
  origin,
  horizon: 0,
  stable: new Map(),
  stableClock: -1,
  facts: NO_FACTS,
});

/** The header after the changes. */
export const changedHeader = (
  header: LogHeader,
  { facts, ...changes }: HeaderChanges,
): LogHeader => ({
  ...header,
  ...changes,
  facts: { ...header.facts, ...facts, others: { ...header.facts.others, ...facts?.others } },
});

/** Both changes as one, `later` after `earlier`. */
export function bothChanges(earlier: HeaderChanges, later: HeaderChanges): HeaderChanges {
  if (earlier.facts === undefined || later.facts === undefined) return { ...earlier, ...later };
  const others = { ...earlier.facts.others, ...later.facts.others };
  return { ...earlier, ...later, facts: { ...earlier.facts, ...later.facts, others } };
}

/** The row without its value. */
export const headOf = ({ lsn, committedAt, won, op }: Row): RowHead => ({
  lsn,
  committedAt,
  won,
  origin: op.origin,
  seq: op.seq,
  hlc: op.hlc,
  kind: op.kind,
  key: op.key,
  generation: op.generation,
  version: op.version,
  expiresAt: op.expiresAt,
  hashHigh: op.hashHigh,
  hashLow: op.hashLow,
});
