/** Entries that expire, are deleted, come back and are collected, in every store. */
import fc from 'fast-check';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { compareExpiry, expiredBy } from '../../src/words/expiryMark.ts';
import type { KeyOp, Put, PutHead } from '../../src/words/op.ts';
import { foldInto } from '../support/entries.ts';
import { changed, put, tombstone } from '../support/ops.ts';
import { keysOf, listed, type NewStore, storeOf } from './entryStoreNaive.ts';

/** Entries that expire at these times, each on a key of its own: `k1` and so on. */
const expiring = (...times: readonly number[]): Put[] =>
  times.map((expiresAt, index) => put({ expiresAt, seq: index + 1, key: `k${index + 1}` }));

export function dyingTests(test: Test, newStore: NewStore): void {
  sweepingTests(test, newStore);
  clockTests(test, newStore);
  collectingTests(test, newStore);
  markTests(test, newStore);
}

function sweepingTests(test: Test, newStore: NewStore): void {
  test('an entry is swept from the very millisecond of its expiry, once, and stays an entry', () => {
    const store = storeOf(newStore, expiring(1000, 1001));
    assert.equal(keysOf(store.sweep(999, 10).expired), []);
    assert.equal(keysOf(store.sweep(1000, 10).expired), ['k1']);
    assert.equal(keysOf(store.sweep(1000, 10).expired), []);
    assert.is(store.size, 2);
  });

  test('entries that expire in one tenth of a second are told apart', () => {
    const store = storeOf(newStore, expiring(1099, 1001));
    assert.equal(keysOf(store.sweep(1050, 10).expired), ['k2']);
    assert.equal(keysOf(store.sweep(1099, 10).expired), ['k1']);
  });

  test('what expires first is swept first, and of one millisecond by origin and seq', () => {
    const store = storeOf(newStore, [
      put({ key: 'fourth', expiresAt: 101, origin: 'node2.bbbbbb' }),
      put({ key: 'third', expiresAt: 101, seq: 10 }),
      put({ key: 'second', expiresAt: 101, seq: 2 }),
      put({ key: 'first', expiresAt: 100, seq: 9 }),
    ]);
    const { expired } = store.sweep(1000, 10);
    assert.equal(keysOf(expired), ['first', 'second', 'third', 'fourth']);
  });

  test('a limit takes the first, and the mark says how far that went', () => {
    const store = storeOf(newStore, expiring(100, 100, 300));
    const first = store.sweep(1000, 1);
    assert.equal(keysOf(first.expired), ['k1']);
    assert.equal(first.upTo, { untilMs: 100, upTo: { origin: 'node1.aaaaaa', seq: 1 } });
    const second = store.sweep(1000, 2);
    assert.equal(keysOf(second.expired), ['k2', 'k3']);
    assert.equal(second.upTo, { untilMs: 1001, upTo: null });
  });

  test('what expires later but is put in time still comes in order', () => {
    const [first, second, third] = expiring(100, 200, 300);
    const store = storeOf(newStore, [first, third] as Put[]);
    assert.equal(keysOf(store.sweep(1000, 1).expired), ['k1']);
    foldInto(store, second as Put);
    assert.equal(keysOf(store.sweep(1000, 2).expired), ['k2', 'k3']);
  });

  test('what is overwritten or dropped while it waits for its turn is not swept', () => {
    const store = storeOf(newStore, expiring(100, 200, 300, 400));
    store.sweep(1000, 1);
    store.drop('k2');
    foldInto(store, put({ key: 'k3', version: 9 }));
    assert.equal(keysOf(store.sweep(1000, 9).expired), ['k4']);
  });

  test('what never expires is never swept', () => {
    const store = storeOf(newStore, [put({ key: 'a' }), tombstone({ key: 'b' })]);
    assert.equal(store.sweep(Number.MAX_SAFE_INTEGER, 10).expired, []);
  });
}

function clockTests(test: Test, newStore: NewStore): void {
  test('what a clock ahead found due waits for its time once the clock is set back', () => {
    const store = storeOf(newStore, expiring(100, 200, 300));
    assert.equal(keysOf(store.sweep(1000, 1).expired), ['k1']);
    assert.equal(keysOf(store.sweep(200, 9).expired), ['k2']);
    assert.equal(keysOf(store.sweep(299, 9).expired), []);
    assert.equal(keysOf(store.sweep(300, 9).expired), ['k3']);
  });

  test('what a sweep by a clock ahead has taken is listed again, and swept in its time', () => {
    const store = storeOf(newStore, expiring(10, 20, 30));
    assert.is(store.sweep(1000, 2).expired.length, 2);
    assert.equal(listed(store, '', null, 9, 15).keys, ['k2', 'k3']);
    assert.equal(keysOf(store.sweep(15, 9).expired), []);
    assert.equal(keysOf(store.examineDead(9)), ['k1']);
    assert.equal(keysOf(store.sweep(25, 9).expired), ['k2']);
    assert.equal(keysOf(store.sweep(30, 9).expired), ['k3']);
  });

  test('a key that was put again or dropped does not come back with the clock', () => {
    const store = storeOf(newStore, expiring(10, 10));
    store.sweep(1000, 9);
    foldInto(store, tombstone({ key: 'k1', version: 9 }));
    store.drop('k2');
    assert.equal(listed(store, '', null, 9, 5).keys, []);
    assert.equal(store.sweep(5, 9).expired, []);
    assert.equal(keysOf(store.examineDead(9)), ['k1']);
  });
}

function collectingTests(test: Test, newStore: NewStore): void {
  test('of dead entries those looked at longest ago come first, a few at a time', () => {
    const store = storeOf(
      newStore,
      ['a', 'b', 'c'].map((key) => tombstone({ key })),
    );
    assert.equal(keysOf(store.examineDead(2)), ['a', 'b']);
    foldInto(store, tombstone({ key: 'd' }));
    assert.equal(keysOf(store.examineDead(2)), ['c', 'a']);
    store.drop('b');
    assert.equal(keysOf(store.examineDead(9)), ['d', 'c', 'a']);
  });

  test('what lives and dies again and again is looked at once in a round', () => {
    const store = storeOf(newStore, [tombstone({ key: 'other' })]);
    for (let generation = 0; generation < 50; generation++) {
      foldInto(store, put({ generation }));
      foldInto(store, tombstone({ generation, version: 2 }));
    }
    assert.equal(keysOf(store.examineDead(9)).sort(), ['key', 'other']);
    store.drop('key');
    foldInto(store, put({ key: 'new' }));
    assert.equal(keysOf(store.examineDead(9)), ['other']);
    assert.is(store.deadSize, 1);
  });

  test('what was dropped can come again', () => {
    const op = put({ expiresAt: 10 });
    const store = storeOf(newStore, [op]);
    store.sweep(10, 5);
    store.drop('key');
    store.drop('key');
    assert.equal([store.size, store.deadSize], [0, 0]);
    assert.is(foldInto(store, changed(op, { expiresAt: 20 })), true);
    assert.equal(store.sweep(20, 5).expired.length, 1);
  });
}

type Step =
  | { readonly add: number }
  | { readonly drop: number }
  | { readonly laterMs: number; readonly limit: number };

function markTests(test: Test, newStore: NewStore): void {
  test('the mark of a sweep covers what was swept, and nothing that waits', () => {
    const time = fc.integer({ min: 0, max: 1000 });
    const limit = fc.integer({ min: 1, max: 4 });
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: time }) },
      { weight: 1, arbitrary: fc.record({ drop: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ laterMs: fc.nat(300), limit }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const store = newStore();
        const naive = new Map<string, KeyOp>();
        let [seq, nowMs] = [0, 0];
        for (const one of steps) {
          if ('add' in one) {
            const origin = one.add % 2 ? 'a.1' : 'b.1';
            const entry = put({ expiresAt: one.add, seq: ++seq, key: `${seq}`, origin });
            foldInto(store, entry);
            naive.set(entry.key, entry);
          } else if ('drop' in one) {
            const key = [...naive.keys()][one.drop % Math.max(1, naive.size)];
            if (key !== undefined) store.drop(key);
            if (key !== undefined) naive.delete(key);
          } else {
            nowMs += one.laterMs;
            const { expired, upTo } = store.sweep(nowMs, one.limit);
            const due = dueOf(naive.values(), nowMs);
            const taken = new Set(keysOf(expired));
            assert.equal(keysOf(expired), keysOf(due.slice(0, one.limit)));
            for (const key of taken) naive.delete(key);
            const wrong = due.find((entry) => expiredBy(upTo, entry) !== taken.has(entry.key));
            assert.is(wrong, undefined);
          }
        }
        const rest: readonly PutHead[] = store.sweep(9000, 1000).expired;
        assert.equal(keysOf(rest), keysOf(dueOf(naive.values(), 9000)));
      }),
      { numRuns: 1000 },
    );
  });
}

/** The entries that have expired by the clock, in the order in which they did. */
const dueOf = (entries: Iterable<KeyOp>, nowMs: number): KeyOp[] =>
  [...entries]
    .filter(({ expiresAt }) => expiresAt !== null && expiresAt <= nowMs)
    .sort(compareExpiry);
