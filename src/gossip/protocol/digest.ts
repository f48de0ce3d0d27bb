/**
 * The digest of a node: its vector with a sum for each origin, the map sum and the horizon (rule 11).
 *
 * Retired origins never change again, so that one number sums them up; they are listed only to a peer
 * whose number differs.
 */

import { minuteAhead } from '../../rules/mapSum.ts';
import type { Members } from '../../rules/members.ts';
import { add, type Hash, sameHash, ZERO } from '../../words/hash.ts';
import { type MutableVector, raise, type Vector } from '../../words/vector.ts';

export interface Digest {
  readonly vector: Vector;
  /** For each origin of the vector, the sum of its ops up to the seq there. */
  readonly sums: ReadonlyMap<string, Hash>;
  /** The sum over all retired origins that the sender knows; null if it knows none. */
  readonly retiredSum: Hash | null;
  /** Whether the vector lists the retired origins as well. */
  readonly listsRetired: boolean;
  /** Minutes since the epoch: the map sum is over the entries that live past it. */
  readonly asOf: number;
  readonly mapSum: Hash;
  readonly horizon: number;
  /** The sender's clock, UTC milliseconds. */
  readonly clock: number;
  /** Members that the sender has not heard lately itself; left out if there are none. */
  readonly unheard?: readonly string[];
}

/** The state that a digest is made from. */
export interface Digested {
  readonly vector: Vector;
  readonly members: Members;
  readonly horizon: number;
  sumOf(origin: string): Hash;
  mapSum(asOf: number): Hash;
}

/**
 * @param aheadMs the milliseconds from the clock to the time of the map sum, at least the greatest
 *   clock skew.
 * @param listRetired whether retired origins are listed as well.
 */
export function makeDigest(
  node: Digested,
  nowMs: number,
  aheadMs: number,
  listRetired: boolean,
): Digest {
  const vector: MutableVector = new Map();
  const sums = new Map<string, Hash>();
  for (const [origin, seq] of node.vector) {
    if (!listRetired && node.members.isRetired(origin)) continue;
    vector.set(origin, seq);
    sums.set(origin, node.sumOf(origin));
  }
  const asOf = minuteAhead(nowMs, aheadMs);
  return {
    vector,
    sums,
    retiredSum: retiredSumOf(node),
    listsRetired: listRetired,
    asOf,
    mapSum: node.mapSum(asOf),
    horizon: node.horizon,
    clock: nowMs,
  };
}

function retiredSumOf(node: Digested): Hash | null {
  let sum: Hash | null = null;
  for (const { origin } of node.members.retired()) {
    if (!node.vector.has(origin)) continue;
    sum = add(sum ?? ZERO, node.sumOf(origin));
  }
  return sum;
}

/** A peer's digest, with the retired origins filled in that it gives only as a sum. */
export interface ReadDigest {
  readonly digest: Digest;
  /**
   * Whether the vector is exactly the peer's; otherwise its retired origins are assumed to equal ours.
   */
  readonly exact: boolean;
  /**
   * Whether digests to the peer must list retired origins, so that it finds the ops that either side
   * lacks.
   */
  readonly retiredDiffer: boolean;
}

export function readDigest(node: Digested, digest: Digest): ReadDigest {
  const { retiredSum, listsRetired } = digest;
  // Both sides find the same difference: if only one did, it would wait for a list that the other never
  // sends.
  const retiredDiffer = !sameHash(retiredSumOf(node) ?? ZERO, retiredSum ?? ZERO);
  if (listsRetired || retiredSum === null) return { digest, exact: true, retiredDiffer };
  const vector: MutableVector = new Map(digest.vector);
  const sums = new Map(digest.sums);
  for (const { origin } of node.members.retired()) {
    const seq = node.vector.get(origin);
    if (seq === undefined || vector.has(origin)) continue;
    raise(vector, origin, seq);
    sums.set(origin, node.sumOf(origin));
  }
  return { digest: { ...digest, vector, sums }, exact: !retiredDiffer, retiredDiffer };
}
