/**
 * The entry store in flat pages: entries as bytes in pages, found by a table of hashes and slots, listed
 * and expired by orders of slots. The collector of garbage sees some hundred arrays instead of millions
 * of objects.
 *
 * Invariants, beside those of the port:
 * - A slot is LISTED if its entry is a put that no sweep has come to, DEAD if it is a tombstone or swept.
 *   It is EXPIRING if it is listed and its entry expires.
 * - What an order of slots sorts by is read from the entries, so a slot leaves its orders before its entry
 *   changes, and comes back after.
 */
import { MapSum } from '../rules/mapSum.ts';
import { markOfClock, markOfEntry } from '../words/expiryMark.ts';
import type { Hash } from '../words/hash.ts';
import { compareKeys } from '../words/keyOrder.ts';
import { Listeners } from '../words/listeners.ts';
import {
  type ColdPut,
  compareOps,
  type Entry,
  type EntryHead,
  isDead,
  type KeyOp,
  type Put,
  type PutHead,
  sameOp,
} from '../words/op.ts';
import { Captures } from './captures.ts';
import type {
  EntryStore,
  KeptEntries,
  ListLimit,
  ListPage,
  StoreBytes,
  StoreCapture,
  Swept,
} from './entryStore.ts';
import { ExpectedFolds } from './expectedFolds.ts';
import { Foresight } from './foresight.ts';
import { type HashSeed, hashBytes } from './keyHash.ts';
import { KeyHeads } from './keyHeads.ts';
import { type LevelOf, type LevelPage, sharedPrefix } from './level.ts';
import { PAGE_SIZES, type PageSizes } from './pages.ts';
import type { RecordReader } from './record.ts';
import { Records } from './records.ts';
import { SlotOrder } from './slotOrder.ts';
import { SlotQueue } from './slotQueue.ts';
import { DEAD, EXPIRING, LISTED, QUEUED, REFERENCED, type Slots } from './slots.ts';
import { SlotTable } from './slotTable.ts';
import { SoughtExpiry } from './soughtExpiry.ts';
import { SoughtKey } from './soughtKey.ts';
import { imageFrames, imageTargets } from './storeImage.ts';

export interface PagedEntriesOptions {
  /** Random, so that nobody can choose keys whose hashes collide. */
  readonly seed: HashSeed;
  readonly sizes?: PageSizes;
  /** Bytes of pages and indexes above which values are dropped; null, the default: no bound. */
  readonly maxBytes?: number | null;
}

export class PagedEntries implements EntryStore {
  #seed: HashSeed;
  readonly #captures = new Captures();
  readonly #records: Records;
  readonly #slots: Slots;
  readonly #foresight: Foresight;
  readonly #expected: ExpectedFolds;
  readonly #entry: RecordReader;
  readonly #key = new SoughtKey();
  readonly #prefix = new SoughtKey();
  readonly #expiry = new SoughtExpiry();
  readonly #table = new SlotTable(
    (slot) => this.#records.compareKey(this.#key, slot) === 0,
    this.#captures,
  );
  readonly #listed = new SlotOrder(
    (slot) => this.#records.compareKey(this.#key, slot),
    this.#captures,
    new KeyHeads(this.#key, (slot) => this.#records.keyOf(slot)),
  );
  readonly #expiring = new SlotOrder(
    (slot) => this.#records.compareExpiry(this.#expiry, slot),
    this.#captures,
  );
  /** For collecting to look at. */
  readonly #dead = new SlotQueue();
  readonly #changes = new Listeners<[key: string | null]>();
  #sum = new MapSum();
  #size = 0;
  #deadSize = 0;
  /** No swept entry expires after this time, in UTC milliseconds. */
  #sweptUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ seed, sizes = PAGE_SIZES, maxBytes = null }: PagedEntriesOptions) {
    this.#seed = seed;
    const indexes = [this.#table, this.#listed, this.#expiring, this.#dead];
    this.#records = new Records(
      { sizes, maxBytes: maxBytes ?? Number.POSITIVE_INFINITY, captures: this.#captures },
      indexes,
    );
    this.#slots = this.#records.slots;
    const hashOf = (key: string): number => {
      this.#key.set(key);
      return this.#hash();
    };
    this.#foresight = new Foresight(hashOf, this.#table, this.#records);
    this.#expected = new ExpectedFolds(this.#records, (slot) => this.#isOfSought(slot));
    this.#entry = this.#records.entry;
  }

  get size(): number {
    return this.#size;
  }

  get deadSize(): number {
    return this.#deadSize;
  }

  get coldSize(): number {
    return this.#records.coldSize;
  }

  get isFullOfKeys(): boolean {
    return this.#records.memory.isFullOfKeys;
  }

  get isOverBound(): boolean {
    return this.#records.memory.isOver;
  }

  get bytes(): StoreBytes {
    return this.#records.bytes;
  }

  // ---- single entries

  get(key: string): Entry | undefined {
    return this.#seek(key) ? this.#entry.entry(key) : undefined;
  }

  head(key: string): EntryHead | undefined {
    this.#key.set(key);
    const foreseen = this.#foresight.hashOfNext(key);
    const slot = this.#table.find(foreseen < 0 ? this.#hash() : foreseen);
    if (foreseen >= 0) this.#expected.push(slot);
    if (slot < 0) return undefined;
    this.#records.look(slot);
    return this.#entry.head(key);
  }

  live(key: string, nowMs: number): Put | ColdPut | undefined {
    const slot = this.#slotOf(key);
    if (slot < 0) return undefined;
    this.#records.look(slot);
    if (this.#entry.isDead(nowMs)) return undefined;
    if (this.#records.memory.isBounded) this.#slots.set(slot, REFERENCED);
    const entry = this.#entry.entry(key);
    return entry.kind === 'put' ? entry : undefined;
  }

  foresee(keys: readonly string[]): void {
    this.#foresight.foresee(keys);
  }

  // ---- many entries

  *entries(): IterableIterator<Entry> {
    for (const slot of this.#records.usedSlots()) {
      this.#records.look(slot);
      yield this.#entry.entry();
    }
  }

  *heads(): IterableIterator<EntryHead> {
    for (const slot of this.#records.usedSlots()) {
      this.#records.look(slot);
      yield this.#entry.head();
    }
  }

  keeper(): KeptEntries {
    return this.#records.keeper((key) => this.#slotOf(key));
  }

  list(prefix: string, after: string | null, limit: ListLimit, nowMs: number): ListPage {
    const entries: (Put | ColdPut)[] = [];
    const { bytes: maxBytes = Number.POSITIVE_INFINITY } = limit;
    let bytes = 0;
    for (const _slot of this.#live(prefix, after, nowMs)) {
      const last = entries.at(-1);
      if (last !== undefined && (entries.length >= limit.entries || bytes >= maxBytes))
        return { entries, next: last.key };
      const entry = this.#entry.entry();
      if (entry.kind !== 'put') continue;
      entries.push(entry);
      bytes += this.#entry.textBytes;
    }
    return { entries, next: null };
  }

  listHeads(prefix: string, after: string | null, limit: number, nowMs: number): ListPage<PutHead> {
    const entries: PutHead[] = [];
    for (const _slot of this.#live(prefix, after, nowMs)) {
      const last = entries.at(-1);
      if (last !== undefined && entries.length >= limit) return { entries, next: last.key };
      const head = this.#entry.head();
      if (head.kind === 'put') entries.push(head);
    }
    return { entries, next: null };
  }

  listLevel(level: LevelOf, limit: number, nowMs: number): LevelPage {
    const { prefix, after } = level;
    const entries: PutHead[] = [];
    const prefixes: string[] = [];
    let last: string | null = null;
    let passed = after === null ? null : sharedPrefix(after, level);
    let slots = this.#live(prefix, after, nowMs, passed);
    for (let step = slots.next(); !step.done; step = slots.next()) {
      if (entries.length + prefixes.length >= limit) return { entries, prefixes, next: last };
      const head = this.#entry.head();
      if (head.kind !== 'put') continue;
      passed = sharedPrefix(head.key, level);
      last = passed ?? head.key;
      if (passed === null) entries.push(head);
      else {
        prefixes.push(passed);
        slots = this.#live(prefix, null, nowMs, passed);
      }
    }
    return { entries, prefixes, next: null };
  }

  sumAt(asOf: number): Hash {
    return this.#sum.at(asOf);
  }

  // ---- changes

  fold(op: KeyOp, lsn: number): boolean {
    this.#key.set(op.key);
    const expected = this.#expected.take();
    if (expected >= 0) return this.#foldOnto(op, lsn, expected);
    const hash = this.#hash();
    const known = this.#table.find(hash);
    if (known >= 0) {
      this.#records.look(known);
      return this.#foldOnto(op, lsn, known);
    }
    this.#changes.tell(op.key);
    const slot = this.#slots.take();
    this.#records.write(op, lsn, slot, this.#key);
    this.#table.add(hash, slot);
    this.#size++;
    this.#enter(op, slot);
    return true;
  }

  /** @param slot that of the op's key, whose entry is looked at. */
  #foldOnto(op: KeyOp, lsn: number, slot: number): boolean {
    if (compareOps(op, this.#entry) <= 0) return false;
    this.#changes.tell(op.key);
    this.#leave(slot);
    this.#records.replace(op, lsn, slot, this.#key);
    this.#enter(op, slot);
    return true;
  }

  warm(put: Put): void {
    const slot = this.#slotOf(put.key);
    if (slot < 0) return;
    this.#records.look(slot);
    if (this.#entry.isCold && sameOp(this.#entry, put)) this.#records.warm(put, slot, this.#key);
  }

  sweep(nowMs: number, limit: number): Swept {
    this.#followBack(nowMs);
    const expired: PutHead[] = [];
    for (;;) {
      const slot = this.#expiring.first;
      const last = expired.at(-1);
      if (slot < 0) break;
      this.#records.look(slot);
      if (!this.#entry.isDead(nowMs)) break;
      if (last !== undefined && expired.length >= limit)
        return { expired, upTo: markOfEntry(last) };
      const head = this.#entry.head();
      this.#expiring.removeFirst();
      this.#slots.unset(slot, EXPIRING);
      this.#key.set(head.key);
      this.#unlist(slot);
      this.#die(slot);
      this.#noteSwept(head.expiresAt);
      if (head.kind === 'put') expired.push(head);
    }
    return { expired, upTo: markOfClock(nowMs) };
  }

  deadAt(nowMs: number): EntryHead[] {
    const dead: EntryHead[] = [];
    const look = (slot: number): boolean => {
      this.#records.look(slot);
      const isDead = this.#entry.isDead(nowMs);
      if (isDead) dead.push(this.#entry.head());
      return isDead;
    };
    for (let index = 0; index < this.#dead.length; index++)
      if (this.#slots.is(this.#dead.at(index), DEAD)) look(this.#dead.at(index));
    for (const slot of this.#expiring.all()) if (!look(slot)) break;
    return dead;
  }

  examineDead(limit: number): EntryHead[] {
    const examined: EntryHead[] = [];
    // Once around at most: those that stay are pushed to the end.
    for (let left = this.#dead.length; left > 0 && examined.length < limit; left--) {
      const slot = this.#dead.shift();
      if (!this.#slots.is(slot, DEAD)) {
        this.#slots.unset(slot, QUEUED);
        continue;
      }
      this.#dead.push(slot);
      this.#records.look(slot);
      examined.push(this.#entry.head());
    }
    return examined;
  }

  drop(key: string): void {
    const slot = this.#slotOf(key);
    if (slot < 0) return;
    if (this.#size === 1) {
      this.clear();
      return;
    }
    this.#changes.tell(key);
    this.#unlist(slot);
    this.#records.look(slot);
    this.#leave(slot);
    this.#records.release(slot);
    this.#table.remove(this.#hash(), slot);
    if (this.#slots.is(slot, DEAD)) this.#deadSize--;
    this.#slots.giveBack(slot);
    this.#size--;
  }

  clear(): void {
    this.#changes.tell(null);
    this.#sum = new MapSum();
    this.#records.clear();
    this.#table.clear();
    this.#listed.clear();
    this.#expiring.clear();
    this.#dead.clear();
    this.#size = 0;
    this.#deadSize = 0;
  }

  onChange(listener: (key: string | null) => void): void {
    this.#changes.add(listener);
  }

  compactSlice(budgetBytes: number): number {
    return this.#records.compactSlice(budgetBytes);
  }

  // ---- images

  capture(): StoreCapture {
    this.#captures.begin();
    const frames = imageFrames({
      ...this.#records.image(),
      seed: this.#seed,
      size: this.#size,
      deadSize: this.#deadSize,
      sum: this.#sum.copy(),
      table: this.#table.image(),
      listed: this.#listed.image(),
      expiring: this.#expiring.image(),
      dead: this.#dead.image(),
    });
    return { frames, end: () => this.#captures.end() };
  }

  *restore(): Generator<Uint8Array, void, undefined> {
    this.clear();
    const image = yield* imageTargets();
    this.#seed = image.seed;
    this.#foresight.forget();
    this.#records.restore(image);
    this.#table.restore(image.table);
    this.#listed.restore(image.listed);
    this.#expiring.restore(image.expiring);
    for (const slots of image.dead) for (const slot of slots) this.#dead.push(slot);
    this.#sum = image.sum;
    this.#size = image.size;
    this.#deadSize = image.deadSize;
    // Sweeps are no part of an image: as after a replay, every expired entry is swept and told anew.
    this.#sweptUntilMs = Number.POSITIVE_INFINITY;
    this.#followBack(Number.NEGATIVE_INFINITY);
  }

  // ---- slots

  #hash(): number {
    return hashBytes(this.#key.view, this.#key.length, this.#seed);
  }

  /** Seeks the key. @returns -1 if there is no entry. */
  #slotOf(key: string): number {
    this.#key.set(key);
    const foreseen = this.#foresight.hashOfNext(key);
    return this.#table.find(foreseen < 0 ? this.#hash() : foreseen);
  }

  /** Looks at the entry of the slot. @returns whether its key is the sought one. */
  #isOfSought(slot: number): boolean {
    this.#records.look(slot);
    return this.#entry.compareKey(this.#key) === 0;
  }

  /** Looks at the entry of the key. @returns whether there is one. */
  #seek(key: string): boolean {
    const slot = this.#slotOf(key);
    if (slot >= 0) this.#records.look(slot);
    return slot >= 0;
  }

  // ---- an entry comes and goes

  /** The new entry of the sought key takes its places. */
  #enter(op: KeyOp, slot: number): void {
    this.#sum.add(op);
    if (op.kind === 'delete') {
      this.#unlist(slot);
      this.#die(slot);
      return;
    }
    this.#revive(slot);
    if (op.expiresAt !== null) this.#expire(slot, op);
  }

  /** The entry that is looked at, of the sought key, is to change or to go. It stays listed or dead. */
  #leave(slot: number): void {
    const entry = this.#entry;
    this.#sum.remove(entry);
    if (this.#slots.is(slot, EXPIRING)) {
      this.#expiry.set(entry, slot);
      this.#expiring.remove(slot);
      this.#slots.unset(slot, EXPIRING);
    }
  }

  #expire(slot: number, entry: Pick<PutHead, 'expiresAt' | 'origin' | 'seq'>): void {
    this.#expiry.set(entry, slot);
    this.#expiring.add(slot);
    this.#slots.set(slot, EXPIRING);
  }

  /** The slot of the sought key leaves the list. */
  #unlist(slot: number): void {
    if (!this.#slots.is(slot, LISTED)) return;
    this.#listed.remove(slot);
    this.#slots.unset(slot, LISTED);
  }

  #die(slot: number): void {
    if (this.#slots.is(slot, DEAD)) return;
    this.#deadSize++;
    if (!this.#slots.is(slot, QUEUED)) this.#dead.push(slot);
    this.#slots.set(slot, DEAD | QUEUED);
  }

  /** The slot of the sought key is listed, and not dead. */
  #revive(slot: number): void {
    if (this.#slots.is(slot, DEAD)) {
      this.#deadSize--;
      this.#slots.unset(slot, DEAD);
    }
    if (this.#slots.is(slot, LISTED)) return;
    this.#listed.add(slot);
    this.#slots.set(slot, LISTED);
  }

  // ---- lists and sweeps

  /**
   * Looks at the live entries with the prefix, one after the other.
   *
   * @param passed a longer prefix, to go on after all keys with it; then `after` counts for nothing.
   */
  *#live(
    prefix: string,
    after: string | null,
    nowMs: number,
    passed: string | null = null,
  ): Generator<number, void, undefined> {
    this.#followBack(nowMs);
    const goesOn = after !== null && compareKeys(after, prefix) >= 0;
    this.#prefix.set(prefix);
    if (passed === null) this.#key.set(goesOn ? after : prefix);
    else this.#key.setAfterAll(passed);
    for (const slot of this.#listed.fromSought()) {
      this.#records.look(slot);
      if (!this.#entry.hasPrefix(this.#prefix)) return;
      if (goesOn && this.#entry.compareKey(this.#key) === 0) continue;
      if (!this.#entry.isDead(nowMs)) yield slot;
    }
  }

  /**
   * If the clock went back, swept entries may live again: they are listed, and a later sweep comes to
   * them anew. It costs time only if there may be such entries.
   */
  #followBack(nowMs: number): void {
    if (nowMs >= this.#sweptUntilMs) return;
    this.#sweptUntilMs = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < this.#dead.length; index++) {
      const slot = this.#dead.at(index);
      if (!this.#slots.is(slot, DEAD)) continue;
      this.#records.look(slot);
      const head = this.#entry.head();
      if (isDead(head, nowMs)) {
        this.#noteSwept(head.expiresAt);
        continue;
      }
      this.#key.set(head.key);
      this.#revive(slot);
      if (head.expiresAt !== null) this.#expire(slot, head);
    }
  }

  #noteSwept(expiresAt: number | null): void {
    if (expiresAt !== null) this.#sweptUntilMs = Math.max(this.#sweptUntilMs, expiresAt);
  }
}
