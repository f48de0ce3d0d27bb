/**
 * The duties of every store of the port `src/store/entryStore.ts`. Each store's own tests run this suite,
 * so that the store of the nodes and the oracle can't drift apart.
 */
import fc from 'fast-check';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { ZERO } from '../../src/words/hash.ts';
import { compareKeys } from '../../src/words/keyOrder.ts';
import {
  isInLog,
  type KeyOp,
  LAST_VERSION,
  MAX_COUNTER,
  MAX_GENERATION,
  MAX_PUT_VERSION,
} from '../../src/words/op.ts';
import { foldInto } from '../support/entries.ts';
import { keyOps } from '../support/generators.ts';
import { naiveFold, put, tombstone } from '../support/ops.ts';
import { dyingTests } from './entryStoreDying.ts';
import { imageTests } from './entryStoreImages.ts';
import {
  entriesOf,
  headOf,
  keysOf,
  listed,
  type NewStore,
  naiveTests,
  sorted,
  storeOf,
} from './entryStoreNaive.ts';

/** Makes the suite; the caller runs it. @param name the store's. */
export function entryStoreConformance(name: string, newStore: NewStore): Test {
  const test = suite(`entry store conformance: ${name}`);
  foldingTests(test, newStore);
  orderTests(test, newStore);
  listingTests(test, newStore);
  walkingTests(test, newStore);
  dyingTests(test, newStore);
  naiveTests(test, newStore);
  imageTests(test, newStore);
  return test;
}

/** Ops at the ends of every field's range, and with texts of every kind. */
const ODD_OPS: readonly KeyOp[] = [
  put({ key: 'a', value: '"text"', meta: '{"values":["Date"]}' }),
  put({ key: 'é', value: '{"é":"\u{1f600}"}', meta: '"\uff5a"' }),
  put({ key: '\u{1f600}', value: '12345678901234567890.5', expiresAt: 0 }),
  put({ key: '__proto__', hlc: MAX_COUNTER, generation: MAX_GENERATION, version: MAX_PUT_VERSION }),
  put({ key: 'x'.repeat(65_536), seq: Number.MAX_SAFE_INTEGER, expiresAt: 2 ** 53 - 1 }),
  put({ key: 'constructor', value: `"${'long '.repeat(60_000)}"` }),
  put({ key: 'é'.repeat(2000), value: `"${'é'.repeat(100_000)}"` }),
  put({ key: '0', version: 0, hlc: 0, seq: 2 ** 31, expiresAt: 2 ** 32, generation: 127 }),
  put({ key: 'later', version: 2 ** 31 - 1, seq: 2 ** 32, generation: 128, hlc: 2 ** 32 - 1 }),
  tombstone({ key: 'gone', version: LAST_VERSION, origin: `${'n'.repeat(64)}.z9` }),
];

function foldingTests(test: Test, newStore: NewStore): void {
  test('a greater op takes the place of the entry, and a smaller one leaves it', () => {
    const [older, newer] = [put({ version: 1 }), put({ version: 2, seq: 2 })];
    const store = newStore();
    assert.is(foldInto(store, older), true);
    assert.is(foldInto(store, newer), true);
    assert.is(foldInto(store, older), false);
    assert.equal(store.get('key'), newer);
    assert.is(store.size, 1);
  });

  test('look-ups that were foreseen find what others find, however many they are', () => {
    const store = newStore();
    const keys = Array.from({ length: 1000 }, (_, index) => `key${index}`);
    store.foresee([]);
    store.foresee(keys);
    const ops = keys.slice(0, 700).map((key, index) => put({ key, seq: index + 1 }));
    for (const op of ops) foldInto(store, op);
    store.foresee([...keys].reverse());
    for (const [index, key] of keys.entries()) assert.equal(store.get(key), ops[index]);
    for (const key of keys) store.drop(key);
    store.foresee(keys);
    assert.is(store.size, 0);
    assert.is(store.get('key1'), undefined);
  });

  test('each change of an entry is told, and nothing else', () => {
    const store = newStore();
    const told: (string | null)[] = [];
    store.onChange((key) => told.push(key));
    const toldOf = (change: () => unknown): (string | null)[] => {
      told.length = 0;
      change();
      return [...told];
    };
    const [first, second] = [put({ expiresAt: 1000 }), put({ version: 2, seq: 2 })];
    assert.equal(
      toldOf(() => foldInto(store, first)),
      ['key'],
    );
    assert.equal(
      toldOf(() => foldInto(store, first)),
      [],
    );
    assert.equal(
      toldOf(() => store.sweep(1000, 10)),
      [],
    );
    assert.equal(
      toldOf(() => foldInto(store, second)),
      ['key'],
    );
    assert.equal(
      toldOf(() => foldInto(store, tombstone({ version: 3, seq: 3 }))),
      ['key'],
    );
    foldInto(store, put({ key: 'another', seq: 4 }));
    assert.equal(
      toldOf(() => store.drop('none')),
      [],
    );
    assert.equal(
      toldOf(() => store.drop('key')),
      ['key'],
    );
    assert.ok(toldOf(() => store.drop('another')).length > 0);
    assert.ok(toldOf(() => store.clear()).includes(null));
  });

  test('the same op again changes nothing', () => {
    const store = storeOf(newStore, [put()]);
    assert.is(foldInto(store, put()), false);
    assert.is(store.size, 1);
  });

  test('an entry comes out with the very fields that went in', () => {
    const store = storeOf(newStore, ODD_OPS);
    for (const op of ODD_OPS) {
      assert.equal(store.get(op.key), op);
      assert.equal(store.head(op.key), headOf(op));
      assert.equal(store.live(op.key, -1), op.kind === 'put' ? op : undefined);
    }
    assert.equal(entriesOf(store), sorted(ODD_OPS));
    assert.is(store.get('another'), undefined);
    assert.is(store.head('another'), undefined);
    assert.is(store.live('another', 0), undefined);
  });

  test('a longer value takes the place of a shorter one, and a shorter one that of a longer', () => {
    const store = newStore();
    for (const [index, length] of [1, 300_000, 2, 2_000_000, 10].entries()) {
      const op = put({ version: index + 1, value: `"${'v'.repeat(length)}"` });
      foldInto(store, op);
      assert.equal(store.get('key'), op);
    }
  });

  test('a tombstone is an entry that reads as absent', () => {
    const store = storeOf(newStore, [put(), tombstone({ version: 9 })]);
    assert.is(store.live('key', 0), undefined);
    assert.is(store.get('key')?.kind, 'delete');
    assert.is(store.size, 1);
    assert.is(store.deadSize, 1);
  });

  test('an entry reads as absent from its expiry on, swept or not', () => {
    const store = storeOf(newStore, [put({ expiresAt: 1000 })]);
    assert.is(store.live('key', 999)?.version, 1);
    assert.is(store.live('key', 1000), undefined);
    assert.is(store.get('key')?.version, 1);
  });

  test('a put of a later generation brings a dead key back', () => {
    const store = storeOf(newStore, [put({ expiresAt: 1000, version: 7 })]);
    store.sweep(1000, 10);
    assert.is(store.deadSize, 1);
    foldInto(store, put({ generation: 1, version: 1, seq: 2 }));
    assert.is(store.deadSize, 0);
    assert.is(store.live('key', 2000)?.version, 1);
    assert.equal(listed(store, '', null, 10, 2000).keys, ['key']);
  });
}

function orderTests(test: Test, newStore: NewStore): void {
  test('the map is the greatest op of each key, in whatever order and however often ops come', () => {
    const shuffledTwice = keyOps().chain((ops) =>
      fc.record({
        ops: fc.constant(ops),
        once: fc.shuffledSubarray(ops, { minLength: ops.length }),
        again: fc.shuffledSubarray(ops),
      }),
    );
    fc.assert(
      fc.property(shuffledTwice, ({ ops, once, again }) => {
        const expected = sorted(naiveFold(ops).values());
        assert.equal(entriesOf(storeOf(newStore, ops)), expected);
        assert.equal(entriesOf(storeOf(newStore, [...once, ...again])), expected);
      }),
      { numRuns: 500 },
    );
  });

  test('the map sum is the same in whatever order ops come', () => {
    const shuffled = keyOps().chain((ops) =>
      fc.tuple(fc.constant(ops), fc.shuffledSubarray(ops, { minLength: ops.length })),
    );
    const minute = fc.integer({ min: -1, max: 5 });
    fc.assert(
      fc.property(shuffled, minute, ([ops, other], asOf) => {
        const [one, two] = [storeOf(newStore, ops), storeOf(newStore, other)];
        assert.equal(one.sumAt(asOf), two.sumAt(asOf));
      }),
    );
  });
}

function listingTests(test: Test, newStore: NewStore): void {
  const storeOfKeys = (...keys: string[]) =>
    storeOf(
      newStore,
      keys.map((key) => put({ key })),
    );

  test('entries come in the order of code points, and only those with the prefix', () => {
    const keys = ['b', 'a', 'a/1', 'a/10', 'a/2', 'A', '\u{1f600}', '\ufb01', '\ud7ff'];
    const store = storeOfKeys(...keys);
    const all = ['A', 'a', 'a/1', 'a/10', 'a/2', 'b', '\ud7ff', '\ufb01', '\u{1f600}'];
    assert.equal(listed(store, '', null, 10).keys, all);
    assert.equal(listed(store, 'a/', null, 10).keys, ['a/1', 'a/10', 'a/2']);
    assert.equal(listed(store, 'c', null, 10).keys, []);
    assert.equal(listed(store, '', '\ufb01', 10).keys, ['\u{1f600}']);
  });

  test('a page ends at its limit and says where the next one starts', () => {
    const store = storeOfKeys('a', 'b', 'c');
    assert.equal(listed(store, '', null, 2), { keys: ['a', 'b'], next: 'b' });
    assert.equal(listed(store, '', 'b', 2), { keys: ['c'], next: null });
  });

  test('a page ends with the entry that brings it over its bytes', () => {
    const value = `"${'é'.repeat(10)}"`;
    const store = storeOf(
      newStore,
      ['a', 'b', 'c'].map((key) => put({ key, value })),
    );
    // Each takes 1 byte for the key and 22 for the value.
    const pages = [1, 23, 24, 46, 47].map((bytes) =>
      store.list('', null, { entries: 9, bytes }, 0).entries.map(({ key }) => key),
    );
    assert.equal(pages, [['a'], ['a'], ['a', 'b'], ['a', 'b'], ['a', 'b', 'c']]);
    assert.is(store.list('', null, { entries: 9, bytes: 24 }, 0).next, 'b');
    assert.is(store.list('', null, { entries: 9, bytes: 69 }, 0).next, null);
  });

  test('a list without values shows the same entries', () => {
    const store = storeOf(newStore, ODD_OPS);
    const { entries, next } = store.listHeads('', '0', 3, -1);
    const whole = store.list('', '0', { entries: 3, bytes: 2 ** 30 }, -1);
    assert.equal(entries, whole.entries.map(headOf));
    assert.is(next, whole.next);
  });

  test('a level shows keys, and one prefix for all the keys below it', () => {
    const store = storeOfKeys('a', 'a/', 'a/1', 'a/b/1', 'a/b/2', 'a/c', 'a0', '🙂/1', 'ü');
    const level = (prefix: string, after: string | null = null, limit = 99) => {
      const page = store.listLevel({ prefix, delimiter: '/', after }, limit, 0);
      return [keysOf(page.entries), page.prefixes, page.next];
    };
    assert.equal(level(''), [['a', 'a0', 'ü'], ['a/', '🙂/'], null]);
    assert.equal(level('a/'), [['a/', 'a/1', 'a/c'], ['a/b/'], null]);
    assert.equal(level('a/b/'), [['a/b/1', 'a/b/2'], [], null]);
    assert.equal(level('a'), [['a', 'a0'], ['a/'], null]);
    assert.equal(level('', null, 2), [['a'], ['a/'], 'a/']);
    assert.equal(level('', 'a/', 2), [['a0', 'ü'], [], 'ü']);
    assert.equal(level('', 'a/b/1', 2), [['a0', 'ü'], [], 'ü'], 'as after the prefix that has it');
    assert.equal(level('', 'ü', 2), [[], ['🙂/'], null]);
    assert.equal(level('none/'), [[], [], null]);
  });

  test('the pages of a level are the keys and prefixes of all live keys, in order', () => {
    const part = fc.constantFrom('a', 'b', '/', '//', '0', 'é', '\u{1f600}', '\u{10ffff}');
    const text = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
    const keys = fc.uniqueArray(
      text.filter((one) => one !== ''),
      { maxLength: 20 },
    );
    const delimiter = fc.constantFrom('/', '//', 'a', 'é', '\u{10ffff}');
    const limit = fc.integer({ min: 1, max: 4 });
    const dead = fc.array(fc.boolean(), { minLength: 20, maxLength: 20 });
    const property = fc.property(
      keys,
      text,
      delimiter,
      limit,
      dead,
      (all, prefix, by, most, isDead) => {
        const ops = all.map((key, index) => put({ key, expiresAt: isDead[index] ? 5 : null }));
        const store = storeOf(newStore, ops);
        const shown: string[] = [];
        let after: string | null = null;
        do {
          const page = store.listLevel({ prefix, delimiter: by, after }, most, 5);
          const one = [...keysOf(page.entries), ...page.prefixes].sort(compareKeys);
          assert.ok(one.length <= most);
          if (page.next !== null) assert.is(page.next, one.at(-1));
          shown.push(...one);
          after = page.next;
        } while (after !== null);
        const expected = new Set<string>();
        for (const [index, key] of all.entries()) {
          if (isDead[index] || !key.startsWith(prefix)) continue;
          const end = key.indexOf(by, prefix.length);
          expected.add(end < 0 ? key : key.slice(0, end + by.length));
        }
        assert.equal(shown, [...expected].sort(compareKeys));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('a page that ends with the last entry says that there are no more', () => {
    const ops = [put({ key: 'a' }), put({ key: 'b' }), put({ key: 'c', expiresAt: 1 })];
    assert.is(listed(storeOf(newStore, ops), '', null, 2, 5).next, null);
  });

  test('a page starts after a key that is gone, or lies outside the prefix', () => {
    const store = storeOfKeys('a/1', 'a/3', 'b');
    const list = (after: string) => listed(store, 'a/', after, 10).keys;
    assert.equal(list('a/2'), ['a/3']);
    assert.equal(list('a'), ['a/1', 'a/3']);
    assert.equal(list('b'), []);
  });
}

function walkingTests(test: Test, newStore: NewStore): void {
  const many = (from: number, to: number): KeyOp[] =>
    Array.from({ length: to - from }, (_, index) =>
      put({ key: `key${from + index}`, seq: from + index + 1 }),
    );

  test('a walk meets each entry that stays once, whatever changes meanwhile', () => {
    const store = storeOf(newStore, many(0, 300));
    const met: string[] = [];
    let changes = 0;
    for (const { key } of store.heads()) {
      met.push(key);
      if (changes >= 300) continue;
      // Even keys are written again, odd ones are dropped when they were met, and others come.
      const number = Number(key.slice(3));
      if (number % 2 === 1 || number >= 300) store.drop(key);
      else foldInto(store, put({ key, version: 2 }));
      for (const op of many(300 + changes, 301 + changes)) foldInto(store, op);
      store.compactSlice(1000);
      changes++;
    }
    const old = met.filter((key) => Number(key.slice(3)) < 300);
    assert.is(old.length, 300);
    assert.is(new Set(old).size, 300);
    assert.equal(
      [...store.entries()].filter(({ version }) => version === 2).length,
      old.filter((key) => Number(key.slice(3)) % 2 === 0).length,
    );
  });

  test('entries that are kept stay as they were, whatever comes after', () => {
    const ops = many(0, 500);
    const store = storeOf(newStore, ops);
    const kept = store.keeper();
    for (const { key } of store.heads()) kept.keep(key);
    kept.keep('another');
    assert.is(kept.length, 500);
    for (const op of ops) foldInto(store, { ...op, version: op.version + 1 });
    for (let version = 2; version < 30; version++) {
      for (const { key } of ops)
        foldInto(store, put({ key, version, origin: 'other.b', value: `"${'v'.repeat(99)}"` }));
      while (store.compactSlice(10_000) > 0);
    }
    store.drop('key7');
    const taken: KeyOp[] = [];
    for (let op = kept.pop(); op !== undefined; op = kept.pop()) {
      if (isInLog(op)) throw new Error(`the row ${op.lsn} is not in memory`);
      taken.push(op);
    }
    assert.equal(sorted(taken), sorted(ops));
    assert.is(kept.length, 0);
  });

  test('a cleared store holds nothing of what it held, and takes ops as a new one', () => {
    const ops = [put({ key: 'a', expiresAt: 10 }), put({ key: 'b' }), tombstone({ key: 'c' })];
    const store = storeOf(newStore, ops);
    store.clear();
    assert.equal([store.size, store.deadSize], [0, 0]);
    assert.equal(listed(store, '', null, 5).keys, []);
    assert.equal(store.sweep(10, 5).expired, []);
    assert.equal(store.examineDead(5), []);
    assert.equal(store.sumAt(0), ZERO);
    assert.equal(keysOf([...store.entries()]), []);
    for (const op of ops) foldInto(store, op);
    assert.equal(entriesOf(store), ops);
    assert.equal(store.sumAt(0), storeOf(newStore, ops).sumAt(0));
  });
}
