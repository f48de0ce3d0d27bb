/**
 * The map sum (rule 11): the sum over the entries that never expire or expire after a whole minute
 * `asOf`. Nodes collect dead entries at different times. Entries that die before `asOf` do not count,
 * so that two nodes with equal vectors have equal sums, whichever entries they have collected.
 */

import sortedBtree from 'sorted-btree';
import { add, carriedHash, type Hash, sameHash, subtract, ZERO } from '../words/hash.ts';
import type { KeyOp } from '../words/op.ts';
import { MINUTE_MS } from '../words/time.ts';

const BTree = sortedBtree.default;

/** The first whole minute at least `aheadMs` after the clock, counted from the epoch. */
export const minuteAhead = (nowMs: number, aheadMs: number): number =>
  Math.ceil((nowMs + aheadMs) / MINUTE_MS);

/** The fields of an entry that count. */
export type Summed = Pick<KeyOp, 'kind' | 'expiresAt' | 'hashHigh' | 'hashLow'>;

export class MapSum {
  #all: Hash = ZERO;
  /** By the first whole minute at which the entry is dead. */
  readonly #byMinute = new BTree<number, Hash>();

  add(entry: Summed): void {
    this.#change(entry, add);
  }

  remove(entry: Summed): void {
    this.#change(entry, subtract);
  }

  /** @param asOf minutes since the epoch. */
  at(asOf: number): Hash {
    let sum = this.#all;
    const first = this.#byMinute.minKey();
    if (first === undefined || first > asOf) return sum;
    this.#byMinute.forRange(first, asOf, true, (_minute, ofMinute) => {
      sum = subtract(sum, ofMinute);
    });
    return sum;
  }

  #change(entry: Summed, change: (a: Hash, b: Hash) => Hash): void {
    if (entry.kind === 'delete') return;
    const hash = carriedHash(entry);
    this.#all = change(this.#all, hash);
    if (entry.expiresAt === null) return;
    const minute = Math.ceil(entry.expiresAt / MINUTE_MS);
    const sum = change(this.#byMinute.get(minute) ?? ZERO, hash);
    if (sameHash(sum, ZERO)) this.#byMinute.delete(minute);
    else this.#byMinute.set(minute, sum);
  }
}
