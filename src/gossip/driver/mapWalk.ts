/** Walks through the map for a repair (rule 11): in slices, so that others have their turns. */
import type { Replica } from '../../replica/replica.ts';
import type { Hash } from '../../words/hash.ts';
import type { EntryHead } from '../../words/op.ts';
import { addToBuckets, bucketOf, emptyBuckets } from '../protocol/repair.ts';
import { Slices, type Turning } from './slices.ts';

/** Entries looked at in one slice. */
const MAX_LOOKED_AT = 20_000;

export interface Walk extends Turning {
  readonly replica: Replica;
}

export interface Sought {
  readonly buckets: number;
  /** The minute as of which the sums of all buckets are added up; null if nobody asks for them. */
  readonly asOf: number | null;
  /** The buckets whose entries are asked for. */
  readonly chosen: Iterable<number>;
}

export interface Found {
  readonly sums: readonly Hash[];
  /** All entries of the chosen buckets, dead ones included. */
  readonly entries: ReadonlyMap<number, EntryHead[]>;
}

/** Looks through the map once, each entry as it is when its turn comes. */
export async function lookThrough(walk: Walk, { buckets, asOf, chosen }: Sought): Promise<Found> {
  const sums = asOf === null ? [] : emptyBuckets(buckets);
  const entries = new Map(Array.from(chosen, (bucket) => [bucket, [] as EntryHead[]]));
  const look = (slice: readonly EntryHead[]): void => {
    if (asOf !== null) addToBuckets(sums, slice, asOf);
    if (entries.size === 0) return;
    for (const head of slice) entries.get(bucketOf(head.key, buckets))?.push(head);
  };
  let slice: EntryHead[] = [];
  const slices = new Slices(walk, MAX_LOOKED_AT);
  for (const entry of walk.replica.map.heads()) {
    slice.push(entry);
    if (!slices.step()) continue;
    look(slice);
    slice = [];
    await slices.pause();
  }
  look(slice);
  return { sums, entries };
}
