/** A delta, which peers exchange (rule 7): ops, and the ranges of seqs that they cover without gaps. */
import type { Hash } from './hash.ts';
import type { Op } from './op.ts';

/** The ops of one origin with `after` < seq ≤ `to`. */
export interface Range {
  readonly origin: string;
  readonly after: number;
  readonly to: number;
  /** Sum of the hashes of the origin's ops up to `to`, in the sender's log. */
  readonly sum: Hash;
}

/** Complete: every op of every range is there, in order of seq within an origin. */
export interface Delta {
  readonly ranges: readonly Range[];
  readonly ops: readonly Op[];
}
