/** A store reads the look-ups that it foresees, within a bound, and no look-up differs for it. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Foresight } from '../../src/store/foresight.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { Records } from '../../src/store/records.ts';
import { SlotTable } from '../../src/store/slotTable.ts';
import { SoughtKey } from '../../src/store/soughtKey.ts';
import { KIB } from '../../src/words/size.ts';
import { restoreInto, takenFrames } from '../conformance/entryStoreImages.ts';
import { foldInto } from '../support/entries.ts';
import { put } from '../support/ops.ts';

const SEED = { first: 0x243f6a88, second: 0x85a308d3 };
const SIZES = { firstBytes: 256, bytes: KIB };
/** The most keys that are foreseen at once. */
const MOST_KEYS = 256;

const test = suite('look-ups that are foreseen');

const keysTo = (count: number): string[] => Array.from({ length: count }, (_one, at) => `${at}`);

/** Entries of the keys 0, 1 and so on, whose hashes are these numbers, with what is read of them. */
function watched(count: number) {
  const records = new Records({ sizes: SIZES });
  const table = new SlotTable(() => true);
  const sought = new SoughtKey();
  const addresses = keysTo(count).map((key, at) => {
    const slot = records.slots.take();
    sought.set(key);
    records.write(put({ key, seq: at + 1 }), at + 1, slot, sought);
    table.add(at, slot);
    return records.slots.addressOf(slot);
  });
  const read: number[] = [];
  const byteAt = records.byteAt.bind(records);
  records.byteAt = (address) => {
    read.push(address);
    return byteAt(address);
  };
  const hashed: string[] = [];
  const foresight = new Foresight(
    (key) => {
      hashed.push(key);
      return Number(key);
    },
    table,
    records,
  );
  return { foresight, addresses, hashed, read };
}

test('the entry of each key is read once, in the order of the keys', () => {
  const { foresight, addresses, hashed, read } = watched(5);
  foresight.foresee(['3', '0', '4']);
  assert.equal(hashed, ['3', '0', '4']);
  assert.equal(
    read,
    [3, 0, 4].map((at) => addresses[at]),
  );
});

test('a key without an entry has nothing to read, and keeps nothing of the one before it', () => {
  const { foresight, addresses, read } = watched(2);
  foresight.foresee(['0', '1']);
  read.length = 0;
  foresight.foresee(['7', '1']);
  assert.equal(read, [addresses[1]]);
  foresight.foresee([]);
  assert.is(read.length, 1, 'of no keys nothing is read');
});

test('of many keys the first ones are read, so that none of them leaves the caches again', () => {
  for (const count of [MOST_KEYS - 1, MOST_KEYS, MOST_KEYS + 1, 3 * MOST_KEYS]) {
    const { foresight, addresses, hashed, read } = watched(count);
    foresight.foresee(keysTo(count));
    assert.equal(hashed, keysTo(count).slice(0, MOST_KEYS));
    assert.equal(read, addresses.slice(0, MOST_KEYS));
  }
});

test('the hash of each key is told once, as long as they are looked up in their order', () => {
  const { foresight } = watched(5);
  foresight.foresee(['3', '0', '0', '4']);
  assert.equal(
    ['3', '1', '0', '0', '3', '4', '4'].map((key) => foresight.hashOfNext(key)),
    [3, -1, 0, 0, -1, 4, -1],
  );
  foresight.foresee(['1', '2']);
  assert.is(foresight.hashOfNext('1'), 1);
  foresight.foresee(['1', '2']);
  assert.is(foresight.hashOfNext('3'), -1);
  assert.is(foresight.hashOfNext('1'), 1);
  foresight.forget();
  assert.is(foresight.hashOfNext('2'), -1);
});

test('the keys of each next part are read once the look-ups come to it, and none before', () => {
  const count = 3 * MOST_KEYS + 2;
  const { foresight, addresses, hashed, read } = watched(count);
  const keys = keysTo(count);
  foresight.foresee(keys);
  for (const [index, key] of keys.entries()) {
    assert.is(foresight.hashOfNext(key), index);
    const to = Math.min(count, MOST_KEYS * (Math.floor(index / MOST_KEYS) + 1));
    assert.is(hashed.length, to);
    assert.is(read.length, to);
  }
  assert.equal(hashed, keys);
  assert.equal(read, addresses);
});

test('keys that are not looked up are passed over, three in a row at most', () => {
  const { foresight, hashed } = watched(2 * MOST_KEYS);
  foresight.foresee(['0', '1', '0', '0', '0', '2', '1', '3']);
  assert.equal(
    ['0', '1', '2', '3'].map((key) => foresight.hashOfNext(key)),
    [0, 1, 2, 3],
  );
  foresight.foresee(['0', '1', '1', '1', '1', '2']);
  assert.equal(
    ['0', '2', '1'].map((key) => foresight.hashOfNext(key)),
    [0, -1, 1],
  );
  const keys = keysTo(2 * MOST_KEYS);
  foresight.foresee(keys);
  hashed.length = 0;
  for (const key of keys.slice(0, MOST_KEYS - 1)) foresight.hashOfNext(key);
  assert.is(foresight.hashOfNext(`${MOST_KEYS + 1}`), MOST_KEYS + 1, 'into the next part');
  assert.equal(hashed, keys.slice(MOST_KEYS + 1));
});

test('what was foreseen does not outlive the seed that it was hashed by', () => {
  const [store, other] = [
    new PagedEntries({ seed: SEED, sizes: SIZES }),
    new PagedEntries({ seed: { first: 1, second: 2 }, sizes: SIZES }),
  ];
  for (const one of [store, other]) foldInto(one, put({ key: 'a' }));
  store.foresee(['a']);
  restoreInto(store, takenFrames(other.capture()));
  assert.equal(store.get('a'), put({ key: 'a' }));
});

test('whatever is foreseen, a store answers as before', () => {
  const some = fc.array(fc.nat(800).map(String), { maxLength: 800, size: 'max' });
  fc.assert(
    fc.property(some, some, (held, foreseen) => {
      const [store, other] = [
        new PagedEntries({ seed: SEED, sizes: SIZES }),
        new PagedEntries({ seed: SEED, sizes: SIZES }),
      ];
      for (const [at, key] of held.entries())
        for (const one of [store, other]) foldInto(one, put({ key, seq: at + 1, version: at + 1 }));
      store.foresee(foreseen);
      for (const key of [...foreseen, ...held]) assert.equal(store.get(key), other.get(key));
      assert.equal([...store.entries()], [...other.entries()]);
      assert.equal(store.bytes, other.bytes);
    }),
    { numRuns: 30 },
  );
});

test.run();
