/**
 * The expiries of the store in plain objects: the entries that expire next. Entries lie in buckets of a tenth of a second, so that adding and
 * removing cost the same for any number of entries, and the cost of a sweep follows the number that
 * expire.
 *
 * Invariant: while the clock goes forward, entries are taken in the order of `(expiresAt, origin,
 * seq)`, and the entries that a sweep leaves come after all that it took. So one mark says how far the
 * sweeps have come. No entry is taken before its time, even if the clock went back since it was found
 * due.
 */

import sortedBtree from 'sorted-btree';
import {
  compareExpiry,
  type ExpiryMark,
  markOfClock,
  markOfEntry,
} from '../../src/words/expiryMark.ts';
import { isDead, type KeyOp } from '../../src/words/op.ts';
import { Queue } from '../../src/words/queue.ts';

const BTree = sortedBtree.default;
const BUCKET_MS = 100;

/** The entries that were taken. */
interface Taken {
  /** In the order in which they expired. */
  readonly expired: readonly KeyOp[];
  /** Every entry that had expired by this mark has been taken. */
  readonly upTo: ExpiryMark;
}

export class PlainExpiries {
  readonly #buckets = new BTree<number, Set<KeyOp>>();
  /** Entries that were due but over the limit of their sweep, in order. */
  readonly #due = new Queue<KeyOp>();
  /** The entries of `#due` that are still entries. */
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
  takeExpired(nowMs: number, limit: number): Taken {
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

  /** Moves the due entries out of their buckets, and sorts them with those left before. */
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
