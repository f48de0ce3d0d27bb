/** Every store beside a naive one, which looks at everything each time. */
import fc from 'fast-check';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EntryStore } from '../../src/store/entryStore.ts';
import { compareKeys } from '../../src/words/keyOrder.ts';
import { compareOps, type Entry, type EntryHead, isDead, type KeyOp } from '../../src/words/op.ts';
import { foldInto, whole } from '../support/entries.ts';
import { key, keyOp } from '../support/generators.ts';

/** Makes an empty store. */
export type NewStore = () => EntryStore;

export function storeOf(newStore: NewStore, ops: readonly KeyOp[]): EntryStore {
  const store = newStore();
  for (const op of ops) foldInto(store, op);
  return store;
}

export const keysOf = (entries: readonly Pick<EntryHead, 'key'>[]): string[] =>
  entries.map((entry) => entry.key);

export const sorted = <E extends Pick<EntryHead, 'key'>>(entries: Iterable<E>): E[] =>
  [...entries].sort((a, b) => compareKeys(a.key, b.key));

/** The entries by key, for comparison. */
export const entriesOf = (store: EntryStore): KeyOp[] => sorted(store.entries()).map(whole);

export function headOf(entry: Entry): EntryHead {
  const { value: _value, meta: _meta, ...head } = whole(entry);
  return head;
}

/** A page of the list by its keys, without a bound on bytes. */
export function listed(
  store: EntryStore,
  prefix: string,
  after: string | null,
  limit: number,
  nowMs = 0,
): { keys: string[]; next: string | null } {
  const { entries, next } = store.list(prefix, after, { entries: limit }, nowMs);
  return { keys: keysOf(entries), next };
}

/** The acts of a test on both maps. */
type Step =
  | { readonly fold: KeyOp }
  | { readonly laterMs: number; readonly limit: number }
  | { readonly drop: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ fold: keyOp }) },
  {
    weight: 2,
    arbitrary: fc.record({
      laterMs: fc.integer({ min: 0, max: 100_000 }),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ drop: key }) },
);

/** A map that looks at everything each time, and remembers what it was told is swept. */
class NaiveMap {
  readonly entries = new Map<string, KeyOp>();
  /** Keys of entries that were swept. */
  readonly swept = new Set<string>();
  nowMs = 0;

  fold(op: KeyOp): boolean {
    const entry = this.entries.get(op.key);
    if (entry !== undefined && compareOps(op, entry) <= 0) return false;
    this.entries.set(op.key, op);
    this.swept.delete(op.key);
    return true;
  }

  expired(): string[] {
    return [...this.entries.values()]
      .filter((entry) => entry.kind === 'put' && isDead(entry, this.nowMs))
      .map((entry) => entry.key)
      .filter((name) => !this.swept.has(name));
  }

  drop(name: string): void {
    this.swept.delete(name);
    this.entries.delete(name);
  }

  deadKeys(): string[] {
    return [...this.entries.values()]
      .filter((entry) => entry.kind === 'delete' || this.swept.has(entry.key))
      .map((entry) => entry.key)
      .sort();
  }

  list(prefix: string, after: string | null, limit: number, nowMs: number) {
    const all = sorted(this.entries.values())
      .filter((entry) => entry.key.startsWith(prefix) && !isDead(entry, nowMs))
      .filter(
        (entry) =>
          !this.swept.has(entry.key) && (after === null || compareKeys(entry.key, after) > 0),
      );
    const entries = all.slice(0, limit);
    return {
      keys: keysOf(entries),
      next: all.length > limit ? (entries.at(-1)?.key ?? null) : null,
    };
  }
}

export function naiveTests(test: Test, newStore: NewStore): void {
  test('folds, sweeps and drops leave what a naive map holds, lists and counts as dead', () => {
    const reading = fc.record({
      prefix: fc.constantFrom('', 'a', 'ab', 'b'),
      after: fc.option(key, { nil: null }),
      limit: fc.integer({ min: 1, max: 3 }),
      laterMs: fc.integer({ min: 0, max: 100_000 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        reading,
        (steps, { prefix, after, limit, laterMs }) => {
          const [store, naive] = [newStore(), new NaiveMap()];
          for (const one of steps) {
            take(store, naive, one);
            assert.equal(entriesOf(store), sorted(naive.entries.values()));
            assert.equal(keysOf(store.examineDead(100)).sort(), naive.deadKeys());
            assert.is(store.deadSize, naive.deadKeys().length);
            assert.is(store.size, naive.entries.size);
          }
          const nowMs = naive.nowMs + laterMs;
          const expected = naive.list(prefix, after, limit, nowMs);
          assert.equal(listed(store, prefix, after, limit, nowMs), expected);
          const left = [...naive.entries.values()];
          assert.equal(store.sumAt(2), storeOf(newStore, left).sumAt(2));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('whatever the clock does, a list shows the live entries, and no sweep takes one', () => {
    const clockMs = fc.integer({ min: 0, max: 200_000 });
    const sweep = fc.record({ nowMs: clockMs, limit: fc.integer({ min: 1, max: 3 }) });
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ fold: keyOp }) },
        { weight: 3, arbitrary: sweep },
        { weight: 1, arbitrary: fc.record({ drop: key }) },
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, fc.array(clockMs, { maxLength: 3 }), (taken, clocks) => {
        const store = newStore();
        for (const one of taken) {
          if ('fold' in one) foldInto(store, one.fold);
          else if ('drop' in one) store.drop(one.drop);
          else
            for (const entry of store.sweep(one.nowMs, one.limit).expired)
              assert.is(isDead(entry, one.nowMs), true);
        }
        for (const nowMs of clocks) {
          const alive = entriesOf(store).filter((entry) => !isDead(entry, nowMs));
          assert.equal(listed(store, '', null, 1000, nowMs).keys, keysOf(alive));
        }
        // All that died is taken and examined in the end.
        const endMs = Number.MAX_SAFE_INTEGER;
        store.sweep(endMs, 1000);
        const dead = entriesOf(store).filter((entry) => isDead(entry, endMs));
        assert.equal(sorted(store.examineDead(1000)), dead.map(headOf));
      }),
      { numRuns: 1000 },
    );
  });
}

function take(store: EntryStore, naive: NaiveMap, one: Step): void {
  if ('fold' in one) {
    assert.is(foldInto(store, one.fold), naive.fold(one.fold));
  } else if ('drop' in one) {
    store.drop(one.drop);
    naive.drop(one.drop);
  } else {
    naive.nowMs += one.laterMs;
    const expired = naive.expired();
    const swept = store.sweep(naive.nowMs, one.limit).expired;
    assert.is(swept.length, Math.min(one.limit, expired.length));
    for (const entry of swept) {
      assert.ok(expired.includes(entry.key));
      naive.swept.add(entry.key);
    }
  }
}
