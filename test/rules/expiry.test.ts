import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ExpiryIndex } from '../../src/rules/expiry.ts';
import { expiredBy } from '../../src/words/expiryMark.ts';
import type { KeyOp } from '../../src/words/op.ts';
import { put, tombstone } from '../support/ops.ts';

const expiry = suite('index of expiries');

function indexOf(entries: readonly KeyOp[]): ExpiryIndex {
  const index = new ExpiryIndex();
  for (const entry of entries) index.add(entry);
  return index;
}

const expiring = (...times: readonly number[]): KeyOp[] =>
  times.map((expiresAt, index) => put({ expiresAt, seq: index + 1 }));

expiry('an entry is taken from the very millisecond of its expiry, and once', () => {
  const entries = expiring(1000);
  const index = indexOf(entries);
  assert.equal(index.takeExpired(999, 10).expired, []);
  assert.equal(index.takeExpired(1000, 10).expired, entries);
  assert.equal(index.takeExpired(1000, 10).expired, []);
});

expiry('entries that expire in one tenth of a second are told apart', () => {
  const [early, late] = expiring(1001, 1099);
  const index = indexOf([late, early] as KeyOp[]);
  assert.equal(index.takeExpired(1050, 10).expired, [early]);
  assert.equal(index.takeExpired(1099, 10).expired, [late]);
});

expiry('what expires first is taken first, and of one millisecond by origin and seq', () => {
  const [first, second] = [put({ expiresAt: 100, seq: 9 }), put({ expiresAt: 101, seq: 2 })];
  const [third, fourth] = [
    put({ expiresAt: 101, seq: 10 }),
    put({ expiresAt: 101, origin: 'node2.bbbbbb' }),
  ];
  const index = indexOf([fourth, third, second, first]);
  assert.equal(index.takeExpired(1000, 10).expired, [first, second, third, fourth]);
});

expiry('a limit takes the first, and the mark says how far that went', () => {
  const [first, second, third] = expiring(100, 100, 300);
  const index = indexOf([third, second, first] as KeyOp[]);
  assert.equal(index.takeExpired(1000, 1), {
    expired: [first],
    upTo: { untilMs: 100, upTo: { origin: first?.origin, seq: 1 } },
  });
  assert.equal(index.takeExpired(1000, 2), {
    expired: [second, third],
    upTo: { untilMs: 1001, upTo: null },
  });
});

expiry('what was due by a clock that went back is taken when its time comes', () => {
  const [first, second, third] = expiring(100, 200, 300);
  const index = indexOf([third, second, first] as KeyOp[]);
  assert.equal(index.takeExpired(1000, 1).expired, [first]);
  assert.equal(index.takeExpired(200, 9).expired, [second]);
  assert.equal(index.takeExpired(299, 9).expired, []);
  assert.equal(index.takeExpired(300, 9).expired, [third]);
});

expiry('what expires later but is added in time still comes in order', () => {
  const [first, second, third] = expiring(100, 200, 300);
  const index = indexOf([first, third] as KeyOp[]);
  assert.equal(index.takeExpired(1000, 1).expired, [first]);
  index.add(second as KeyOp);
  assert.equal(index.takeExpired(1000, 2).expired, [second, third]);
});

expiry('what is taken out while it waits for its turn is not taken', () => {
  const [first, second, third] = expiring(100, 200, 300);
  const index = indexOf([first, second, third] as KeyOp[]);
  index.takeExpired(1000, 1);
  index.remove(second as KeyOp);
  assert.equal(index.takeExpired(1000, 1).expired, [third]);
});

expiry('what never expires is never taken', () => {
  const index = indexOf([put(), tombstone()]);
  assert.equal(index.takeExpired(Number.MAX_SAFE_INTEGER, 10).expired, []);
});

expiry('taking out what is not there harms nothing', () => {
  const [one, other] = expiring(1000, 1001);
  const index = indexOf([one] as KeyOp[]);
  index.remove(other as KeyOp);
  index.remove(put());
  assert.equal(index.takeExpired(2000, 10).expired, [one]);
});

type Step =
  | { readonly add: number }
  | { readonly remove: number }
  | { readonly laterMs: number; readonly limit: number };

expiry('a naive list beside it takes the same, after any adding, taking out and taking', () => {
  const time = fc.integer({ min: 0, max: 1000 });
  const limit = fc.integer({ min: 1, max: 4 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: time }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ laterMs: fc.nat(300), limit }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const index = new ExpiryIndex();
      const naive = new Set<KeyOp>();
      let [seq, nowMs] = [0, 0];
      for (const one of steps) {
        if ('add' in one) {
          const entry = put({
            expiresAt: one.add,
            seq: ++seq,
            origin: one.add % 2 ? 'a.1' : 'b.1',
          });
          index.add(entry);
          naive.add(entry);
        } else if ('remove' in one) {
          const entry = [...naive][one.remove % Math.max(1, naive.size)];
          if (entry !== undefined) index.remove(entry);
          if (entry !== undefined) naive.delete(entry);
        } else {
          nowMs += one.laterMs;
          const { expired, upTo } = index.takeExpired(nowMs, one.limit);
          const due = dueOf(naive, nowMs);
          assert.equal(expired, due.slice(0, one.limit));
          for (const entry of expired) naive.delete(entry);
          const first = due.find((entry) => expiredBy(upTo, entry) !== expired.includes(entry));
          assert.is(first, undefined, 'the mark covers what was taken and nothing that waits');
        }
      }
      assert.equal(index.takeExpired(9000, 1000).expired, dueOf(naive, 9000));
    }),
    { numRuns: 1000 },
  );
});

expiry.run();

/** The entries that have expired by the clock, in the order in which they did. */
function dueOf(entries: Iterable<KeyOp>, nowMs: number): KeyOp[] {
  return [...entries]
    .filter(({ expiresAt }) => expiresAt !== null && expiresAt <= nowMs)
    .sort(
      (a, b) =>
        (a.expiresAt ?? 0) - (b.expiresAt ?? 0) ||
        (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : a.seq - b.seq),
    );
}
