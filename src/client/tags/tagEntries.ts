/** Marks of tags as entries: `PREFIX` + tag + `/` + id, so that a mirror of the prefix knows all tags. */

import { isTexts } from '../cached/cachedFacts.ts';
import { checkedText } from '../calls/ops.ts';
import { InvalidRequestError, quoted } from '../errors.ts';
import { countMember, isObject } from '../json.ts';
import { randomId } from '../randomId.ts';
import type { TagMark } from './tagMarks.ts';

/**
 * An entry with tags counts as absent once its facts are so old, because marks are kept a little longer
 * than that and no longer. All clients of a cluster have to agree about it, so it is no option.
 */
export const TAG_MEMORY_MS = 30 * 24 * 3_600_000;
/** Beyond the memory, for clocks that differ. */
export const MARK_TTL_MS = TAG_MEMORY_MS + 3_600_000;
/** The most tags of one entry: each is part of the entry, and is looked up at each read. */
export const MAX_TAGS = 256;

/** @returns each tag once. @throws InvalidRequestError */
export function checkedTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) throw new InvalidRequestError('tags must be an array of strings.');
  const each = [...new Set(tags.map(checkedTag))];
  if (each.length <= MAX_TAGS) return each;
  throw new InvalidRequestError(`An entry must not have more than ${MAX_TAGS} tags.`);
}

/** @throws InvalidRequestError */
export function checkedTag(tag: string): string {
  if (checkedText('A tag', tag) !== '') return tag;
  throw new InvalidRequestError('A tag must not be empty.');
}

export interface MarkName {
  readonly tag: string;
  readonly id: string;
}

export const newMarkName = (tag: string): MarkName => ({ tag, id: randomId() });

export const markKey = (prefix: string, { tag, id }: MarkName): string => `${prefix}${tag}/${id}`;

/** @param key one with the prefix. @returns null for a key that is no mark's. */
export function readMarkKey(prefix: string, key: string): MarkName | null {
  const slash = key.lastIndexOf('/');
  if (slash <= prefix.length - 1 || slash === key.length - 1) return null;
  return { tag: key.slice(prefix.length, slash), id: key.slice(slash + 1) };
}

export const markValue = ({ staleStates, staleUntilMs, replaces }: TagMark): unknown => ({
  stale_states: staleStates,
  ...(staleUntilMs !== null && { stale_until: staleUntilMs }),
  replaces,
});

/** A malformed mark is a hard one: better a value is loaded once more. */
export function readMark(value: unknown): TagMark {
  const members = isObject(value) ? value : {};
  const { stale_states: staleStates, replaces } = members;
  return {
    staleStates: isTexts(staleStates) ? staleStates : [],
    staleUntilMs: countMember(members, 'stale_until'),
    replaces: isTexts(replaces) ? replaces : [],
  };
}

/** The sentence for a client whose mirror of the tags has not caught up in time. */
export const unknownTags = (prefix: string): string =>
  `The tags are not known, because no node answers a watch of ${quoted(prefix)}: try again, or write without tags.`;
