/**
 * The facts that an entry remembers beside its value, in the member `cached` of its `meta`: its tags, how
 * long it is fresh, and how long its value took to load. Nodes and other clients leave them alone.
 */
import { countMember, isObject, type JsonObject } from '../json.ts';

export interface CachedFacts {
  /** From when the value is: before its load began, by the clock of the nodes. */
  readonly atMs: number;
  /** From then on the value is stale; null: never. */
  readonly freshUntilMs: number | null;
  readonly loadMs: number;
  /** Tag → the ids of the invalidations that were in force at `atMs`. */
  readonly tags: ReadonlyMap<string, readonly string[]>;
}

/** The member of `meta`. */
export const CACHED = 'cached';

/** The facts as JSON text. */
export function cachedText({ atMs, freshUntilMs, loadMs, tags }: CachedFacts): string {
  const isAlwaysFresh = freshUntilMs === null;
  return JSON.stringify({
    at: atMs,
    ...(!isAlwaysFresh && { fresh_until: freshUntilMs, load_ms: loadMs }),
    ...(tags.size > 0 && { tags: [...tags] }),
  });
}

/** @returns null if the annotations hold no facts, or some of another form. */
export function readCached(meta: unknown): CachedFacts | null {
  const cached = isObject(meta) ? meta[CACHED] : undefined;
  if (!isObject(cached)) return null;
  const atMs = countMember(cached, 'at');
  const tags = readTags(cached);
  if (atMs === null || tags === null) return null;
  const freshUntilMs = countMember(cached, 'fresh_until');
  return { atMs, freshUntilMs, loadMs: countMember(cached, 'load_ms') ?? 0, tags };
}

/** @returns null for a malformed member: its entry is as one without facts. */
function readTags({ tags = [] }: JsonObject): ReadonlyMap<string, readonly string[]> | null {
  if (!Array.isArray(tags)) return null;
  const read = new Map<string, readonly string[]>();
  for (const pair of tags as readonly unknown[]) {
    const [tag, ids]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    if (typeof tag !== 'string' || !isTexts(ids)) return null;
    read.set(tag, ids);
  }
  return read;
}

export const isTexts = (input: unknown): input is readonly string[] =>
  Array.isArray(input) && input.every((text) => typeof text === 'string');
