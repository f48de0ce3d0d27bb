/**
 * Closed origins (rule 13): retired ones that every member holds to their ends. A pair, their number and a
 * sum, stands for all of them, so that vectors are as small as the cluster.
 */
import { type Hash, sameHash, ZERO } from './hash.ts';

export interface ClosedPair {
  readonly count: number;
  /** Sum, modulo 2^64, of the hashes of the closed origins with their last seqs. */
  readonly sum: Hash;
}

export const NOTHING_CLOSED: ClosedPair = { count: 0, sum: ZERO };

/** Whether both stand for the same origins. */
export const samePair = (a: ClosedPair, b: ClosedPair): boolean =>
  a.count === b.count && sameHash(a.sum, b.sum);
