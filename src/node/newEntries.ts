/** An empty store of entries, with a seed of its own. */
import { randomInt } from 'node:crypto';
import type { EntryStore } from '../store/entryStore.ts';
import { PagedEntries } from '../store/pagedEntries.ts';

const WORDS = 2 ** 32;

/** @param maxBytes bytes of the store above which values are dropped; null for no bound. */
export const newEntries = (maxBytes: number | null): EntryStore =>
  new PagedEntries({ seed: { first: randomInt(WORDS), second: randomInt(WORDS) }, maxBytes });
