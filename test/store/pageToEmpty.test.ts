import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { type Emptiable, pageToEmpty } from '../../src/store/pageToEmpty.ts';
import { nextRandom, seeded } from '../../src/words/random.ts';
import { KIB } from '../../src/words/size.ts';
import { put } from '../support/ops.ts';

const LENGTH = 1000;
const RELEASED_BYTES = 5000;

const page = (holes: number, releasedAt = 0, length = LENGTH): Emptiable => ({
  bytes: { length },
  live: length * (1 - holes),
  releasedAt,
});

const chosenOf = (pages: readonly Emptiable[]): number => {
  const chosen = pageToEmpty(pages, RELEASED_BYTES);
  return chosen === null ? -1 : pages.indexOf(chosen);
};

const test = suite('page to empty');

test('where no page has holes, none is emptied', () => {
  assert.is(chosenOf([]), -1);
  assert.is(chosenOf([page(0), page(0)]), -1);
});

test('of pages that are left alone for as long, the one with the most holes is emptied', () => {
  assert.is(chosenOf([page(0.3), page(0.6), page(0.5)]), 1);
});

test('a page that is left alone is emptied before one with more holes that is still overwritten', () => {
  assert.is(chosenOf([page(0.7, RELEASED_BYTES), page(0.4, 100), page(0.4, 2000)]), 1);
});

test('a page with less than half of the average share of holes is not emptied, however long it is left alone', () => {
  assert.is(chosenOf([page(0.1, 0), page(0.5, RELEASED_BYTES)]), 1);
  assert.is(chosenOf([page(0.26, 0), page(0.5, RELEASED_BYTES)]), 0);
});

test('no other page has both more holes and been left alone for longer, and holes are half of the average at least', () => {
  const some = fc.record({
    holes: fc.double({ min: 0, max: 1, noNaN: true }),
    releasedAt: fc.nat(RELEASED_BYTES),
    length: fc.integer({ min: 1, max: 4 }).map((count) => count * LENGTH),
  });
  fc.assert(
    fc.property(fc.array(some, { minLength: 1 }), (all) => {
      const pages = all.map(({ holes, releasedAt, length }) => page(holes, releasedAt, length));
      const chosen = all[chosenOf(pages)];
      if (chosen === undefined) return assert.ok(all.every(({ holes }) => holes < 1e-9));
      const better = all.filter(
        ({ holes, releasedAt }) => holes > chosen.holes && releasedAt < chosen.releasedAt,
      );
      assert.equal(better, []);
      const bytes = all.reduce((sum, { length }) => sum + length, 0);
      const holes = all.reduce((sum, one) => sum + one.holes * one.length, 0);
      assert.ok(chosen.holes >= (holes / bytes / 2) * (1 - 1e-9), `${chosen.holes}`);
    }),
  );
});

test('where few of the keys are overwritten, compaction looks at little, and holes stay a fifth or a little more', () => {
  const [keys, overwritten, writes] = [2000, 400, 20_000];
  const store = new PagedEntries({
    seed: { first: 1, second: 2 },
    sizes: { firstBytes: 4 * KIB, bytes: 4 * KIB },
  });
  let [seq, lookedAt, mostHoles] = [0, 0, 0];
  const random = seeded(9);
  // Of many lengths: a record that fits lies where the one before it lay, and leaves no hole.
  const write = (index: number): void => {
    seq++;
    const value = `"${'v'.repeat(70 + Math.floor(nextRandom(random) * 60))}"`;
    store.fold(put({ key: `key${index}`, seq, version: seq, value }), seq);
  };
  for (let index = 0; index < keys; index++) write(index);
  for (let count = 0; count < writes; count++) {
    // The keys that are overwritten lie in all pages.
    write((Math.floor(nextRandom(random) * overwritten) * 7) % keys);
    lookedAt += store.compactSlice(2000);
    const { holes, entries } = store.bytes;
    mostHoles = Math.max(mostHoles, holes / (holes + entries));
  }
  // 870 where the page with the most holes is emptied, and its entries move beside new ones.
  assert.ok(lookedAt / writes < 700, `${lookedAt / writes} bytes a write`);
  assert.ok(mostHoles < 0.25, `${mostHoles}`);
});

test('a store that only grows is not compacted: room that an open page has left is no hole', () => {
  const store = new PagedEntries({
    seed: { first: 1, second: 2 },
    sizes: { firstBytes: 4 * KIB, bytes: 4 * KIB },
  });
  const lookedAt: number[] = [];
  for (let seq = 1; seq <= 200; seq++) {
    store.fold(put({ key: `key${seq}`, seq, value: `"${'v'.repeat(98)}"` }), seq);
    lookedAt.push(store.compactSlice(10_000));
  }
  assert.equal(
    lookedAt.filter((bytes) => bytes > 0),
    [],
  );
});

test.run();
