/**
 * The map: key → entry, the greatest op of the key (rules 1, 4 and 6). It is the fold of the log, and
 * it changes in only one other way: dead entries are dropped from it.
 *
 * Invariant: at every clock a list shows the entries that `live` shows, even if the clock is behind
 * that of an earlier sweep.
 */
import sortedBtree from 'sorted-btree';
import type { Hash } from '../words/hash.ts';
import { compareOps, isDead, type KeyOp, type Put } from '../words/op.ts';
import { ExpiryIndex, type Swept } from './expiry.ts';
import { MapSum } from './mapSum.ts';

const { default: BTree, simpleComparator } = sortedBtree;

export interface ListPage {
  readonly entries: Put[];
  /** The key that the next page starts after, or null at the end. */
  readonly next: string | null;
}

export class EntryMap {
  readonly #entries = new Map<string, KeyOp>();
  /**
   * Keys whose entry is a put that no sweep has come to, as a list reads them: in JavaScript's order of
   * strings, by UTF-16 code units.
   */
  readonly #listed = new BTree<string, true>(undefined, simpleComparator);
  readonly #expiry = new ExpiryIndex();
  readonly #sum = new MapSum();
  /** Keys whose entry is a tombstone or was swept, for collecting to look at. */
  readonly #dead = new Set<string>();
  /** No swept entry expires after this time, in UTC milliseconds. */
  #sweptUntilMs = Number.NEGATIVE_INFINITY;

  /** The number of entries, dead ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** The number of dead entries that a sweep has come to. */
  get deadSize(): number {
    return this.#dead.size;
  }

  /** The entry, dead or alive. */
  get(key: string): KeyOp | undefined {
    return this.#entries.get(key);
  }

  /** The entry if it is alive. */
  live(key: string, nowMs: number): Put | undefined {
    const entry = this.#entries.get(key);
    return entry?.kind === 'put' && !isDead(entry, nowMs) ? entry : undefined;
  }

  /** All entries, dead ones included, in no particular order. */
  entries(): IterableIterator<KeyOp> {
    return this.#entries.values();
  }

  /**
   * Dead entries for collecting to look at, at most `limit`. Those that stay come last next time, so
   * that entries which can't go yet do not hide others.
   */
  examineDead(limit: number): KeyOp[] {
    const examined: KeyOp[] = [];
    for (const key of this.#dead) {
      if (examined.length >= limit) break;
      const entry = this.#entries.get(key);
      if (entry !== undefined) examined.push(entry);
    }
    for (const { key } of examined) {
      this.#dead.delete(key);
      this.#dead.add(key);
    }
    return examined;
  }

  /** Rule 1: takes the op in if it is greater than the entry. @returns whether it was. */
  fold(op: KeyOp): boolean {
    const entry = this.#entries.get(op.key);
    if (entry !== undefined && compareOps(op, entry) <= 0) return false;
    if (entry !== undefined) {
      this.#expiry.remove(entry);
      this.#sum.remove(entry);
    }
    this.#entries.set(op.key, op);
    if (op.kind === 'put') {
      this.#dead.delete(op.key);
      if (entry === undefined || !this.#listed.has(op.key)) this.#listed.set(op.key, true);
      this.#expiry.add(op);
      this.#sum.add(op);
    } else {
      this.#listed.delete(op.key);
      this.#dead.add(op.key);
    }
    return true;
  }

  /** Takes expired entries out of the list; they stay in the map until they are collected. */
  sweep(nowMs: number, limit: number): Swept {
    this.#followBack(nowMs);
    const swept = this.#expiry.takeExpired(nowMs, limit);
    for (const entry of swept.expired) {
      this.#listed.delete(entry.key);
      this.#dead.add(entry.key);
      this.#noteSwept(entry);
    }
    return swept;
  }

  /**
   * If the clock went back, swept entries may live again: they are listed, and a later sweep comes to
   * them anew. It costs time only if there may be such entries.
   */
  #followBack(nowMs: number): void {
    if (nowMs >= this.#sweptUntilMs) return;
    this.#sweptUntilMs = Number.NEGATIVE_INFINITY;
    for (const key of this.#dead) {
      const entry = this.#entries.get(key);
      if (entry?.kind !== 'put') continue;
      if (isDead(entry, nowMs)) {
        this.#noteSwept(entry);
        continue;
      }
      this.#dead.delete(key);
      this.#listed.set(key, true);
      this.#expiry.add(entry);
    }
  }

  #noteSwept({ expiresAt }: KeyOp): void {
    if (expiresAt !== null) this.#sweptUntilMs = Math.max(this.#sweptUntilMs, expiresAt);
  }

  clear(): void {
    for (const entry of this.#entries.values()) this.drop(entry.key);
  }

  /** Collects: drops the entry, which must be dead. */
  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#listed.delete(key);
    this.#dead.delete(key);
    this.#expiry.remove(entry);
    this.#sum.remove(entry);
  }

  /** The map sum over the entries that live past the minute `asOf`, counted from the epoch. */
  sumAt(asOf: number): Hash {
    return this.#sum.at(asOf);
  }

  /**
   * Live entries whose keys begin with `prefix`, in JavaScript's string order.
   *
   * @param after the key to go on after; null starts at the first.
   * @param limit the most entries, at least 1.
   */
  list(prefix: string, after: string | null, limit: number, nowMs: number): ListPage {
    this.#followBack(nowMs);
    const entries: Put[] = [];
    const goesOn = after !== null && after >= prefix;
    const from = goesOn ? after : prefix;
    for (const [key] of this.#listed.entries(from)) {
      if (!key.startsWith(prefix)) break;
      if (goesOn && key === after) continue;
      const entry = this.live(key, nowMs);
      if (entry === undefined) continue;
      const last = entries.at(-1);
      if (entries.length >= limit && last !== undefined) return { entries, next: last.key };
      entries.push(entry);
    }
    return { entries, next: null };
  }
}
