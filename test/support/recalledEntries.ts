/**
 * A store with a bound of memory together with a log, as a node has them: values that the store drops
 * come out of the log. So it can be held to everything that a store without a bound is held to.
 */
import type {
  EntryStore,
  KeptEntries,
  ListLimit,
  ListPage,
  StoreBytes,
  StoreCapture,
  Swept,
} from '../../src/store/entryStore.ts';
import type { LevelOf, LevelPage } from '../../src/store/level.ts';
import type { Hash } from '../../src/words/hash.ts';
import { present } from '../../src/words/invariant.ts';
import {
  type ColdPut,
  type Entry,
  type EntryHead,
  type InLog,
  isInLog,
  type KeyOp,
  type Put,
  type PutHead,
  sameOp,
} from '../../src/words/op.ts';
import { framesOfJson, jsonTargets } from './jsonFrames.ts';

function* inTurn(
  first: readonly Uint8Array[],
  second: Iterator<Uint8Array, void, undefined>,
): Generator<Uint8Array, void, undefined> {
  yield* first;
  for (let next = second.next(); next.done !== true; next = second.next()) yield next.value;
}

export class RecalledEntries implements EntryStore {
  readonly store: EntryStore;
  readonly #log = new Map<number, KeyOp>();
  /** The number of values that came out of the log. */
  recalled = 0;

  /** @param store an empty one. */
  constructor(store: EntryStore) {
    this.store = store;
  }

  get size(): number {
    return this.store.size;
  }

  get deadSize(): number {
    return this.store.deadSize;
  }

  get coldSize(): number {
    return this.store.coldSize;
  }

  get bytes(): StoreBytes {
    return this.store.bytes;
  }

  get isOverBound(): boolean {
    return this.store.isOverBound;
  }

  get isFullOfKeys(): boolean {
    return this.store.isFullOfKeys;
  }

  /** Each op has a row of its own, and the store drops what it can at once. */
  fold(op: KeyOp, _lsn: number): boolean {
    const lsn = this.#log.size + 1;
    this.#log.set(lsn, op);
    const won = this.store.fold(op, lsn);
    while (this.store.isOverBound && this.store.compactSlice(1000) > 0);
    return won;
  }

  foresee(keys: readonly string[]): void {
    this.store.foresee(keys);
  }

  get(key: string): KeyOp | undefined {
    const entry = this.store.get(key);
    return entry && this.#whole(entry);
  }

  head(key: string): EntryHead | undefined {
    return this.store.head(key);
  }

  /** As a node: the value is read from the log, and taken back into memory. */
  live(key: string, nowMs: number): Put | undefined {
    const entry = this.store.live(key, nowMs);
    if (entry === undefined || !isInLog<ColdPut>(entry)) return entry;
    const put = this.#wholePut(entry);
    this.store.warm(put);
    return put;
  }

  *entries(): IterableIterator<KeyOp> {
    for (const entry of this.store.entries()) yield this.#whole(entry);
  }

  heads(): IterableIterator<EntryHead> {
    return this.store.heads();
  }

  keeper(): KeptEntries {
    const kept = this.store.keeper();
    return {
      get length() {
        return kept.length;
      },
      keep: (key) => kept.keep(key),
      pop: () => {
        const entry = kept.pop();
        return entry === undefined || !isInLog(entry) ? entry : this.#opOf(entry);
      },
    };
  }

  list(prefix: string, after: string | null, limit: ListLimit, nowMs: number): ListPage<Put> {
    const { entries, next } = this.store.list(prefix, after, limit, nowMs);
    return { entries: entries.map((entry) => this.#wholePut(entry)), next };
  }

  listHeads(prefix: string, after: string | null, limit: number, nowMs: number): ListPage<PutHead> {
    return this.store.listHeads(prefix, after, limit, nowMs);
  }

  listLevel(level: LevelOf, limit: number, nowMs: number): LevelPage {
    return this.store.listLevel(level, limit, nowMs);
  }

  sumAt(asOf: number): Hash {
    return this.store.sumAt(asOf);
  }

  warm(put: Put): void {
    this.store.warm(put);
  }

  sweep(nowMs: number, limit: number): Swept {
    return this.store.sweep(nowMs, limit);
  }

  examineDead(limit: number): EntryHead[] {
    return this.store.examineDead(limit);
  }

  drop(key: string): void {
    this.store.drop(key);
  }

  clear(): void {
    this.store.clear();
  }

  onChange(listener: (key: string | null) => void): void {
    this.store.onChange(listener);
  }

  compactSlice(budgetBytes: number): number {
    return this.store.compactSlice(budgetBytes);
  }

  deadAt(nowMs: number): EntryHead[] {
    return this.store.deadAt(nowMs);
  }

  /** The image of the store, behind the log that it needs. */
  capture(): StoreCapture {
    const { frames, end } = this.store.capture();
    const log = framesOfJson([...this.#log]);
    return { frames: inTurn(log, frames), end };
  }

  *restore(): Generator<Uint8Array, void, undefined> {
    this.#log.clear();
    const rows = (yield* jsonTargets()) as [number, KeyOp][];
    for (const [lsn, op] of rows) this.#log.set(lsn, op);
    yield* this.store.restore();
  }

  #opOf({ lsn }: InLog): KeyOp {
    this.recalled++;
    return present(this.#log.get(lsn), 'the row of an entry');
  }

  #whole(entry: Entry): KeyOp {
    return isInLog<ColdPut>(entry) ? this.#wholePut(entry) : entry;
  }

  #wholePut(entry: Put | ColdPut): Put {
    if (!isInLog<ColdPut>(entry)) return entry;
    const op = this.#opOf(entry);
    if (op.kind !== 'put' || !sameOp(op, entry))
      throw new Error(`the row ${entry.lsn} is not that of ${entry.key}`);
    const { value: _value, meta: _meta, ...head } = op;
    const { lsn: _lsn, textBytes, ...coldHead } = entry;
    if (
      JSON.stringify(Object.entries(head).sort()) !==
      JSON.stringify(Object.entries(coldHead).sort())
    )
      throw new Error(`the cold entry of ${entry.key} differs from its op`);
    const bytes = [op.key, op.value, op.meta ?? ''].map((text) => Buffer.byteLength(text));
    if (bytes.reduce((sum, some) => sum + some) !== textBytes)
      throw new Error(`the cold entry of ${entry.key} has a wrong size`);
    return op;
  }
}
