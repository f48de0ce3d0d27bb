/** The first bytes of keys, and a list of keys that is searched by them. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyHeads } from '../../src/store/keyHeads.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { SoughtKey } from '../../src/store/soughtKey.ts';
import { compareKeys } from '../../src/words/keyOrder.ts';
import { nextRandom, seeded } from '../../src/words/random.ts';
import { foldInto } from '../support/entries.ts';
import { put } from '../support/ops.ts';

const HEAD_BYTES = 31;

const test = suite('the first bytes of keys');

/** Heads of slots, which stand for the keys of that index. */
function headsOf(keys: readonly string[]) {
  const sought = new SoughtKey();
  const heads = new KeyHeads(sought, (slot) => {
    const bytes = Buffer.from(`--${keys[slot]}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return { view, at: 2, length: bytes.length - 2 };
  });
  return {
    heads,
    /** Of the key that is sought with that of each index. */
    orders: (key: string, count: number): number[] => {
      sought.set(key);
      return Array.from({ length: count }, (_one, index) => Math.sign(heads.compare(index)));
    },
  };
}

const tail = fc.string({
  unit: fc.constantFrom('a', 'b', '\0', 'ä', '😀', '\uffff'),
  maxLength: 6,
});
/** Keys that share much, some of them about as long as a head. */
const key = fc
  .tuple(fc.constantFrom(0, 3, 28, 29, 30, 31, 32), tail)
  .map(([shared, end]) => 'k'.repeat(shared) + end);

test('they tell the order of two keys, unless these begin with the same 31 bytes or are equal', () => {
  fc.assert(
    fc.property(key, key, (sought, other) => {
      const { heads, orders } = headsOf([other]);
      heads.insert(0, 0);
      const [one, two] = [Buffer.from(sought), Buffer.from(other)];
      const isOpen =
        sought === other ||
        (one.length > HEAD_BYTES &&
          two.length > HEAD_BYTES &&
          one.compare(two, 0, HEAD_BYTES, 0, HEAD_BYTES) === 0);
      assert.equal(orders(sought, 1), [isOpen ? 0 : Math.sign(compareKeys(sought, other))]);
    }),
    { numRuns: 2000 },
  );
});

test('they stay in order while some come, change and go', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seeded(seed);
      const below = (end: number): number => Math.floor(nextRandom(random) * end);
      const keys = Array.from({ length: 50 }, (_one, index) => `key${index}`);
      const { heads, orders } = headsOf(keys);
      const slots: number[] = [];
      for (let step = 0; step < 200; step++) {
        const [act, slot, at] = [
          below(step < 100 ? 3 : 5),
          below(keys.length),
          below(slots.length + 1),
        ];
        if (act < 2 || at === slots.length) {
          slots.splice(at, 0, slot);
          heads.insert(at, slot);
        } else if (act === 2) {
          slots[at] = slot;
          heads.set(at, slot);
        } else {
          slots.splice(at, 1);
          heads.remove(at);
        }
        const expected = slots.map((held) => Math.sign(compareKeys('key25', keys[held] ?? '')));
        assert.equal(orders('key25', slots.length), expected);
      }
      heads.clear();
      heads.insert(0, 7);
      assert.equal(orders('key7', 1), [0]);
    }),
    { numRuns: 50 },
  );
});

for (const [name, keyOf] of [
  ['short', (index: number) => `key${index}`],
  ['alike in more bytes than a head has', (index: number) => `${'long'.repeat(10)}${index}`],
] as const)
  test(`a list of many keys that are ${name} begins behind any key, while keys come and go`, () => {
    const store = new PagedEntries({ seed: { first: 1, second: 2 } });
    const random = seeded(1);
    const below = (end: number): number => Math.floor(nextRandom(random) * end);
    const held = new Set<string>();
    for (let step = 1; step <= 12_000; step++) {
      const one = keyOf(below(6000));
      // In the end most are dropped.
      if (below(12_000) > step - 4000) {
        foldInto(store, put({ key: one, seq: step, version: step }));
        held.add(one);
      } else {
        store.drop(one);
        held.delete(one);
      }
      if (step % 500 !== 0) continue;
      const sorted = [...held].sort(compareKeys);
      for (let look = 0; look < 20; look++) {
        const after = keyOf(below(6000));
        const { entries } = store.list('', after, { entries: 3 }, 0);
        const from = sorted.filter((each) => compareKeys(each, after) > 0).slice(0, 3);
        assert.equal(
          entries.map((entry) => entry.key),
          from,
        );
      }
    }
    assert.ok(held.size > 600);
  });

test.run();
