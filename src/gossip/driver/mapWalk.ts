/** Walks through the map for a repair (rule 11): in slices, so that others have their turns. */
import type { Replica } from '../../replica/replica.ts';
import type { Hash } from '../../words/hash.ts';
import type { EntryHead } from '../../words/op.ts';
import { addToBuckets, bucketOf, emptyBuckets } from '../protocol/repair.ts';

/** Entries looked at in one turn of the event loop. */
const SLICE = 20_000;

export interface Walk {
  readonly replica: Replica;
  /** Settles once other work that waits for the thread has had its turn. */
  readonly pause: () => Promise<void>;
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
  for (const entry of walk.replica.map.heads()) {
    slice.push(entry);
    if (slice.length < SLICE) continue;
    look(slice);
    slice = [];
    await walk.pause();
  }
  look(slice);
  return { sums, entries };
}
