/** The oracle keeps the duties itself. */
import { entryStoreConformance } from '../conformance/entryStore.ts';
import { PlainEntries } from '../support/plainEntries.ts';

const conformance = entryStoreConformance('plain objects', () => new PlainEntries());
conformance.run();
