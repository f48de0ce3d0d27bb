/**
 * The tree of keys, as far as a person has opened it. Pure.
 *
 * Invariant: it holds at most `MOST_ROWS` rows, however many keys there are.
 */
import { compareKeys } from '../../words/keyOrder.ts';
import type { Level, ListedEntry } from '../api/answers.ts';

export interface Branch {
  readonly entries: readonly ListedEntry[];
  readonly prefixes: readonly string[];
  /** Where the next page starts; null at the end. */
  readonly next: string | null;
}

/** The levels that are open, by their prefixes. */
export type Branches = ReadonlyMap<string, Branch>;

export type Row =
  | {
      readonly kind: 'folder';
      readonly prefix: string;
      readonly depth: number;
      readonly isOpen: boolean;
    }
  | {
      readonly kind: 'key';
      readonly entry: ListedEntry;
      readonly depth: number;
      readonly parent: string;
    }
  | { readonly kind: 'more'; readonly parent: string; readonly depth: number };

export const MOST_ROWS = 3000;

/** Keys and folders are in one order of code points. */
export function rowsOf(branches: Branches, root: string): Row[] {
  const rows: Row[] = [];
  const visit = (prefix: string, depth: number): void => {
    const branch = branches.get(prefix);
    if (branch === undefined) return;
    const named = [
      ...branch.prefixes.map((name) => ({ name, entry: null })),
      ...branch.entries.map((entry) => ({ name: entry.key, entry })),
    ].sort((a, b) => compareKeys(a.name, b.name));
    for (const { name, entry } of named) {
      if (rows.length >= MOST_ROWS) return;
      if (entry !== null) rows.push({ kind: 'key', entry, depth, parent: prefix });
      else {
        const isOpen = branches.has(name);
        rows.push({ kind: 'folder', prefix: name, depth, isOpen });
        if (isOpen) visit(name, depth + 1);
      }
    }
    if (branch.next !== null) rows.push({ kind: 'more', parent: prefix, depth });
  };
  visit(root, 1);
  return rows;
}

export const branchOf = (level: Level): Branch => ({
  entries: level.entries,
  prefixes: level.prefixes ?? [],
  next: level.next,
});

/** The branch with the next page of its level. */
export function longer(branch: Branch, level: Level): Branch {
  const known = new Set(branch.prefixes);
  return {
    entries: [...branch.entries, ...level.entries],
    prefixes: [...branch.prefixes, ...(level.prefixes ?? []).filter((one) => !known.has(one))],
    next: level.next,
  };
}

/** The name of a row below its parent. */
export const nameOf = (row: Row): string => {
  if (row.kind === 'more') return 'more …';
  return row.kind === 'key' ? row.entry.key.slice(row.parent.length) || row.entry.key : row.prefix;
};
