/**
 * Digests told as their differences from one that both sides of a link hold (rule 11), beyond a full mesh: of many origins few
 * change between two questions. An answer tells its digest from that of its question.
 *
 * Invariant: a digest that was put together from differences counts only if its vector has the hash that came with them.
 */
import { formatHash, type Hash, hashText, sameHash, ZERO } from '../../words/hash.ts';
import {
  changedVector,
  namedOrigins,
  originsInOrder,
  type VectorChanges,
  vectorChanges,
} from '../../words/vectorChanges.ts';
import type { Digest } from './digest.ts';

export interface DigestChanges extends VectorChanges {
  /** The hash of the digest from which they differ. */
  readonly base: Hash;
  /** The hash of the whole digest. */
  readonly hash: Hash;
  /** The sums of the origins that they name and that are left, in that order. */
  readonly sums: readonly Hash[];
  /** All of the digest but for its vector and its sums. */
  readonly rest: Omit<Digest, 'vector' | 'sums' | 'isShort'>;
}

const hashesOfDigests = new WeakMap<Digest, Hash>();

/**
 * The hash of all that a digest says of origins. What else it says changes from minute to minute, and is told in each
 * message.
 */
export function vectorHash(digest: Digest): Hash {
  const known = hashesOfDigests.get(digest);
  if (known !== undefined) return known;
  const { listsRetired, retiredSum, closed, vector, sums } = digest;
  const rest = [
    listsRetired,
    retiredSum === null ? null : formatHash(retiredSum),
    closed === undefined ? null : [closed.count, formatHash(closed.sum)],
  ];
  const origins = originsInOrder(vector).flatMap((origin) => [
    origin,
    vector.get(origin),
    formatHash(sums.get(origin) ?? ZERO),
  ]);
  const hash = hashText(JSON.stringify([rest, origins]));
  hashesOfDigests.set(digest, hash);
  return hash;
}

/** @returns the differences of a digest from another one. */
export function digestChanges(base: Digest, next: Digest): DigestChanges {
  const { vector, sums, isShort, ...rest } = next;
  const sumIn = (digest: Digest, origin: string): Hash => digest.sums.get(origin) ?? ZERO;
  const hasOtherSum = (origin: string): boolean =>
    !sameHash(sumIn(base, origin), sumIn(next, origin));
  const changes = vectorChanges(base.vector, vector, hasOtherSum);
  const named = namedOrigins(base.vector, changes).filter((origin) => vector.get(origin));
  return {
    ...changes,
    base: vectorHash(base),
    hash: vectorHash(next),
    sums: named.map((origin) => sumIn(next, origin)),
    rest,
  };
}

/** @returns the digest of these differences; null if it has not the hash that they name. */
export function changedDigest(base: Digest, changes: DigestChanges): Digest | null {
  const vector = changedVector(base.vector, changes);
  if (vector === null) return null;
  const named = namedOrigins(base.vector, changes).filter((origin) => vector.has(origin));
  if (named.length !== changes.sums.length) return null;
  const sums = new Map<string, Hash>();
  for (const origin of vector.keys()) sums.set(origin, base.sums.get(origin) ?? ZERO);
  for (const [index, origin] of named.entries()) sums.set(origin, changes.sums[index] ?? ZERO);
  const digest = { ...changes.rest, vector, sums };
  return sameHash(vectorHash(digest), changes.hash) ? digest : null;
}

/** @returns the one of these digests from which the differences are told; undefined if it is none of them. */
export const baseOf = ({ base }: DigestChanges, digests: readonly Digest[]): Digest | undefined =>
  digests.find((digest) => sameHash(vectorHash(digest), base));
