/** Folds find the slots of the keys that were looked at before them, and never that of another key. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ExpectedFolds } from '../../src/store/expectedFolds.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { Records } from '../../src/store/records.ts';
import { SoughtKey } from '../../src/store/soughtKey.ts';
import { KIB } from '../../src/words/size.ts';
import { entriesOf } from '../conformance/entryStoreNaive.ts';
import { foldInto } from '../support/entries.ts';
import { put, tombstone } from '../support/ops.ts';

const SEED = { first: 0x243f6a88, second: 0x85a308d3 };
const SIZES = { firstBytes: 256, bytes: KIB };
const MOST_SLOTS = 8192;
const READ_AT_ONCE = 64;
const MOST_MISSES = 4;

const test = suite('folds that are expected');

/** So many slots with entries; `take` seeks the key of a slot. */
function watched(count: number) {
  const records = new Records({ sizes: SIZES });
  const key = new SoughtKey();
  const slots = Array.from({ length: count }, (_one, index) => {
    const slot = records.slots.take();
    key.set(`${index}`);
    records.write(put({ key: `${index}`, seq: index + 1 }), index + 1, slot, key);
    return slot;
  });
  const read: number[] = [];
  const byteAt = records.byteAt.bind(records);
  records.byteAt = (address) => {
    read.push(slots.findIndex((slot) => records.slots.addressOf(slot) === address));
    return byteAt(address);
  };
  let sought = -1;
  const compared: number[] = [];
  const expected = new ExpectedFolds(records, (slot) => {
    compared.push(slot);
    return slot === sought;
  });
  const take = (slot: number): number => {
    sought = slot;
    return expected.take();
  };
  return { expected, records, slots, read, compared, take };
}

const push = (expected: ExpectedFolds, slots: readonly number[]): void => {
  for (const slot of slots) expected.push(slot);
};

test('slots are found in the order in which their keys were looked at', () => {
  const { expected, compared, take } = watched(9);
  assert.is(take(3), -1);
  push(expected, [3, 7, 5]);
  assert.is(expected.length, 3);
  assert.equal([take(3), take(7), take(5)], [3, 7, 5]);
  assert.is(expected.length, 0);
  assert.is(take(3), -1);
  assert.equal(compared, [3, 7, 5], 'no other key is compared');
});

test('an op that was refused is passed over', () => {
  const { expected, take } = watched(9);
  push(expected, [1, 2, 3, 4, 5]);
  assert.equal([take(2), take(4), take(5)], [2, 4, 5]);
});

test('a key that had no entry takes its turn, and has no slot', () => {
  const { expected, compared, take } = watched(9);
  push(expected, [-1, 2, -1, 4]);
  assert.equal([take(8), take(2), take(7), take(4)], [-1, 2, -1, 4]);
  assert.equal(compared, [2, 4]);
});

test('a fold that nobody expected leaves what is expected, a few times', () => {
  const { expected, take } = watched(9);
  push(expected, [1, 2, 3]);
  for (let miss = 1; miss < MOST_MISSES; miss++) assert.is(take(8), -1);
  assert.is(take(1), 1);
  for (let miss = 1; miss < MOST_MISSES; miss++) assert.is(take(8), -1);
  assert.is(expected.length, 2, 'only misses in a row count');
  assert.is(take(8), -1);
  assert.is(expected.length, 0);
  assert.is(take(2), -1);
  push(expected, [4, 5]);
  assert.equal([take(4), take(5)], [4, 5], 'what comes after is expected again');
});

test('what is expected has a bound, from which on it begins anew', () => {
  const { expected, take } = watched(9);
  for (let count = 0; count < MOST_SLOTS; count++) expected.push(1);
  assert.is(expected.length, MOST_SLOTS);
  expected.push(2);
  assert.is(expected.length, 1);
  assert.is(take(2), 2);
});

test('a slot that was given back is not taken, and one of another key neither', () => {
  const { expected, records, slots, compared, take } = watched(9);
  push(expected, [slots[1] ?? -1, slots[2] ?? -1]);
  records.slots.giveBack(slots[1] ?? -1);
  assert.is(take(1), -1);
  assert.equal(compared, [2]);
  records.clear();
  assert.is(take(2), -1, 'slots that the table has no more');
  assert.equal(compared, [2]);
});

test('the entries of many folds are read at once, each once, before the first of them', () => {
  const count = READ_AT_ONCE + 10;
  const { expected, slots, read, take } = watched(count);
  push(expected, [...slots.slice(0, 5), -1, ...slots.slice(5)]);
  assert.equal(read, []);
  const order = Array.from({ length: count }, (_one, index) => index);
  for (const [index, slot] of slots.entries()) {
    if (index === 5) assert.is(take(99), -1);
    assert.is(take(slot), slot);
    const first = index < READ_AT_ONCE - 1 ? READ_AT_ONCE - 1 : count;
    assert.equal(read, order.slice(0, first));
  }
});

test('whatever is foreseen, looked at, refused, dropped and folded, the entries are those of a store that expects nothing', () => {
  const key = fc.nat(12).map((index) => `key${index}`);
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ decide: fc.array(key, { minLength: 1, maxLength: 9 }) }) },
    {
      weight: 9,
      arbitrary: fc.record({ fold: key, version: fc.nat(5), size: fc.nat(3), dies: fc.nat(5) }),
    },
    { weight: 3, arbitrary: fc.record({ foldDecided: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ drop: key }) },
    { weight: 1, arbitrary: fc.constant({ clear: true }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [store, other] = [
        new PagedEntries({ seed: SEED, sizes: SIZES }),
        new PagedEntries({ seed: SEED, sizes: SIZES }),
      ];
      const decided: string[] = [];
      let seq = 0;
      const fold = (name: string, version: number, size = 9): void => {
        seq++;
        const op = put({ key: name, seq, version, value: `"${'v'.repeat(size)}"` });
        assert.is(foldInto(store, op), foldInto(other, op));
      };
      for (const one of steps) {
        if ('decide' in one) {
          store.foresee(one.decide);
          for (const name of one.decide) assert.equal(store.head(name), other.head(name));
          decided.push(...one.decide);
        } else if ('foldDecided' in one) {
          for (const name of decided.splice(0, one.foldDecided)) fold(name, 3);
        } else if ('drop' in one) {
          store.drop(one.drop);
          other.drop(one.drop);
        } else if ('clear' in one) {
          store.clear();
          other.clear();
        } else if (one.dies === 0) {
          const op = tombstone({ key: one.fold, seq: ++seq, version: one.version });
          assert.is(foldInto(store, op), foldInto(other, op));
        } else fold(one.fold, one.version, one.size);
        assert.equal(store.bytes, other.bytes);
      }
      assert.equal(entriesOf(store), entriesOf(other));
      assert.equal(store.sumAt(0), other.sumAt(0));
    }),
    { numRuns: 300 },
  );
});

test.run();
