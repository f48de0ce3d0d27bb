/**
 * One level of the tree that a delimiter makes of keys: the keys without it after the prefix, and the
 * longer prefixes, up to and with the first delimiter, that the other keys share.
 */
import type { PutHead } from '../words/op.ts';

export interface LevelOf {
  readonly prefix: string;
  /** Not empty. */
  readonly delimiter: string;
  /** The key or prefix to go on after; null starts at the first. */
  readonly after: string | null;
}

/** Keys and prefixes are each in the order of code points. */
export interface LevelPage {
  readonly entries: readonly PutHead[];
  /** Each ends with the delimiter; at least one live key begins with it. */
  readonly prefixes: readonly string[];
  /** The key or prefix that the next page starts after, or null at the end. */
  readonly next: string | null;
}

/** @returns the longer prefix that stands for the key; null if the key, or any text, is no part of one. */
export function sharedPrefix(
  text: string,
  { prefix, delimiter }: Pick<LevelOf, 'prefix' | 'delimiter'>,
): string | null {
  if (!text.startsWith(prefix)) return null;
  const end = text.indexOf(delimiter, prefix.length);
  return end < 0 ? null : text.slice(0, end + delimiter.length);
}
