/**
 * Values that the program around a node has read, ready to be read again: to copy a parsed value costs less than
 * to find its entry in the pages and to parse its text.
 *
 * Invariants:
 * - A kept value is never handed out, only copies of it: what one caller does to its copy no other one sees.
 * - A kept value is that of the present entry: the map tells of each change, and the key is forgotten.
 * - The bytes of all kept values stay within the bound, each counted as the most that the heap takes for it.
 *
 * A full store makes room by the CLOCK algorithm, as `src/store/records.ts` does. It lets only some of the new
 * values in, so that a walk over more keys than fit does not push everything out (Qureshi and others, "Adaptive
 * insertion policies for high performance caching", 2007).
 */
import type { Put } from '../words/op.ts';
import type { EntryStore } from './entryStore.ts';

/** A live entry with a value of its own. */
export interface ReadValue {
  readonly value: unknown;
  readonly version: number;
  /** UTC milliseconds, or null if the entry never expires. */
  readonly expiresAt: number | null;
}

interface Kept extends ReadValue {
  readonly key: string;
  readonly bytes: number;
  /** The round of the hand in which it came. */
  readonly round: number;
  /** Asked for since the hand last came by. */
  wasAskedFor: boolean;
}

/** A single value takes at most this share of the bound. */
const LARGEST_SHARE = 1 / 64;
/** Of the values that need the place of another, one in so many is let in. */
const LET_IN_ONE_OF = 8;
/** The hand passes so many values that were asked for; then it takes the next one all the same. */
const MAX_PASSED = 16;
/** A deeper value is parsed anew each time, because copies are made by recursion. */
const MAX_DEPTH = 32;

/** The most that a heap with words of eight bytes takes for the parts of a value, beside the characters of texts. */
const KEPT_BYTES = 144;
const OBJECT_BYTES = 72;
const MEMBER_BYTES = 88;
const ARRAY_BYTES = 48;
const ELEMENT_BYTES = 8;
const NUMBER_BYTES = 16;
const TEXT_BYTES = 24;

/** A text that may be parsed into characters of two bytes. */
const WIDE_TEXT = /[^\0-\xff]|\\u/;

export class ReadValues {
  /** Bytes of all kept values. */
  bytes = 0;
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Kept>();
  /** Where room is made next; null before the first. */
  #hand: MapIterator<Kept> | null = null;
  #round = 0;
  #refused = 0;

  /** @param maxBytes 0 keeps nothing. */
  constructor(map: Pick<EntryStore, 'onChange'>, maxBytes: number) {
    this.#maxBytes = maxBytes;
    map.onChange((key) => {
      if (key === null) this.#clear();
      else this.#forget(key);
    });
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * @param clock UTC milliseconds; it is asked only of an entry that expires. @returns undefined if the value is
   *   not kept, or has expired.
   */
  get(key: string, clock: () => number): ReadValue | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const { version, expiresAt } = kept;
    if (expiresAt !== null && expiresAt <= clock()) return undefined;
    if (!kept.wasAskedFor) kept.wasAskedFor = true;
    return { value: copyOf(kept.value), version, expiresAt };
  }

  /** Keeps the value of the present entry, unless it has annotations, or there is no room for it. */
  keep(put: Put): void {
    const { key, version, expiresAt, value: text } = put;
    if (put.meta !== null || !this.#mayLetIn(text.length)) return;
    const value = parsed(text);
    const bytes = bytesOf(put, value);
    if (bytes > this.#maxBytes * LARGEST_SHARE) return;
    this.#forget(key);
    while (this.bytes + bytes > this.#maxBytes) this.#makeRoom();
    // A key that is a part of a longer text would hold that text in memory.
    const own = Buffer.from(key).toString();
    const round = this.#round;
    this.#kept.set(own, { key: own, value, version, expiresAt, bytes, round, wasAskedFor: false });
    this.bytes += bytes;
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.bytes -= kept.bytes;
  }

  #clear(): void {
    this.#kept.clear();
    this.#hand = null;
    this.bytes = 0;
  }

  /** @param length of the value's text, which is near enough to what it takes once parsed. */
  #mayLetIn(length: number): boolean {
    const bytes = KEPT_BYTES + length;
    if (bytes > this.#maxBytes * LARGEST_SHARE) return false;
    if (this.bytes + bytes <= this.#maxBytes) return true;
    this.#refused = (this.#refused + 1) % LET_IN_ONE_OF;
    return this.#refused === 0;
  }

  /** Forgets a value; there must be one. */
  #makeRoom(): void {
    for (let passed = 0; ; passed++) {
      const kept = this.#next();
      if (kept.wasAskedFor && passed < MAX_PASSED) kept.wasAskedFor = false;
      else {
        this.#forget(kept.key);
        return;
      }
    }
  }

  /**
   * One iterator goes around: a new one would pass all the holes at the front of the map each time. A round ends
   * before what came since it began: otherwise the hand would follow the newest for ever, and never come around.
   */
  #next(): Kept {
    for (;;) {
      this.#hand ??= this.#kept.values();
      const { done, value } = this.#hand.next();
      if (!done && value.round !== this.#round) return value;
      this.#hand = null;
      this.#round++;
    }
  }
}

/** @returns undefined for a text that is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns Infinity for a value that can't be copied as it is. */
function bytesOf({ key, value: text }: Put, value: unknown): number {
  const width = WIDE_TEXT.test(text) ? 2 : 1;
  return KEPT_BYTES + TEXT_BYTES + 2 * key.length + bytesOfJson(value, width, 0);
}

/** @param width bytes of a character. */
function bytesOfJson(value: unknown, width: number, depth: number): number {
  if (typeof value === 'string') return TEXT_BYTES + width * value.length;
  if (typeof value === 'number') return NUMBER_BYTES;
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= MAX_DEPTH) return Number.POSITIVE_INFINITY;
  if (Array.isArray(value)) {
    let bytes = ARRAY_BYTES;
    for (const one of value) bytes += ELEMENT_BYTES + bytesOfJson(one, width, depth + 1);
    return bytes;
  }
  let bytes = OBJECT_BYTES;
  for (const [name, member] of Object.entries(value)) {
    // To assign it would set the prototype of the copy.
    if (name === '__proto__') return Number.POSITIVE_INFINITY;
    bytes +=
      MEMBER_BYTES + TEXT_BYTES + width * name.length + bytesOfJson(member, width, depth + 1);
  }
  return bytes;
}

/** A copy of a value that came from `JSON.parse`. */
function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const copy: Record<string, unknown> = { ...value };
  for (const name in copy) {
    const member = copy[name];
    if (typeof member === 'object' && member !== null) copy[name] = copyOf(member);
  }
  return copy;
}
