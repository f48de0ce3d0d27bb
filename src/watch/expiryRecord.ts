/**
 * The latest expiries of this node, in the order of their marks. It serves watchers that were away when
 * the entries expired, and also holds entries that have been collected since. It knows nothing of older
 * expiries.
 *
 * Invariant: for every entry of this node that expired after `knownSince` and was swept, the record
 * holds the expiry until a later op of the key has come. That op is told in its place.
 */

import type { Expired } from '../rules/expiry.ts';
import { compareMarks, type ExpiryMark, markOfEntry, NO_EXPIRIES } from '../words/expiryMark.ts';
import { type KeyOp, type OpId, sameOp } from '../words/op.ts';
import { Queue } from '../words/queue.ts';

export interface Expiry extends OpId {
  readonly key: string;
  readonly version: number;
  /** UTC milliseconds. */
  readonly expiresAt: number | null;
  readonly mark: ExpiryMark;
  /** Whether a later op of the key has won since. */
  isBeaten: boolean;
}

export class ExpiryRecord {
  readonly #maxExpiries: number;
  readonly #expiries = new Queue<Expiry>();
  readonly #byKey = new Map<string, Expiry>();
  #knownSince: ExpiryMark;

  constructor(maxExpiries: number, knownSince: ExpiryMark = NO_EXPIRIES) {
    this.#maxExpiries = maxExpiries;
    this.#knownSince = knownSince;
  }

  /** Every expiry after this mark is known. */
  get knownSince(): ExpiryMark {
    return this.#knownSince;
  }

  get size(): number {
    return this.#expiries.length;
  }

  /** Whether it holds an expiry of the key that no later op has beaten. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  add(entry: Expired): Expiry {
    const { key, version, expiresAt, origin, seq } = entry;
    const known = this.#byKey.get(key);
    // A clock went back: the entry lived again for a while, and expired anew.
    if (known !== undefined && sameOp(known, entry)) return known;
    const mark = markOfEntry(entry);
    const expiry: Expiry = { key, version, expiresAt, origin, seq, mark, isBeaten: false };
    if (compareMarks(mark, this.#knownSince) <= 0) return expiry;
    this.beat(entry);
    this.#byKey.set(key, expiry);
    // Nearly always the last place: only an op that came after its time goes in between.
    this.#expiries.insert(this.#indexAfter(mark), expiry);
    while (this.size > this.#maxExpiries) this.#dropFirst();
    return expiry;
  }

  /** The op has won its key, so an earlier expiry of the key need not be told any more. */
  beat(op: Pick<KeyOp, 'key' | 'origin' | 'seq'>): void {
    const expiry = this.#byKey.get(op.key);
    if (expiry === undefined || sameOp(expiry, op)) return;
    expiry.isBeaten = true;
    this.#byKey.delete(op.key);
  }

  /** The expiry after the mark, or undefined if there is none. */
  next(mark: ExpiryMark): Expiry | undefined {
    return this.#expiries.at(this.#indexAfter(mark));
  }

  /** Forgets all expiries. @param upTo the caller adds the expiries after it again. */
  forget(upTo: ExpiryMark): void {
    this.#expiries.clear();
    this.#byKey.clear();
    this.#knownSince = upTo;
  }

  /** The index of the first expiry with a later mark. */
  #indexAfter(mark: ExpiryMark): number {
    const { last } = this.#expiries;
    if (last === undefined || compareMarks(last.mark, mark) <= 0) return this.#expiries.length;
    return this.#expiries.firstIndexNot((expiry) => compareMarks(expiry.mark, mark) <= 0);
  }

  #dropFirst(): void {
    const expiry = this.#expiries.shift();
    if (expiry === undefined) return;
    if (this.#byKey.get(expiry.key) === expiry) this.#byKey.delete(expiry.key);
    this.#knownSince = expiry.mark;
  }
}
