/**
 * The entry store in plain objects: a Map, a B-tree and buckets of expiries. It is the oracle that the
 * store in pages is held to, and the benches measure that beside it.
 */
import sortedBtree from 'sorted-btree';
import { MapSum } from '../../src/rules/mapSum.ts';
import type {
  EntryStore,
  KeptEntries,
  ListLimit,
  ListPage,
  StoreBytes,
  StoreCapture,
  Swept,
} from '../../src/store/entryStore.ts';
import { type LevelOf, type LevelPage, sharedPrefix } from '../../src/store/level.ts';
import type { Hash } from '../../src/words/hash.ts';
import { compareKeys } from '../../src/words/keyOrder.ts';
import { Listeners } from '../../src/words/listeners.ts';
import {
  compareOps,
  type EntryHead,
  isDead,
  type KeyOp,
  type Put,
  type PutHead,
} from '../../src/words/op.ts';
import { framesOfJson, jsonTargets } from './jsonFrames.ts';
import { PlainExpiries } from './plainExpiries.ts';

const { default: BTree } = sortedBtree;

function headOf(op: Put): PutHead;
function headOf(op: KeyOp): EntryHead;
function headOf({ value: _value, meta: _meta, ...head }: KeyOp): EntryHead {
  return head;
}

const bytesOf = ({ key, value, meta }: Put): number =>
  Buffer.byteLength(key) + Buffer.byteLength(value) + Buffer.byteLength(meta ?? '');

export class PlainEntries implements EntryStore {
  readonly #entries = new Map<string, KeyOp>();
  /** Keys whose entry is a put that no sweep has come to. */
  readonly #listed = new BTree<string, true>(undefined, compareKeys);
  readonly #expiry = new PlainExpiries();
  readonly #changes = new Listeners<[key: string | null]>();
  readonly #sum = new MapSum();
  readonly #dead = new Set<string>();
  /** No swept entry expires after this time, in UTC milliseconds. */
  #sweptUntilMs = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#entries.size;
  }

  get deadSize(): number {
    return this.#dead.size;
  }

  /** Not counted here. */
  get bytes(): StoreBytes {
    return { entries: 0, holes: 0, used: 0 };
  }

  /** There is no bound here, so no entry is ever cold. */
  readonly coldSize = 0;
  readonly isOverBound = false;
  readonly isFullOfKeys = false;
  warm(): void {}

  get(key: string): KeyOp | undefined {
    return this.#entries.get(key);
  }

  head(key: string): EntryHead | undefined {
    const entry = this.#entries.get(key);
    return entry && headOf(entry);
  }

  live(key: string, nowMs: number): Put | undefined {
    const entry = this.#entries.get(key);
    return entry?.kind === 'put' && !isDead(entry, nowMs) ? entry : undefined;
  }

  entries(): IterableIterator<KeyOp> {
    return this.#entries.values();
  }

  foresee(): void {}

  *heads(): IterableIterator<EntryHead> {
    for (const entry of this.#entries.values()) yield headOf(entry);
  }

  keeper(): KeptEntries {
    const kept: KeyOp[] = [];
    return {
      get length() {
        return kept.length;
      },
      keep: (key) => {
        const entry = this.#entries.get(key);
        if (entry !== undefined) kept.push(entry);
      },
      pop: () => kept.pop(),
    };
  }

  examineDead(limit: number): EntryHead[] {
    const examined: EntryHead[] = [];
    for (const key of this.#dead) {
      if (examined.length >= limit) break;
      const entry = this.#entries.get(key);
      if (entry !== undefined) examined.push(headOf(entry));
    }
    for (const { key } of examined) {
      this.#dead.delete(key);
      this.#dead.add(key);
    }
    return examined;
  }

  fold(op: KeyOp, _lsn: number): boolean {
    const entry = this.#entries.get(op.key);
    if (entry !== undefined && compareOps(op, entry) <= 0) return false;
    this.#changes.tell(op.key);
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

  sweep(nowMs: number, limit: number): Swept {
    this.#followBack(nowMs);
    const { expired, upTo } = this.#expiry.takeExpired(nowMs, limit);
    for (const entry of expired) {
      this.#listed.delete(entry.key);
      this.#dead.add(entry.key);
      this.#noteSwept(entry);
    }
    return {
      expired: expired.flatMap((entry) => (entry.kind === 'put' ? [headOf(entry)] : [])),
      upTo,
    };
  }

  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#changes.tell(key);
    this.#entries.delete(key);
    this.#listed.delete(key);
    this.#dead.delete(key);
    this.#expiry.remove(entry);
    this.#sum.remove(entry);
  }

  onChange(listener: (key: string | null) => void): void {
    this.#changes.add(listener);
  }

  clear(): void {
    this.#changes.tell(null);
    for (const entry of this.#entries.values()) this.drop(entry.key);
  }

  sumAt(asOf: number): Hash {
    return this.#sum.at(asOf);
  }

  list(prefix: string, after: string | null, limit: ListLimit, nowMs: number): ListPage<Put> {
    const entries: Put[] = [];
    const { bytes: maxBytes = Number.POSITIVE_INFINITY } = limit;
    let bytes = 0;
    for (const entry of this.#live(prefix, after, nowMs)) {
      const last = entries.at(-1);
      if (last !== undefined && (entries.length >= limit.entries || bytes >= maxBytes))
        return { entries, next: last.key };
      entries.push(entry);
      bytes += bytesOf(entry);
    }
    return { entries, next: null };
  }

  listHeads(prefix: string, after: string | null, limit: number, nowMs: number): ListPage<PutHead> {
    const { entries, next } = this.list(prefix, after, { entries: limit }, nowMs);
    return { entries: entries.map((entry) => headOf(entry)), next };
  }

  listLevel(level: LevelOf, limit: number, nowMs: number): LevelPage {
    const { prefix, after } = level;
    const items = new Map<string, PutHead | null>();
    for (const entry of this.#live(prefix, null, nowMs)) {
      const shared = sharedPrefix(entry.key, level);
      items.set(shared ?? entry.key, shared === null ? headOf(entry) : null);
    }
    const left = [...items].filter(([text]) => after === null || compareKeys(text, after) > 0);
    const page = left.slice(0, limit);
    return {
      entries: page.flatMap(([, head]) => head ?? []),
      prefixes: page.flatMap(([text, head]) => (head === null ? text : [])),
      next: left.length > limit ? (page.at(-1)?.[0] ?? null) : null,
    };
  }

  /** Nothing is left behind here. */
  compactSlice(): number {
    return 0;
  }

  *#live(prefix: string, after: string | null, nowMs: number): Generator<Put> {
    this.#followBack(nowMs);
    const goesOn = after !== null && compareKeys(after, prefix) >= 0;
    for (const [key] of this.#listed.entries(goesOn ? after : prefix)) {
      if (!key.startsWith(prefix)) return;
      if (goesOn && key === after) continue;
      const entry = this.live(key, nowMs);
      if (entry !== undefined) yield entry;
    }
  }

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

  deadAt(nowMs: number): EntryHead[] {
    return [...this.#entries.values()]
      .filter((entry) => isDead(entry, nowMs))
      .map((op) => headOf(op));
  }

  capture(): StoreCapture {
    return { frames: framesOfJson([...this.#entries.values()]).values(), end: () => {} };
  }

  *restore(): Generator<Uint8Array, void, undefined> {
    this.clear();
    for (const op of (yield* jsonTargets()) as KeyOp[]) this.fold(op, 0);
  }
}
