import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { isInLog, type Put } from '../../src/words/op.ts';
import { KIB } from '../../src/words/size.ts';
import { put } from '../support/ops.ts';

const SEED = { first: 1, second: 2 };
const SIZES = { firstBytes: 4 * KIB, bytes: 4 * KIB };
const VALUE_BYTES = 300;
const KEYS = 400;

const opOf = (index: number, version = 1): Put =>
  put({
    key: `key${index}`,
    seq: version * KEYS + index,
    version,
    value: `"${'v'.repeat(VALUE_BYTES - 2)}"`,
  });

/** A store that holds all keys, with room for a share of their values. */
function storeFor(share: number): PagedEntries {
  const unbounded = filled(new PagedEntries({ seed: SEED, sizes: SIZES }));
  const valueBytes = KEYS * VALUE_BYTES;
  const maxBytes = Math.floor(unbounded.bytes.used - valueBytes * (1 - share));
  return new PagedEntries({ seed: SEED, sizes: SIZES, maxBytes });
}

function filled(store: PagedEntries): PagedEntries {
  for (let index = 0; index < KEYS; index++) store.fold(opOf(index), index + 1);
  return store;
}

const settle = (store: PagedEntries): void => {
  while (store.compactSlice(10_000) > 0);
};

const isWarm = (store: PagedEntries, index: number): boolean => {
  const entry = store.get(`key${index}`);
  return entry !== undefined && !isInLog(entry);
};

const test = suite('memory of the store');

test('a store without a bound drops nothing', () => {
  const store = filled(new PagedEntries({ seed: SEED, sizes: SIZES }));
  settle(store);
  assert.is(store.coldSize, 0);
});

test('above the bound the oldest values go, and the store comes below it', () => {
  const store = filled(storeFor(0.5));
  assert.is(store.isOverBound, true);
  settle(store);
  assert.is(store.isOverBound, false);
  assert.is(store.size, KEYS);
  assert.ok(store.coldSize > KEYS * 0.4 && store.coldSize < KEYS * 0.75, `${store.coldSize}`);
  assert.is(isWarm(store, 0), false);
  assert.is(isWarm(store, KEYS - 1), true);
  const cold = store.get('key0');
  assert.ok(cold !== undefined && isInLog(cold));
  assert.equal([cold.lsn, cold.textBytes], [1, VALUE_BYTES + 'key0'.length]);
});

test('values that are asked for stay, and others go before them', () => {
  const store = filled(storeFor(0.5));
  settle(store);
  const wanted = Array.from({ length: 60 }, (_, index) => index * 3);
  // Few at a time, as on a node: far above the bound, nothing is spared.
  for (let index = KEYS; index < 4 * KEYS; index++) {
    for (const one of wanted) {
      const entry = store.live(`key${one}`, 0);
      if (entry !== undefined && isInLog(entry)) store.warm(opOf(one));
    }
    store.fold(opOf(index % KEYS, 1 + Math.floor(index / KEYS)), index + 1);
    for (const one of wanted) if (index % KEYS === one) store.live(`key${one}`, 0);
    store.compactSlice(4000);
  }
  settle(store);
  const kept = wanted.filter((one) => isWarm(store, one)).length;
  assert.ok(kept > wanted.length * 0.9, `${kept} of ${wanted.length} are warm`);
  assert.ok(store.coldSize > KEYS * 0.3, `${store.coldSize}`);
});

test('values that are overwritten stay as those that are asked for do, also where they lie', () => {
  const store = filled(storeFor(0.5));
  settle(store);
  const overwritten = Array.from({ length: 40 }, (_, index) => KEYS - 1 - index);
  assert.ok(overwritten.every((one) => isWarm(store, one)));
  const { holes } = store.bytes;
  for (const one of overwritten) store.fold(opOf(one, 2), 3 * KEYS + one);
  assert.is(store.bytes.holes, holes, 'they take as many bytes');
  // Cold values get new ones, a few at a time, until all pages but the latest have had their turn once.
  for (let one = 0; one < KEYS / 2; one++) {
    store.fold(opOf(one, 2), 3 * KEYS + one);
    store.compactSlice(4000);
  }
  settle(store);
  const kept = overwritten.filter((one) => isWarm(store, one)).length;
  const others = Array.from({ length: KEYS / 2 - 40 }, (_, index) => KEYS / 2 + index);
  const keptOthers = others.filter((one) => isWarm(store, one)).length;
  assert.ok(kept > overwritten.length * 0.9, `${kept} of ${overwritten.length}`);
  assert.ok(keptOthers < others.length * 0.2, `${keptOthers} of ${others.length}`);
});

test('far above the bound values go even if all of them were asked for', () => {
  const store = filled(storeFor(0.2));
  for (let index = 0; index < KEYS; index++) store.live(`key${index}`, 0);
  settle(store);
  assert.is(store.isOverBound, false);
});

test('a value that was read comes back into memory, unless the key has another entry by then', () => {
  const store = filled(storeFor(0.5));
  settle(store);
  const { coldSize } = store;
  store.warm(opOf(0));
  assert.is(store.coldSize, coldSize - 1);
  assert.equal(store.get('key0'), opOf(0));
  store.fold(opOf(1, 2), KEYS + 1);
  store.warm(opOf(1));
  assert.equal(store.get('key1'), opOf(1, 2));
  store.drop('key2');
  store.warm(opOf(2));
  assert.is(store.get('key2'), undefined);
});

test('a slice looks at no more than its budget and one entry', () => {
  const store = filled(storeFor(0.1));
  for (let used = 1; used > 0; ) {
    used = store.compactSlice(1000);
    assert.ok(used <= 1000 + VALUE_BYTES + 256 + 100, `${used}`);
  }
});

test('a store whose keys fill four fifths of its bound is full of keys, whatever its values are', () => {
  const full = filled(storeFor(-0.5));
  settle(full);
  assert.is(full.isFullOfKeys, true);
  assert.is(full.coldSize, KEYS);
  const other = filled(storeFor(0.5));
  settle(other);
  assert.is(other.isFullOfKeys, false);
  full.clear();
  assert.is(full.isFullOfKeys, false);
  assert.is(full.coldSize, 0);
});

test.run();
