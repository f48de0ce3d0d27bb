import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MapSum, minuteAhead } from '../../src/rules/mapSum.ts';
import { carriedHash, type Hash, ZERO } from '../../src/words/hash.ts';
import { isDead, type KeyOp } from '../../src/words/op.ts';
import { MINUTE_MS } from '../../src/words/time.ts';
import { keyOps } from '../support/generators.ts';
import { put, sumOf, tombstone } from '../support/ops.ts';

const sums = suite('map sum (rule 11)');

/** The sum by its definition: over the entries that are alive at the minute. */
function sumOver(entries: readonly KeyOp[], asOf: number): Hash {
  return sumOf(entries.filter((entry) => !isDead(entry, asOf * MINUTE_MS)));
}

function mapSumOf(entries: readonly KeyOp[]): MapSum {
  const sum = new MapSum();
  for (const entry of entries) sum.add(entry);
  return sum;
}

sums('an entry counts up to the last whole minute at which it is alive', () => {
  const never = put();
  assert.equal(mapSumOf([never]).at(1_000_000_000), carriedHash(never));
  for (const [expiresAt, lastMinute] of [
    [MINUTE_MS - 1, 0],
    [MINUTE_MS, 0],
    [MINUTE_MS + 1, 1],
  ] as const) {
    const entry = put({ expiresAt });
    assert.equal(mapSumOf([entry]).at(lastMinute), carriedHash(entry));
    assert.equal(mapSumOf([entry]).at(lastMinute + 1), ZERO);
  }
});

sums('a tombstone never counts', () => {
  assert.equal(mapSumOf([tombstone()]).at(0), ZERO);
});

sums('what is taken out leaves no trace, at any minute', () => {
  const entries = [put({ expiresAt: 90_000 }), put({ seq: 2 })];
  const sum = mapSumOf(entries);
  for (const entry of entries) sum.remove(entry);
  for (const asOf of [0, 1, 2, 3]) assert.equal(sum.at(asOf), ZERO);
  assert.equal([...sum.byMinute()], [], 'no minute is stored for nothing');
});

sums('after any adding and taking out, the sum at any minute is that over what is left', () => {
  const held = keyOps(40).chain((ops) =>
    fc.record({ ops: fc.constant(ops), gone: fc.subarray(ops) }, { noNullPrototype: true }),
  );
  fc.assert(
    fc.property(held, fc.integer({ min: -1, max: 5 }), ({ ops, gone }, asOf) => {
      const sum = mapSumOf(ops);
      for (const entry of gone) sum.remove(entry);
      const left = ops.filter((entry) => !gone.includes(entry));
      assert.equal(sum.at(asOf), sumOver(left, asOf));
      assert.equal(sum.at(0), sumOver(left, 0));
    }),
    { numRuns: 500 },
  );
});

sums('two nodes that have collected different dead entries have the same sum', () => {
  fc.assert(
    fc.property(keyOps(), keyOps(), fc.integer({ min: 1, max: 3 }), (live, others, asOf) => {
      const dead = others.filter((entry) => isDead(entry, asOf * MINUTE_MS));
      assert.equal(mapSumOf([...live, ...dead]).at(asOf), mapSumOf(live).at(asOf));
    }),
  );
});

sums(
  'the minute of a digest is whole and lies at least so far ahead, but no minute further',
  () => {
    assert.is(minuteAhead(0, 0), 0);
    assert.is(minuteAhead(MINUTE_MS, 0), 1);
    assert.is(minuteAhead(MINUTE_MS + 1, 0), 2);
    assert.is(minuteAhead(MINUTE_MS, 500), 2);
    const time = fc.integer({ min: 0, max: 2 ** 42 });
    fc.assert(
      fc.property(time, fc.integer({ min: 0, max: 600_000 }), (nowMs, aheadMs) => {
        const minute = minuteAhead(nowMs, aheadMs);
        assert.ok(Number.isSafeInteger(minute));
        assert.ok(minute * MINUTE_MS >= nowMs + aheadMs);
        assert.ok((minute - 1) * MINUTE_MS < nowMs + aheadMs);
      }),
    );
  },
);

sums.run();
