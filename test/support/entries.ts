/** Empty stores of entries for tests, as nodes have them. */
import type { EntryStore } from '../../src/store/entryStore.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { type Entry, type InLog, isInLog, type KeyOp } from '../../src/words/op.ts';
import { KIB } from '../../src/words/size.ts';

/** So small that a few entries fill a page. */
const SMALL = { firstBytes: 256, bytes: KIB };

/** @param maxBytes bytes above which values are dropped, with small pages; null for no bound. */
export const newEntries = (maxBytes: number | null = null): EntryStore =>
  new PagedEntries({
    seed: { first: 1, second: 2 },
    ...(maxBytes !== null && { sizes: SMALL, maxBytes }),
  });

/** The row of an op in tests that have no log. */
export const lsnOf = ({ origin, seq }: Pick<KeyOp, 'origin' | 'seq'>): number =>
  ((seq * 37 + origin.length) % 100_000) + 1;

/** Folds an op in that no log holds. @returns whether it became the entry. */
export const foldInto = (store: EntryStore, op: KeyOp): boolean => store.fold(op, lsnOf(op));

/** The entry of a store without a bound of memory. */
export function whole<E extends Entry>(entry: E): Exclude<E, InLog> {
  if (isInLog(entry)) throw new Error(`the value of ${entry.key} is cold`);
  return entry as Exclude<E, InLog>;
}
