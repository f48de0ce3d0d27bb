/** Empty stores of entries for tests, as nodes have them. */
import type { EntryStore } from '../../src/store/entryStore.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';

export const newEntries = (): EntryStore => new PagedEntries({ first: 1, second: 2 });
