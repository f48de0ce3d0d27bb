/** Empty stores of entries for tests, as nodes have them. */
import type { EntryStore } from '../../src/store/entryStore.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import type { KeyOp } from '../../src/words/op.ts';

export const newEntries = (): EntryStore => new PagedEntries({ first: 1, second: 2 });

/** The row of an op in tests that have no log. */
export const lsnOf = ({ origin, seq }: Pick<KeyOp, 'origin' | 'seq'>): number =>
  ((seq * 37 + origin.length) % 100_000) + 1;

/** Folds an op in that no log holds. @returns whether it became the entry. */
export const foldInto = (store: EntryStore, op: KeyOp): boolean => store.fold(op, lsnOf(op));
