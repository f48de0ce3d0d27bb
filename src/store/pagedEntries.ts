/**
 * The entry store in flat pages: entries as bytes in pages, found by a table of hashes and slots, listed
 * and expired by orders of slots. The collector of garbage sees some hundred arrays instead of millions
 * of objects.
 *
 * Invariants, beside those of the port and of `SlotStates`: each key that has an entry has one slot, which the table
 * finds; and the map sum is that of the entries of all slots.
 */
import { MapSum } from '../rules/mapSum.ts';
import type { Hash } from '../words/hash.ts';
import { Listeners } from '../words/listeners.ts';
import {
  type ColdPut,
  compareOps,
  type Entry,
  type EntryHead,
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
import type { LevelOf, LevelPage } from './level.ts';
import { LiveLists } from './liveLists.ts';
import { PAGE_SIZES, type PageSizes } from './pages.ts';
import type { RecordReader } from './record.ts';
import { Records } from './records.ts';
import { SlotStates } from './slotStates.ts';
import { REFERENCED, type Slots } from './slots.ts';
import { SlotTable } from './slotTable.ts';
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
  readonly #table = new SlotTable(
    (slot) => this.#records.compareKey(this.#key, slot) === 0,
    this.#captures,
  );
  readonly #states: SlotStates;
  readonly #lists: LiveLists;
  readonly #changes = new Listeners<[key: string | null]>();
  #sum = new MapSum();
  #size = 0;

  constructor({ seed, sizes = PAGE_SIZES, maxBytes = null }: PagedEntriesOptions) {
    this.#seed = seed;
    this.#records = new Records({
      sizes,
      maxBytes: maxBytes ?? Number.POSITIVE_INFINITY,
      captures: this.#captures,
    });
    this.#records.memory.count(this.#table);
    this.#states = new SlotStates(this.#records, this.#key, this.#captures);
    this.#lists = new LiveLists(this.#records, this.#states, this.#key);
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
    return this.#states.deadSize;
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
    // Before the key is set: it may set others.
    const foreseen = this.#foresight.hashOfNext(key);
    this.#key.set(key);
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
    return this.#lists.list(prefix, after, limit, nowMs);
  }

  listHeads(prefix: string, after: string | null, limit: number, nowMs: number): ListPage<PutHead> {
    return this.#lists.heads(prefix, after, limit, nowMs);
  }

  listLevel(level: LevelOf, limit: number, nowMs: number): LevelPage {
    return this.#lists.level(level, limit, nowMs);
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
    this.#sum.add(op);
    this.#states.enter(op, slot);
    return true;
  }

  /** @param slot that of the op's key, whose entry is looked at. */
  #foldOnto(op: KeyOp, lsn: number, slot: number): boolean {
    if (compareOps(op, this.#entry) <= 0) return false;
    this.#changes.tell(op.key);
    this.#states.leave(slot);
    this.#sum.remove(this.#entry);
    this.#records.replace(op, lsn, slot, this.#key);
    this.#sum.add(op);
    this.#states.enter(op, slot);
    return true;
  }

  warm(put: Put): void {
    const slot = this.#slotOf(put.key);
    if (slot < 0) return;
    this.#records.look(slot);
    if (this.#entry.isCold && sameOp(this.#entry, put)) this.#records.warm(put, slot, this.#key);
  }

  sweep(nowMs: number, limit: number): Swept {
    return this.#states.sweep(nowMs, limit);
  }

  deadAt(nowMs: number): EntryHead[] {
    return this.#states.deadAt(nowMs);
  }

  examineDead(limit: number): EntryHead[] {
    return this.#states.examineDead(limit);
  }

  drop(key: string): void {
    const slot = this.#slotOf(key);
    if (slot < 0) return;
    if (this.#size === 1) {
      this.clear();
      return;
    }
    this.#changes.tell(key);
    this.#states.drop(slot);
    this.#sum.remove(this.#entry);
    this.#records.release(slot);
    this.#table.remove(this.#hash(), slot);
    this.#slots.giveBack(slot);
    this.#size--;
  }

  clear(): void {
    this.#changes.tell(null);
    this.#sum = new MapSum();
    this.#records.clear();
    this.#table.clear();
    this.#states.clear();
    this.#size = 0;
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
      ...this.#states.image(),
      seed: this.#seed,
      size: this.#size,
      sum: this.#sum.copy(),
      table: this.#table.image(),
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
    this.#states.restore(image);
    this.#sum = image.sum;
    this.#size = image.size;
  }

  // ---- slots

  #hash(): number {
    return hashBytes(this.#key.view, this.#key.length, this.#seed);
  }

  /** Seeks the key. @returns -1 if there is no entry. */
  #slotOf(key: string): number {
    const foreseen = this.#foresight.hashOfNext(key);
    this.#key.set(key);
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
}
