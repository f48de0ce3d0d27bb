import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  admitsVersion,
  compareOps,
  formatOpId,
  generationFor,
  isDead,
  isOnKey,
  type KeyOp,
  LAST_VERSION,
  MAX_COUNTER,
  MAX_GENERATION,
  MAX_PUT_VERSION,
} from '../../src/words/op.ts';
import { keyOp } from '../support/generators.ts';
import { changed, membership, put, tombstone } from '../support/ops.ts';

const NOW = 1_000;
const live = put({ version: 5, generation: 2 });
const expired = changed(live, { expiresAt: NOW });
const deleted = tombstone({ version: LAST_VERSION, generation: 2 });

const order = suite('order of ops (rule 1)');

order('generation comes before version, kind, hlc, origin and seq, in that order', () => {
  const rising: KeyOp[] = [
    put({ generation: 0, version: 0, hlc: 1, origin: 'a.1', seq: 1 }),
    put({ generation: 0, version: 0, hlc: 1, origin: 'a.1', seq: 2 }),
    put({ generation: 0, version: 0, hlc: 1, origin: 'b.1', seq: 1 }),
    put({ generation: 0, version: 0, hlc: 2, origin: 'a.1', seq: 1 }),
    tombstone({ generation: 0, version: 0, hlc: 1, origin: 'a.1', seq: 1 }),
    put({ generation: 0, version: 1, hlc: 1, origin: 'a.1', seq: 1 }),
    put({ generation: 0, version: MAX_PUT_VERSION, hlc: 1, origin: 'a.1', seq: 1 }),
    tombstone({ generation: 0, version: LAST_VERSION, hlc: 1, origin: 'a.1', seq: 1 }),
    put({ generation: 1, version: 0, hlc: 1, origin: 'a.1', seq: 1 }),
  ];
  for (const [index, op] of rising.entries())
    for (const [otherIndex, other] of rising.entries())
      assert.is(Math.sign(compareOps(op, other)), Math.sign(index - otherIndex));
});

order('origins are compared by code units and seqs as numbers', () => {
  assert.ok(compareOps(put({ origin: 'B.1' }), put({ origin: 'a.1' })) < 0);
  assert.ok(compareOps(put({ seq: 9 }), put({ seq: 10 })) < 0);
});

order('what the value, the expiry and the meta are does not count', () => {
  assert.is(compareOps(live, changed(live, { value: '2', expiresAt: 9, meta: '{}' })), 0);
});

order('of any two ops either is greater, or they are the same op', () => {
  fc.assert(
    fc.property(keyOp, keyOp, (a, b) => {
      assert.is(Math.sign(compareOps(a, b)), 0 - Math.sign(compareOps(b, a)));
      const rank = ({ generation, version, kind, hlc, origin, seq }: KeyOp) =>
        JSON.stringify([generation, version, kind, hlc, origin, seq]);
      assert.is(compareOps(a, b) === 0, rank(a) === rank(b));
    }),
    { numRuns: 2000 },
  );
});

order('the order is transitive', () => {
  fc.assert(
    fc.property(fc.array(keyOp, { minLength: 3, maxLength: 8 }), (ops) => {
      const sorted = [...ops].sort(compareOps);
      for (const [index, op] of sorted.entries())
        for (const later of sorted.slice(index)) assert.ok(compareOps(op, later) <= 0);
    }),
    { numRuns: 1000 },
  );
});

order.run();

const versions = suite('versions, generations and death (rules 2 to 4)');

versions('an entry is dead from the very millisecond of its expiry', () => {
  assert.not.ok(isDead(expired, NOW - 1));
  assert.ok(isDead(expired, NOW));
  assert.ok(isDead(expired, NOW + 1));
});

versions('a tombstone is dead at any time, an entry without expiry at none', () => {
  assert.ok(isDead(deleted, 0));
  assert.not.ok(isDead(live, Number.MAX_SAFE_INTEGER));
});

versions('over a live entry only a greater version is admitted', () => {
  assert.not.ok(admitsVersion(live, 4, NOW));
  assert.not.ok(admitsVersion(live, 5, NOW));
  assert.ok(admitsVersion(live, 6, NOW));
});

versions('over an absent or dead entry any version is admitted', () => {
  for (const entry of [undefined, expired, deleted])
    for (const version of [0, 5, MAX_PUT_VERSION]) assert.ok(admitsVersion(entry, version, NOW));
});

versions('an op over a live entry keeps its generation, whatever the horizon', () => {
  assert.is(generationFor(live, 0, NOW), 2);
  assert.is(generationFor(live, 9, NOW), 2);
});

versions(
  'an op over a dead entry takes the next generation, or the horizon where that is greater',
  () => {
    for (const entry of [expired, deleted]) {
      assert.is(generationFor(entry, 0, NOW), 3);
      assert.is(generationFor(entry, 3, NOW), 3);
      assert.is(generationFor(entry, 9, NOW), 9);
    }
  },
);

versions('an op on a key without an entry takes the horizon as its generation', () => {
  assert.is(generationFor(undefined, 0, NOW), 0);
  assert.is(generationFor(undefined, 7, NOW), 7);
});

versions('an admitted op, in the generation that it gets, beats the entry', () => {
  const clock = fc.integer({ min: 0, max: 200_000 });
  const horizon = fc.integer({ min: 0, max: 5 });
  const version = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(keyOp, clock, horizon, version, (entry, nowMs, atHorizon, wanted) => {
      const generation = generationFor(entry, atHorizon, nowMs);
      if (admitsVersion(entry, wanted, nowMs))
        assert.ok(compareOps(put({ generation, version: wanted }), entry) > 0);
      const ending = tombstone({ generation, version: LAST_VERSION, hlc: entry.hlc + 1 });
      assert.ok(compareOps(ending, entry) > 0);
    }),
    { numRuns: 1000 },
  );
});

versions('puts and deletes are on a key, joins and retires are not', () => {
  assert.equal([put(), tombstone(), membership(), membership({ kind: 'retire' })].map(isOnKey), [
    true,
    true,
    false,
    false,
  ]);
});

versions('an op id is shown as origin and seq', () => {
  assert.is(formatOpId({ origin: 'node1.abc', seq: 12 }), 'node1.abc/12');
});

versions(
  'generations end with the counters: none is above, and a dead entry of the last one is beaten by version',
  () => {
    const last = tombstone({ generation: MAX_GENERATION, version: 7 });
    for (const entry of [last, undefined])
      assert.is(generationFor(entry, MAX_COUNTER + 1, NOW), MAX_GENERATION);
    assert.not(admitsVersion(last, 7, NOW));
    assert.ok(admitsVersion(last, 8, NOW));
    assert.ok(admitsVersion(tombstone({ generation: MAX_GENERATION - 1, version: 7 }), 0, NOW));
  },
);

versions.run();
