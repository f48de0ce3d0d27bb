/**
 * The digest of a node: its vector with a sum for each origin, the map sum and the horizon (rule 11).
 *
 * Retired origins never change again, so that one number sums them up; they are listed only to a peer
 * whose number differs. Closed origins (rule 13) are left out even then, and a pair stands for them: a node
 * that knows the pair from its own history knows that the sender holds them.
 */

import type { Closings } from '../../rules/closings.ts';
import { minuteAhead } from '../../rules/mapSum.ts';
import type { Members } from '../../rules/members.ts';
import { type ClosedPair, NOTHING_CLOSED } from '../../words/closed.ts';
import { formatHash, type Hash, hashText, sameHash, ZERO } from '../../words/hash.ts';
import type { OpId } from '../../words/op.ts';
import {
  MAX_ORIGINS,
  type MutableVector,
  raise,
  sameVector,
  seqOf,
  type Vector,
} from '../../words/vector.ts';

/** The retired origins that a digest lists: none of them, those that are not closed, all that ever were. */
export type Listing = 'none' | 'open' | 'all';

export interface Digest {
  readonly vector: Vector;
  /** For each origin of the vector, the sum of its ops up to the seq there. */
  readonly sums: ReadonlyMap<string, Hash>;
  /** The sum over all retired origins that the sender knows; null if it knows none. */
  readonly retiredSum: Hash | null;
  /** Whether the vector lists the retired origins as well. */
  readonly listsRetired: boolean;
  /** The pair of the closed origins that the vector leaves out; absent if there are none. */
  readonly closed?: ClosedPair;
  /** Whether it is spelled in fewer characters, which a receiver of protocol 3 reads as well. */
  readonly isShort?: boolean;
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
  /** Lists the origins that are not closed. */
  readonly vector: Vector;
  readonly closings: Closings;
  readonly members: Members;
  readonly horizon: number;
  /** Sum of the sums of all retired origins; null where none of them has an op. */
  readonly retiredSum: Hash | null;
  wholeVector(): Vector;
  sumOf(origin: string): Hash;
  mapSum(asOf: number): Hash;
}

/**
 * @param aheadMs the milliseconds from the clock to the time of the map sum, at least the greatest
 *   clock skew.
 */
export function makeDigest(
  node: Digested,
  nowMs: number,
  aheadMs: number,
  wanted: Listing,
): Digest {
  const { vector, listing } = listed(node, wanted);
  const sums = new Map<string, Hash>();
  for (const origin of vector.keys()) sums.set(origin, node.sumOf(origin));
  const asOf = minuteAhead(nowMs, aheadMs);
  return {
    vector,
    sums,
    retiredSum: node.retiredSum,
    listsRetired: listing !== 'none',
    ...(listing === 'open' && node.closings.count > 0 && { closed: node.closings.pair }),
    asOf,
    mapSum: node.mapSum(asOf),
    horizon: node.horizon,
    clock: nowMs,
  };
}

/**
 * The vector as a digest lists it. Where that is more than a message may list, it lists less: then two nodes whose
 * retired origins differ go on with all others, and a longer list would only be refused.
 */
function listed(node: Digested, wanted: Listing): { vector: Vector; listing: Listing } {
  const whole = wanted === 'all' ? node.wholeVector() : node.vector;
  const isListed = (origin: string): boolean =>
    wanted !== 'none' || !node.members.isRetired(origin);
  const vector: Vector = new Map([...whole].filter(([origin]) => isListed(origin)));
  if (vector.size <= MAX_ORIGINS || wanted === 'none') return { vector, listing: wanted };
  return listed(node, wanted === 'all' ? 'open' : 'none');
}

/**
 * Whether two digests say the same but for the clock, so that one can stand for the other.
 *
 * @param ours where the digest of this node lists members that it does not hear, no other stands for it.
 */
export const saySame = (ours: Digest, theirs: Digest): boolean =>
  ours.asOf === theirs.asOf &&
  ours.horizon === theirs.horizon &&
  sameHash(ours.mapSum, theirs.mapSum) &&
  ours.listsRetired === theirs.listsRetired &&
  sameOrNone(ours.retiredSum, theirs.retiredSum) &&
  samePair(ours.closed, theirs.closed) &&
  ours.unheard === undefined &&
  theirs.unheard === undefined &&
  sameVector(ours.vector, theirs.vector) &&
  [...ours.sums].every(([origin, sum]) => sameHash(sum, theirs.sums.get(origin) ?? ZERO));

/**
 * The hash of all that a digest says but for the clock: equal for two digests that say the same, and else
 * different, as far as 64 bits tell.
 *
 * @returns null for a digest that lists members that its node does not hear: no other says the same.
 */
export function levelHash(digest: Digest): Hash | null {
  if (digest.unheard !== undefined) return null;
  const { asOf, horizon, mapSum, listsRetired, retiredSum, closed, vector, sums } = digest;
  const origins = [...vector]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([origin, seq]) => [origin, seq, formatHash(sums.get(origin) ?? ZERO)]);
  const rest = [
    asOf,
    horizon,
    formatHash(mapSum),
    listsRetired,
    retiredSum === null ? null : formatHash(retiredSum),
    closed === undefined ? null : [closed.count, formatHash(closed.sum)],
  ];
  return hashText(JSON.stringify([rest, origins]));
}

const sameOrNone = (one: Hash | null, other: Hash | null): boolean =>
  one === null || other === null ? one === other : sameHash(one, other);

const samePair = (
  { count, sum }: ClosedPair = NOTHING_CLOSED,
  other: ClosedPair = NOTHING_CLOSED,
): boolean => count === other.count && sameHash(sum, other.sum);

/** A peer's digest, its vector without the origins that are closed here. */
export interface ReadDigest {
  readonly digest: Digest;
  /**
   * Whether the vector is exactly the peer's; otherwise its retired origins are assumed to equal ours.
   */
  readonly exact: boolean;
  /** Whether the peer's log holds no op at all, of retired and closed origins neither (rule 8). */
  readonly isEmpty: boolean;
  /**
   * Whether digests to the peer must list retired origins, so that it finds the ops that either side
   * lacks.
   */
  readonly retiredDiffer: boolean;
  /** An op of an origin that is closed here, and that the peer surely lacks; null if there is none. */
  readonly lackedClosed: OpId | null;
  /** Whether its pair stands for closed origins that this node can't name. */
  readonly hasUnknownPair: boolean;
  /** Whether it has not closed what is closed here, so that this node's pair may be none that it knows. */
  readonly lacksClosings: boolean;
}

export function readDigest(node: Digested, digest: Digest): ReadDigest {
  const { retiredSum, listsRetired, closed = NOTHING_CLOSED } = digest;
  // Both sides find the same difference: if only one did, it would wait for a list that the other never
  // sends.
  const retiredDiffer = !sameHash(node.retiredSum ?? ZERO, retiredSum ?? ZERO);
  const listsAll = listsRetired || retiredSum === null;
  const unlisted = listsAll ? node.closings.since(closed) : [];
  const lacked = (id: OpId): boolean => seqOf(digest.vector, id.origin) < id.seq;
  const isKnown = listsAll && unlisted !== undefined;
  return {
    digest: withoutClosed(node, isKnown ? digest : withRetired(node, digest)),
    exact: isKnown || (!listsAll && !retiredDiffer),
    isEmpty: digest.vector.size === 0 && retiredSum === null && closed.count === 0,
    retiredDiffer,
    lackedClosed: unlisted?.find(lacked) ?? null,
    hasUnknownPair: unlisted === undefined,
    lacksClosings: retiredDiffer && unlisted !== undefined && unlisted.length > 0,
  };
}

/** The digest, with retired origins that it does not list taken as held. */
function withRetired(node: Digested, digest: Digest): Digest {
  const vector: MutableVector = new Map(digest.vector);
  const sums = new Map(digest.sums);
  for (const [origin, seq] of node.vector) {
    if (vector.has(origin) || !node.members.isRetired(origin)) continue;
    raise(vector, origin, seq);
    sums.set(origin, node.sumOf(origin));
  }
  return { ...digest, vector, sums };
}

/** The digest without origins that are closed here, and that the peer holds to their end. */
function withoutClosed(node: Digested, digest: Digest): Digest {
  const isClosed = ([origin, seq]: readonly [string, number]): boolean =>
    seq >= (node.closings.lastSeqOf(origin) ?? Number.POSITIVE_INFINITY);
  const closed = [...digest.vector].filter(isClosed);
  if (closed.length === 0) return digest;
  const vector: MutableVector = new Map(digest.vector);
  const sums = new Map(digest.sums);
  for (const [origin] of closed) {
    vector.delete(origin);
    sums.delete(origin);
  }
  return { ...digest, vector, sums };
}
