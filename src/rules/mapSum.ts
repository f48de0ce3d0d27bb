/**
 * The map sum (rule 11): the sum over the entries that never expire or expire after a whole minute
 * `asOf`. Nodes collect dead entries at different times. Entries that die before `asOf` do not count,
 * so that two nodes with equal vectors have equal sums, whichever entries they have collected.
 */

import sortedBtree from 'sorted-btree';
import {
  add,
  addTo,
  carriedHash,
  type Hash,
  type RunningSum,
  sameHash,
  subtract,
  takeFrom,
  ZERO,
} from '../words/hash.ts';
import type { KeyOp } from '../words/op.ts';
import { MINUTE_MS } from '../words/time.ts';

const BTree = sortedBtree.default;

/** The first whole minute at least `aheadMs` after the clock, counted from the epoch. */
export const minuteAhead = (nowMs: number, aheadMs: number): number =>
  Math.ceil((nowMs + aheadMs) / MINUTE_MS);

/** The fields of an entry that count. */
export type Summed = Pick<KeyOp, 'kind' | 'expiresAt' | 'hashHigh' | 'hashLow'>;

export class MapSum {
  #all: RunningSum = { ...ZERO };
  /** By the first whole minute at which the entry is dead. */
  #byMinute = new BTree<number, Hash>();

  add(entry: Summed): void {
    if (entry.kind === 'delete') return;
    addTo(this.#all, entry);
    if (entry.expiresAt !== null) this.#change(entry.expiresAt, add, entry);
  }

  remove(entry: Summed): void {
    if (entry.kind === 'delete') return;
    takeFrom(this.#all, entry);
    if (entry.expiresAt !== null) this.#change(entry.expiresAt, subtract, entry);
  }

  /** @param asOf minutes since the epoch. */
  at(asOf: number): Hash {
    let sum = this.all;
    const first = this.#byMinute.minKey();
    if (first === undefined || first > asOf) return sum;
    this.#byMinute.forRange(first, asOf, true, (_minute, ofMinute) => {
      sum = subtract(sum, ofMinute);
    });
    return sum;
  }

  /** The sums as they are now, while this one goes on. */
  copy(): MapSum {
    const copy = new MapSum();
    copy.#all = { ...this.#all };
    copy.#byMinute = this.#byMinute.clone();
    return copy;
  }

  /** The sum over all puts. */
  get all(): Hash {
    return { ...this.#all };
  }

  /** The sums by the minute at which their entries are dead. */
  *byMinute(): IterableIterator<readonly [minute: number, sum: Hash]> {
    for (const pair of this.#byMinute.entries()) yield pair;
  }

  /** @param byMinute as `byMinute` gives it. */
  static of(all: Hash, byMinute: Iterable<readonly [minute: number, sum: Hash]>): MapSum {
    const sum = new MapSum();
    sum.#all = { ...all };
    for (const [minute, ofMinute] of byMinute) sum.#byMinute.set(minute, ofMinute);
    return sum;
  }

  #change(expiresAt: number, change: (a: Hash, b: Hash) => Hash, entry: Summed): void {
    const minute = Math.ceil(expiresAt / MINUTE_MS);
    const sum = change(this.#byMinute.get(minute) ?? ZERO, carriedHash(entry));
    if (sameHash(sum, ZERO)) this.#byMinute.delete(minute);
    else this.#byMinute.set(minute, sum);
  }
}
