/**
 * The tags of a cluster, as this client knows them by a mirror: a read asks no node about them.
 *
 * Invariants: a verdict is given only by a mirror that is current; one that can't be current in time makes
 * entries with tags absent, and their writes fail. An invalidation of this client counts here as soon as
 * it is stored.
 */
import type { CachedFacts } from '../cached/cachedFacts.ts';
import { UnavailableError } from '../errors.ts';
import type { Mirror } from '../replica/mirror.ts';
import type { MirrorChange } from '../replica/mirrorListeners.ts';
import {
  checkedTag,
  MARK_TTL_MS,
  type MarkName,
  markKey,
  markValue,
  newMarkName,
  readMark,
  readMarkKey,
  TAG_MEMORY_MS,
  unknownTags,
} from './tagEntries.ts';
import {
  nextMark,
  stateOf,
  type TagMark,
  type TagMarks,
  type Verdict,
  verdictOn,
  worstOf,
} from './tagMarks.ts';

/** Writes a mark, and then deletes others, in one request. @returns the token of the write. */
export type StoreMark = (
  mark: { readonly key: string; readonly value: unknown; readonly ttlMs: number },
  replaced: readonly string[],
) => Promise<string | null>;

export interface TagParts {
  /** The prefix of the entries that hold marks. */
  readonly prefix: string;
  readonly mirror: () => Mirror;
  readonly store: StoreMark;
  /** The time by the clock of the nodes. */
  readonly nowMs: () => number;
  /** The longest wait for the mirror. */
  readonly waitMs: number;
}

/** For how long a mark of this client counts that the mirror has not told. */
const OWN_MARK_MS = 10_000;
/** The most marks that one invalidation deletes. */
const MOST_REPLACED = 100;

interface KnownMark {
  readonly mark: TagMark;
  /** When the mark was made, by the clock of the nodes. */
  readonly atMs: number;
  /** Since when this client knows it, by the clock of `performance`. */
  readonly sinceMs: number;
  /** By the clock of `performance`; infinite for a mark that the mirror has told. */
  readonly untilMs: number;
}

/** The last invalidation of some tags, as a client knows it. */
export interface LastInvalidation {
  /** When it was made, by the clock of the node that took it. */
  readonly at: Date;
  /** When this client learned of it, by `performance.now()`. */
  readonly seenAtMs: number;
}

export interface Invalidating {
  readonly isSoft: boolean;
  /** For how long entries may be stale, in milliseconds; null: as long as they live. */
  readonly staleMs: number | null;
}

export class Tags {
  readonly #parts: TagParts;
  readonly #known = new Map<string, Map<string, KnownMark>>();
  #mirror: Mirror | null = null;

  constructor(parts: TagParts) {
    this.#parts = parts;
  }

  /**
   * @param seenUntilMs what this client learned later does not count, by the clock of `performance`.
   * @returns the state of each tag as of then; null if the tags are not known.
   */
  async capture(
    tags: readonly string[],
    seenUntilMs = Number.POSITIVE_INFINITY,
  ): Promise<CachedFacts['tags'] | null> {
    if (tags.length > 0 && !(await this.#isCurrent())) return null;
    return new Map(tags.map((tag) => [tag, stateOf(this.#marksOf(tag, seenUntilMs))]));
  }

  /** As `capture`. @throws UnavailableError if the tags are not known. */
  async captureOrFail(tags: readonly string[], seenUntilMs?: number): Promise<CachedFacts['tags']> {
    return (await this.capture(tags, seenUntilMs)) ?? this.#refuse();
  }

  /** @returns null if none of the tags was ever invalidated. @throws UnavailableError if they are not known. */
  async lastInvalidation(tags: readonly string[]): Promise<LastInvalidation | null> {
    if (tags.length === 0) return null;
    if (!(await this.#isCurrent())) return this.#refuse();
    const marks = tags.flatMap((tag) => [...(this.#known.get(tag)?.values() ?? [])]);
    if (marks.length === 0) return null;
    return {
      at: new Date(Math.max(...marks.map(({ atMs }) => atMs))),
      seenAtMs: Math.max(...marks.map(({ sinceMs }) => sinceMs)),
    };
  }

  #refuse(): never {
    throw new UnavailableError(unknownTags(this.#parts.prefix));
  }

  async verdictOf(facts: CachedFacts | null): Promise<Verdict> {
    if (facts === null || facts.tags.size === 0) return 'fresh';
    return (await this.#isCurrent()) ? this.verdictNow(facts) : 'gone';
  }

  /** The verdict by the marks that are known now. */
  verdictNow({ atMs, tags }: Pick<CachedFacts, 'atMs' | 'tags'>): Verdict {
    if (tags.size === 0) return 'fresh';
    // Marks from before are forgotten.
    const nowMs = this.#parts.nowMs();
    if (atMs + TAG_MEMORY_MS <= nowMs) return 'gone';
    return worstOf([...tags].map(([tag, state]) => verdictOn(state, this.#marksOf(tag), nowMs)));
  }

  /** @returns the token of the write. */
  async invalidate(tag: string, { isSoft, staleMs }: Invalidating): Promise<string | null> {
    const name = newMarkName(checkedTag(tag));
    // Unknown marks can't be replaced, nor can an unknown state be stale. The invalidation counts all the same.
    await this.#isCurrent();
    const { prefix, store, nowMs } = this.#parts;
    const atMs = nowMs();
    const softness = isSoft ? { staleUntilMs: staleMs === null ? null : atMs + staleMs } : null;
    const mark = nextMark(this.#marksOf(tag), softness, atMs);
    const replaced = mark.replaces.slice(0, MOST_REPLACED);
    const token = await store(
      { key: markKey(prefix, name), value: markValue(mark), ttlMs: MARK_TTL_MS },
      replaced.map((id) => markKey(prefix, { tag, id })),
    );
    const sinceMs = performance.now();
    this.#know(name, { mark, atMs, sinceMs, untilMs: sinceMs + OWN_MARK_MS });
    return token;
  }

  async #isCurrent(): Promise<boolean> {
    const mirror = this.#mirror ?? this.#begin();
    if (mirror.isCurrent) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#parts.waitMs);
    });
    await Promise.race([mirror.current(), over]).catch(() => {});
    clearTimeout(timer);
    return mirror.isCurrent;
  }

  #begin(): Mirror {
    const mirror = this.#parts.mirror();
    this.#mirror = mirror;
    mirror.onChange((change) => this.#take(change));
    // It was refused: the next call tries anew.
    mirror.closed.catch(() => {
      this.#mirror = null;
      this.#known.clear();
    });
    return mirror;
  }

  #marksOf(tag: string, seenUntilMs = Number.POSITIVE_INFINITY): TagMarks {
    const marks = new Map<string, TagMark>();
    const known = this.#known.get(tag) ?? [];
    for (const [id, { mark, sinceMs, untilMs }] of known)
      if (untilMs > performance.now() && sinceMs <= seenUntilMs) marks.set(id, mark);
    return marks;
  }

  #take({ key, entry }: MirrorChange): void {
    const name = readMarkKey(this.#parts.prefix, key);
    if (name === null) return;
    if (entry === undefined) {
      this.#forget(name);
      return;
    }
    this.#know(name, {
      mark: readMark(decoded(entry)),
      atMs: (entry.expiresAt?.getTime() ?? 0) - MARK_TTL_MS,
      sinceMs: performance.now(),
      untilMs: Number.POSITIVE_INFINITY,
    });
  }

  #know({ tag, id }: MarkName, mark: KnownMark): void {
    const marks = this.#known.get(tag) ?? new Map<string, KnownMark>();
    this.#known.set(tag, marks);
    const present = marks.get(id);
    if (present === undefined) marks.set(id, mark);
    else if (present.untilMs < mark.untilMs) marks.set(id, { ...mark, sinceMs: present.sinceMs });
    for (const [other, { untilMs }] of marks) if (untilMs <= performance.now()) marks.delete(other);
  }

  #forget({ tag, id }: MarkName): void {
    const marks = this.#known.get(tag);
    marks?.delete(id);
    if (marks?.size === 0) this.#known.delete(tag);
  }
}

/** Undefined for a value that can't be decoded. */
function decoded(entry: { readonly value: unknown }): unknown {
  try {
    return entry.value;
  } catch {
    return undefined;
  }
}
