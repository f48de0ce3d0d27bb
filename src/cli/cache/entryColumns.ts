/** The columns of entries, for every command that lists them. */
import type { Column, LastColumn } from '../terminal/table.ts';
import { shownKey } from '../terminal/values.ts';

/** Key and version; the value takes the rest of the line. */
export const ENTRY_COLUMNS: readonly Column[] = [
  { title: 'KEY', width: 28, leastWidth: 12 },
  { title: 'VERSION', width: 7 },
];
export const VALUE_COLUMN: LastColumn = { title: 'VALUE', leastWidth: 12 };

/** An entry in the columns above. */
export const entryCells = (key: string, version: number, value: string): string[] => [
  shownKey(key),
  `v${version}`,
  value,
];
