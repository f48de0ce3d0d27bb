import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addToBuckets,
  bucketCount,
  bucketOf,
  differingBuckets,
  emptyBuckets,
  entriesToBearAgain,
} from '../../../src/gossip/protocol/repair.ts';
import { add, type Hash, ZERO } from '../../../src/words/hash.ts';
import { compareOps, type KeyOp, sameOp } from '../../../src/words/op.ts';
import { MINUTE_MS } from '../../../src/words/time.ts';
import { foldInto, newEntries, whole } from '../../support/entries.ts';
import { keyOp, keyOps } from '../../support/generators.ts';
import { changed, naiveFold, put, tombstone } from '../../support/ops.ts';

const keysOf = (entries: readonly Pick<KeyOp, 'key'>[]): string[] => entries.map(({ key }) => key);
const manyPuts = (count: number): KeyOp[] =>
  Array.from({ length: count }, (_unused, index) => put({ key: `key ${index}`, seq: index + 1 }));

function bucketSums(entries: Iterable<KeyOp>, asOf: number, count: number): Hash[] {
  const sums = emptyBuckets(count);
  addToBuckets(sums, entries, asOf);
  return sums;
}

const buckets = suite('buckets of keys (rule 11)');

buckets(
  'a small map is one bucket, and more entries make more, by powers of two, up to a bound',
  () => {
    assert.equal([0, 1, 512, 513, 1024, 1025].map(bucketCount), [1, 1, 1, 2, 2, 4]);
    assert.is(bucketCount(1_000_000), 2048);
    assert.is(bucketCount(2 ** 25), 65_536, 'no more than 512 entries each in a map of 33 million');
    assert.is(bucketCount(Number.MAX_SAFE_INTEGER), 65_536);
  },
);

buckets('keys spread evenly, each to one bucket', () => {
  const entries = manyPuts(4000);
  const lengths = Array.from(
    { length: 8 },
    (_unused, bucket) => entries.filter(({ key }) => bucketOf(key, 8) === bucket).length,
  );
  assert.is(
    lengths.reduce((total, length) => total + length),
    4000,
  );
  for (const length of lengths) assert.ok(length > 350 && length < 650, `${lengths}`);
});

buckets('their sums add up to the map sum as of the same minute', () => {
  fc.assert(
    fc.property(
      keyOps(),
      fc.integer({ min: 0, max: 4 }),
      fc.constantFrom(1, 2, 8),
      (ops, asOf, count) => {
        const map = newEntries();
        for (const op of ops) foldInto(map, op);
        const sums = bucketSums([...map.entries()].map(whole), asOf, count);
        assert.is(sums.length, count);
        assert.equal(sums.reduce(add, ZERO), map.sumAt(asOf));
      },
    ),
    { numRuns: 300 },
  );
});

buckets('what is dead by the minute does not count, and what dies after it does', () => {
  const dying = put({ expiresAt: 2 * MINUTE_MS });
  assert.equal(bucketSums([dying], 2, 1), [ZERO]);
  assert.not.equal(bucketSums([dying], 1, 1), [ZERO]);
  assert.equal(bucketSums([tombstone()], 0, 1), [ZERO]);
});

buckets('exactly the buckets of keys that differ differ', () => {
  const entries = manyPuts(200);
  const [lost, other] = [entries[17], entries[91]] as [KeyOp, KeyOp];
  const theirs = entries
    .filter((entry) => entry !== lost)
    .map((entry) => (entry === other ? changed(entry, { version: 9 } as Partial<KeyOp>) : entry));
  const differing = differingBuckets(bucketSums(entries, 0, 16), bucketSums(theirs, 0, 16));
  const expected = new Set([bucketOf(lost.key, 16), bucketOf(other.key, 16)]);
  assert.equal(
    differing,
    [...expected].sort((a, b) => a - b),
  );
});

buckets(
  'equal sums differ nowhere, and a sum that the peer did not send is that of nothing',
  () => {
    const sums: Hash[] = [{ high: 1, low: 2 }, ZERO, { high: 3, low: 4 }];
    assert.equal(differingBuckets(sums, sums), []);
    assert.equal(differingBuckets(sums, sums.slice(0, 1)), [2]);
  },
);

buckets.run();

const repair = suite('who bears an entry again (rule 11)');

repair('the greater entry is born again, and the smaller is left', () => {
  const [older, newer] = [put({ version: 1 }), put({ version: 2, seq: 2 })];
  assert.equal(entriesToBearAgain([newer], [older], 0), [newer]);
  assert.equal(entriesToBearAgain([older], [newer], 0), []);
});

repair('a live entry beats an absent one', () => {
  const entries = [put({ key: 'a' }), put({ key: 'b', expiresAt: 5 * MINUTE_MS, seq: 2 })];
  assert.equal(entriesToBearAgain(entries, [], 4), entries);
});

repair(
  'what is dead by the minute is left where the peer lacks it: it may have been collected',
  () => {
    const dead = [tombstone({ key: 'a' }), put({ key: 'b', expiresAt: 5 * MINUTE_MS, seq: 2 })];
    assert.equal(entriesToBearAgain(dead, [], 5), []);
  },
);

repair('a tombstone that wins is born again, or a deleted key would come back', () => {
  const [deleted, shown] = [tombstone({ version: 9, seq: 2 }), put({ version: 1 })];
  assert.equal(entriesToBearAgain([deleted], [shown], 0), [deleted]);
  assert.equal(entriesToBearAgain([shown], [deleted], 0), []);
});

repair('entries that are equal are left, whatever else the peer tells', () => {
  const entries = manyPuts(5);
  assert.equal(entriesToBearAgain(entries, [...entries, put({ key: 'another' })], 0), []);
});

repair('of two entries of a key that differ exactly one side acts, and it is the greater', () => {
  fc.assert(
    fc.property(keyOp, keyOp, fc.integer({ min: 0, max: 4 }), (one, two, asOf) => {
      const other = changed(two, { key: one.key } as Partial<KeyOp>);
      const here = entriesToBearAgain([one], [other], asOf);
      const there = entriesToBearAgain([other], [one], asOf);
      const order = compareOps(one, other);
      assert.equal(here, order > 0 ? [one] : []);
      assert.equal(there, order < 0 ? [other] : []);
    }),
    { numRuns: 500 },
  );
});

repair('for any two maps, what both sides bear again makes what counts the same', () => {
  const twoMaps = keyOps().chain((ops) =>
    fc.tuple(fc.shuffledSubarray(ops), fc.shuffledSubarray(ops)),
  );
  fc.assert(
    fc.property(twoMaps, fc.integer({ min: 0, max: 4 }), ([left, right], asOf) => {
      const [ours, theirs] = [[...naiveFold(left).values()], [...naiveFold(right).values()]];
      const again = [
        ...entriesToBearAgain(ours, theirs, asOf),
        ...entriesToBearAgain(theirs, ours, asOf),
      ];
      assert.is(new Set(keysOf(again)).size, again.length, 'never both sides');
      // Born again, an entry is greater than both by its HLC alone.
      const ops = again.map((entry) => [...ours, ...theirs].find((op) => sameOp(op, entry)));
      const born = ops
        .filter((op) => op !== undefined)
        .map((entry, index) =>
          changed(entry, { hlc: 1000, origin: 'node9.zzzzzz', seq: index + 1 } as Partial<KeyOp>),
        );
      const [here, there] = [ours, theirs].map((entries) =>
        naiveFold([...entries, ...born]).values(),
      );
      assert.equal(bucketSums(here ?? [], asOf, 4), bucketSums(there ?? [], asOf, 4));
    }),
    { numRuns: 500 },
  );
});

repair.run();
