/** An empty store of entries, with a seed of its own. */
import { randomInt } from 'node:crypto';
import type { EntryStore } from '../store/entryStore.ts';
import { PagedEntries } from '../store/pagedEntries.ts';

const WORDS = 2 ** 32;

export const newEntries = (): EntryStore =>
  new PagedEntries({ first: randomInt(WORDS), second: randomInt(WORDS) });
