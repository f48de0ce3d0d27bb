/**
 * The entries that expire next. Entries lie in buckets of a tenth of a second, so that adding and taking
 * out cost nothing in the number of entries, and a sweep costs what expires.
 *
 * Invariant: while the clock goes forward, entries are taken in the order of `(expiresAt, origin, seq)`,
 * and what a sweep leaves is after everything that it took; so one mark says how far the sweeps have
 * come. No entry is taken before its time, also where the clock went back since it was found due.
 */

import sortedBtree from 'sorted-btree';
import { compareExpiry, type ExpiryMark, markOfClock, markOfEntry } from '../words/expiryMark.ts';
import { isDead, type KeyOp } from '../words/op.ts';
import { Queue } from '../words/queue.ts';

const BTree = sortedBtree.default;
const BUCKET_MS = 100;

/** The entries that one sweep took. */
export interface Swept {
  /** In the order in which they expired. */
  readonly expired: readonly KeyOp[];
  /** Everything that had expired by here has been taken. */
  readonly upTo: ExpiryMark;
}

export class ExpiryIndex {
  readonly #buckets = new BTree<number, Set<KeyOp>>();
  /** Entries that were due and over the limit of the sweep that found them, in order. */
  readonly #due = new Queue<KeyOp>();
  /** Those of them that are still entries. */
  readonly #waiting = new Set<KeyOp>();

  add(entry: KeyOp): void {
    if (entry.expiresAt === null) return;
    const bucket = Math.floor(entry.expiresAt / BUCKET_MS);
    const entries = this.#buckets.get(bucket);
    if (entries === undefined) this.#buckets.set(bucket, new Set([entry]));
    else entries.add(entry);
  }

  remove(entry: KeyOp): void {
    if (entry.expiresAt === null || this.#waiting.delete(entry)) return;
    const bucket = Math.floor(entry.expiresAt / BUCKET_MS);
    const entries = this.#buckets.get(bucket);
    if (entries?.delete(entry) && entries.size === 0) this.#buckets.delete(bucket);
  }

  /** Takes out the entries whose time has come, at most `limit` of them. */
  takeExpired(nowMs: number, limit: number): Swept {
    this.#giveBack(nowMs);
    this.#gather(nowMs);
    const expired: KeyOp[] = [];
    while (expired.length < limit) {
      const entry = this.#due.shift();
      if (entry === undefined) break;
      if (this.#waiting.delete(entry)) expired.push(entry);
    }
    const last = expired.at(-1);
    if (this.#waiting.size > 0 && last !== undefined) return { expired, upTo: markOfEntry(last) };
    this.#due.clear();
    return { expired, upTo: markOfClock(nowMs) };
  }

  /** Entries that were due by a clock that has gone back since are not due any more. */
  #giveBack(nowMs: number): void {
    const last = this.#due.last;
    if (last === undefined || isDead(last, nowMs)) return;
    const due = this.#due.slice(0);
    this.#due.clear();
    for (const entry of due) {
      if (isDead(entry, nowMs)) this.#due.push(entry);
      else if (this.#waiting.delete(entry)) this.add(entry);
    }
  }

  /** Moves what is due out of its buckets, and puts it in order with what was left before. */
  #gather(nowMs: number): void {
    const found: KeyOp[] = [];
    for (;;) {
      const bucket = this.#buckets.minKey();
      if (bucket === undefined || bucket * BUCKET_MS > nowMs) break;
      const entries = this.#buckets.get(bucket);
      if (entries === undefined) break;
      const before = found.length;
      for (const entry of entries)
        if (entry.expiresAt !== null && entry.expiresAt <= nowMs) found.push(entry);
      if (found.length - before < entries.size) {
        for (const entry of found.slice(before)) entries.delete(entry);
        break;
      }
      this.#buckets.delete(bucket);
    }
    if (found.length === 0) return;
    for (const entry of found) this.#waiting.add(entry);
    const left = this.#due.slice(0).filter((entry) => this.#waiting.has(entry));
    this.#due.clear();
    for (const entry of [...left, ...found].sort(compareExpiry)) this.#due.push(entry);
  }
}

/** The record of an entry that has expired and was collected. */
export type Expired = Pick<KeyOp, 'key' | 'version' | 'expiresAt' | 'origin' | 'seq'>;

/** The last of many expiries, in whatever order they come. */
export class LatestExpiries {
  readonly #limit: number;
  #expired: Expired[] = [];
  #hasDropped = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ key, version, expiresAt, origin, seq }: KeyOp): void {
    if (expiresAt === null) return;
    this.#expired.push({ key, version, expiresAt, origin, seq });
    if (this.#expired.length > 2 * this.#limit) this.#cut();
  }

  /** In order; and whether there were more, before the first of them. */
  take(): { readonly expired: readonly Expired[]; readonly isComplete: boolean } {
    this.#cut();
    return { expired: this.#expired, isComplete: !this.#hasDropped };
  }

  #cut(): void {
    this.#expired.sort(compareExpiry);
    if (this.#expired.length <= this.#limit) return;
    this.#hasDropped = true;
    this.#expired = this.#expired.slice(-this.#limit);
  }
}
