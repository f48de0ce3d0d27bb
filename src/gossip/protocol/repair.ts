/**
 * Repair (rule 11): two nodes hold the same ops and differ in their maps, which can only be damage.
 * They find the keys by sums over buckets of keys, in two steps. The holder of the greater entry (rule
 * 1) bears it again, and a live entry beats an absent one.
 */

import { add, carriedHash, type Hash, hashKey, sameHash, ZERO } from '../../words/hash.ts';
import { at } from '../../words/invariant.ts';
import { compareOps, type EntryHead, type KeyOp } from '../../words/op.ts';
import { MINUTE_MS } from '../../words/time.ts';

/** An entry as one node sends it, with the fields that find the greater of two. */
export type EntryMark = Pick<
  KeyOp,
  'key' | 'kind' | 'generation' | 'version' | 'hlc' | 'origin' | 'seq'
>;

const ENTRIES_A_BUCKET = 512;
/** The most that a message may name. Buckets of maps beyond 2^25 entries are larger. */
const MAX_BUCKETS = 65_536;

/** The number of buckets for comparing a map with this number of entries. */
export function bucketCount(entries: number): number {
  let count = 1;
  while (count < MAX_BUCKETS && entries / count > ENTRIES_A_BUCKET) count *= 2;
  return count;
}

export const bucketOf = (key: string, buckets: number): number => hashKey(key) % buckets;

/** Whether the entry counts in the map sum as of the minute. */
const counts = (entry: EntryHead, asOf: number): boolean =>
  entry.kind === 'put' && (entry.expiresAt === null || entry.expiresAt > asOf * MINUTE_MS);

export const emptyBuckets = (buckets: number): Hash[] => new Array<Hash>(buckets).fill(ZERO);

/** Adds entries to the map sum as of the minute, which `sums` divides by buckets. */
export function addToBuckets(sums: Hash[], entries: Iterable<EntryHead>, asOf: number): void {
  for (const entry of entries) {
    if (!counts(entry, asOf)) continue;
    const bucket = bucketOf(entry.key, sums.length);
    sums[bucket] = add(at(sums, bucket), carriedHash(entry));
  }
}

export function differingBuckets(ours: readonly Hash[], theirs: readonly Hash[]): number[] {
  const differing: number[] = [];
  for (const [bucket, sum] of ours.entries())
    if (!sameHash(sum, theirs[bucket] ?? ZERO)) differing.push(bucket);
  return differing;
}

/** Our entries that win against the peer's, or that it lacks, where either counts as of the minute. */
export function entriesToBearAgain(
  ours: readonly EntryHead[],
  theirs: readonly EntryMark[],
  asOf: number,
): EntryHead[] {
  const marks = new Map(theirs.map((mark) => [mark.key, mark]));
  return ours.filter((entry) => {
    const mark = marks.get(entry.key);
    if (mark === undefined) return counts(entry, asOf);
    // If a log was forked, one op id may stand for two ops.
    return compareOps(entry, mark) > 0;
  });
}
