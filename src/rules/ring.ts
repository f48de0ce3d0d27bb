/**
 * The ring: members in the order of a hash of their origins, the last one followed by the first. A node links the first
 * member after it that answers, so that the graph of links is one cycle, and heals after any failure without luck.
 */
import { hashKey } from '../words/hash.ts';

const POSITIONS = 2 ** 32;

/** The steps from one origin to another, forward along the ring: from 0 to 2^32 − 1. */
export const ringDistance = (from: string, to: string): number =>
  (hashKey(to) - hashKey(from) + POSITIONS) % POSITIONS;

/** The other origins, the successor of `origin` first. Origins of one place are in the order of their names. */
export function inRingOrder(origin: string, others: Iterable<string>): string[] {
  const placed = [...others]
    .filter((other) => other !== origin)
    .map((other) => ({ other, distance: ringDistance(origin, other) }));
  placed.sort((a, b) => a.distance - b.distance || (a.other < b.other ? -1 : 1));
  return placed.map(({ other }) => other);
}

/** The first of the others after the origin; undefined if there is none. */
export const successorOf = (origin: string, others: Iterable<string>): string | undefined =>
  inRingOrder(origin, others)[0];
