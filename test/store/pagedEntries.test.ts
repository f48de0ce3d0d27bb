import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { isInLog } from '../../src/words/op.ts';
import { KIB } from '../../src/words/size.ts';
import { entryStoreConformance } from '../conformance/entryStore.ts';
import { restoreInto, takenFrames } from '../conformance/entryStoreImages.ts';
import { entriesOf, sorted } from '../conformance/entryStoreNaive.ts';
import { foldInto } from '../support/entries.ts';
import { put, tombstone } from '../support/ops.ts';
import { PlainEntries } from '../support/plainEntries.ts';
import { RecalledEntries } from '../support/recalledEntries.ts';

const SEED = { first: 0x243f6a88, second: 0x85a308d3 };
/** So small that a few entries fill a page, and some have a page of their own. */
const SMALL = { firstBytes: 256, bytes: KIB };

const conformance = entryStoreConformance('pages', () => new PagedEntries({ seed: SEED }));
conformance.run();
const inSmallPages = entryStoreConformance(
  'small pages',
  () => new PagedEntries({ seed: SEED, sizes: SMALL }),
);
inSmallPages.run();
/** Every value that may be dropped is dropped at once. */
const inLittleMemory = entryStoreConformance(
  'little memory',
  () => new RecalledEntries(new PagedEntries({ seed: SEED, sizes: SMALL, maxBytes: 1 })),
);
inLittleMemory.run();

const test = suite('the store in pages beside plain objects');

type Step =
  | { readonly fold: number; readonly key: number; readonly ttl: number; readonly size: number }
  | { readonly drop: number }
  | { readonly laterMs: number; readonly limit: number }
  | { readonly examine: number }
  | { readonly list: number; readonly after: number }
  | { readonly get: number }
  | { readonly compact: number };

const KEYS = Array.from({ length: 60 }, (_, index) =>
  index % 7 === 0 ? `ключ\u{1f600}/${index}` : `key/${index % 5}/${index}`,
);
const someKey = fc.nat(KEYS.length - 1);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      fold: fc.nat(20),
      key: someKey,
      ttl: fc.nat(3000),
      size: fc.oneof(fc.nat(40), fc.nat(2000)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ drop: someKey }) },
  {
    weight: 2,
    arbitrary: fc.record({
      laterMs: fc.integer({ min: -500, max: 900 }),
      limit: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ examine: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ list: fc.nat(3), after: someKey }) },
  { weight: 3, arbitrary: fc.record({ get: someKey }) },
  { weight: 3, arbitrary: fc.record({ compact: fc.nat(3000) }) },
);

/** Bytes that the indexes of few entries take. */
const INDEX_BYTES = new PagedEntries({ seed: SEED, sizes: SMALL }).bytes.used + 9 * 4096 + 3 * 4096;
/** Room for none of the values, for some, for nearly all; null: no bound. */
const room = fc.constantFrom(null, 0, 8 * KIB, 30 * KIB);

test('any history leaves the same entries, lists, sweeps and sums in both, whatever memory has room for', () => {
  fc.assert(
    fc.property(room, fc.array(step, { maxLength: 300, size: 'max' }), (roomBytes, steps) => {
      const maxBytes = roomBytes === null ? null : INDEX_BYTES + roomBytes;
      const store = new PagedEntries({ seed: SEED, sizes: SMALL, maxBytes });
      const [pages, plain] = [new RecalledEntries(store), new PlainEntries()];
      let [seq, nowMs] = [0, 500_000];
      for (const one of steps) {
        if ('fold' in one) {
          const kind = one.ttl % 8 === 0 ? 'delete' : 'put';
          const common = {
            key: KEYS[one.key] ?? '',
            seq: ++seq,
            version: one.fold,
            generation: one.fold % 3,
            origin: `node${seq % 4}.a`,
          };
          const value = `"${(one.size % 2 ? 'é' : 'v').repeat(one.size)}"`;
          const expiresAt = one.ttl > 2000 ? null : nowMs + one.ttl;
          const meta = one.size % 3 ? null : '{"é":1}';
          const op =
            kind === 'delete' ? tombstone(common) : put({ ...common, value, expiresAt, meta });
          assert.is(foldInto(pages, op), foldInto(plain, op));
          assert.equal(pages.get(op.key), plain.get(op.key));
        } else if ('drop' in one) {
          pages.drop(KEYS[one.drop] ?? '');
          plain.drop(KEYS[one.drop] ?? '');
        } else if ('laterMs' in one) {
          nowMs += one.laterMs;
          assert.equal(pages.sweep(nowMs, one.limit), plain.sweep(nowMs, one.limit));
        } else if ('examine' in one) {
          assert.is(pages.examineDead(one.examine).length, plain.examineDead(one.examine).length);
        } else if ('list' in one) {
          const prefix = ['', 'key/', 'ключ', 'key/3/'][one.list] ?? '';
          const limit = { entries: 1 + one.list, bytes: 1 + 40 * one.after };
          const after = KEYS[one.after] ?? '';
          assert.equal(
            pages.list(prefix, after, limit, nowMs),
            plain.list(prefix, after, limit, nowMs),
          );
        } else if ('get' in one) {
          const key = KEYS[one.get] ?? '';
          pages.foresee(KEYS);
          assert.equal(pages.live(key, nowMs), plain.live(key, nowMs));
        } else pages.compactSlice(one.compact);
        assert.equal([pages.size, pages.deadSize], [plain.size, plain.deadSize]);
      }
      while (store.compactSlice(5000) > 0);
      assert.ok(!store.isOverBound || store.isFullOfKeys, `${store.bytes.used} of ${maxBytes}`);
      assert.is(store.coldSize, [...store.entries()].filter(isInLog).length);
      assert.equal(entriesOf(pages), entriesOf(plain));
      assert.equal(pages.sumAt(0), plain.sumAt(0));
      assert.equal(sorted(pages.examineDead(99)), sorted(plain.examineDead(99)));
    }),
    { numRuns: 300 },
  );
});

test('an image of many keys is that of its capture, although every array changes meanwhile', () => {
  // Pages so small that many are given back, and used again, during the capture.
  const store = new PagedEntries({
    seed: SEED,
    sizes: { firstBytes: 4 * KIB, bytes: 32 * KIB },
  });
  const keyOf = (index: number): string => `key/${Math.imul(index, 2_654_435_761) >>> 0}`;
  const write = (index: number, version: number): boolean =>
    foldInto(
      store,
      put({ key: keyOf(index), version, seq: index + 1, expiresAt: index % 3 ? null : index }),
    );
  for (let index = 0; index < 20_000; index++) write(index, 1);
  store.sweep(1000, 50);
  const entries = entriesOf(store);
  let next = 0;
  const frames = takenFrames(store.capture(), () => {
    for (let count = 0; count < 5000; count++, next++) {
      write(next, 2);
      if (next % 5 === 0) store.drop(keyOf(next / 5));
    }
    store.compactSlice(10 ** 6);
  });
  assert.ok(next >= 20_000, 'the store has changed everywhere');
  const restored = new PagedEntries({ seed: { first: 7, second: 7 } });
  restoreInto(restored, frames);
  assert.equal(entriesOf(restored), entries);
  assert.equal(
    restored.list('key/2', null, { entries: 10_000 }, 0).entries,
    entries.filter(({ key, kind }) => kind === 'put' && key.startsWith('key/2')),
  );
  for (const entry of entries) assert.equal(restored.head(entry.key)?.seq, entry.seq);
});

test('an entry that takes as many bytes as the one before it lies where that lay, and any other leaves a hole', () => {
  const store = new PagedEntries({ seed: SEED, sizes: SMALL });
  const write = (key: string, version: number, value: string): boolean =>
    store.fold(put({ key, seq: 200 + version, version, value, meta: '"m"' }), 300 + version);
  const keys = Array.from({ length: 40 }, (_one, index) => `key${index + 10}`);
  for (const key of keys) write(key, 0, '"abcd"');
  const { entries, holes, used } = store.bytes;
  for (let version = 1; version < 50; version++) {
    for (const key of keys) assert.is(write(key, version, version % 2 ? '"é12"' : '"wxyz"'), true);
    assert.equal(store.bytes, { entries, holes, used });
  }
  assert.equal(
    entriesOf(store).map(({ version, value }) => [version, value]),
    keys.map(() => [49, '"é12"']),
  );
  for (const key of keys.slice(0, 9)) write(key, 50, '"longer"');
  assert.is(store.bytes.entries, entries + 9 * 2);
  assert.ok(store.bytes.holes > holes, `${store.bytes.holes} and ${holes} bytes`);
  const dead = keys.at(-1) ?? '';
  foldInto(store, tombstone({ key: dead, seq: 900, version: 60 }));
  assert.is(store.get(dead)?.kind, 'delete');
  assert.is(store.deadSize, 1);
});

test('an image whose values are partly in the log needs a store with a bound', () => {
  const store = new PagedEntries({ seed: SEED, sizes: SMALL, maxBytes: 1 });
  for (let seq = 1; seq <= 50; seq++)
    store.fold(put({ key: `k${seq}`, seq, value: `"${'v'.repeat(200)}"` }), seq);
  while (store.isOverBound && store.compactSlice(1000) > 0);
  assert.ok(store.coldSize > 0);
  const frames = takenFrames(store.capture());
  const bounded = new PagedEntries({ seed: SEED, sizes: SMALL, maxBytes: 1 });
  restoreInto(bounded, frames);
  assert.equal([bounded.coldSize, bounded.bytes.entries], [store.coldSize, store.bytes.entries]);
  assert.equal(sorted(bounded.entries()), sorted(store.entries()));
  const unbounded = new PagedEntries({ seed: SEED });
  assert.throws(() => restoreInto(unbounded, frames), /no --max-memory/);
});

test('an image of another form is refused', () => {
  const frames = takenFrames(new PagedEntries({ seed: SEED }).capture());
  const [counts] = frames;
  new Float64Array(counts?.buffer ?? new ArrayBuffer(0))[0] = 99;
  assert.throws(() => restoreInto(new PagedEntries({ seed: SEED }), frames), /another form/);
});

test.run();
