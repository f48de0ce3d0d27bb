/** How long a loaded value is used, and when a new one is loaded. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CachedFacts,
  cachedText,
  readCached,
} from '../../../src/client/cached/cachedFacts.ts';
import { lifetimeOf, stepOf } from '../../../src/client/cached/freshness.ts';

const freshness = suite('freshness');

const facts = (parts: Partial<CachedFacts>): CachedFacts => ({
  atMs: 0,
  freshUntilMs: 1000,
  loadMs: 10,
  tags: new Map(),
  ...parts,
});

freshness('a fresh value is used, and a stale one only until there is a new one', () => {
  assert.is(stepOf(facts({}), 'fresh', 1, { nowMs: 0, random: 0 }), 'use');
  assert.is(stepOf(facts({}), 'fresh', 1, { nowMs: 1000, random: 0 }), 'useAndLoad');
  assert.is(stepOf(facts({}), 'stale', 1, { nowMs: 0, random: 0 }), 'useAndLoad');
  assert.is(stepOf(facts({ freshUntilMs: null }), 'fresh', 1, { nowMs: 9e9, random: 0.9 }), 'use');
  assert.is(stepOf(null, 'fresh', 1, { nowMs: 9e9, random: 0.9 }), 'use');
});

freshness(
  'of many calls shortly before the end, some load early, the more the slower it is',
  () => {
    const early = (nowMs: number, loadMs: number) =>
      Array.from({ length: 1000 }, (_, index) => index / 1000).filter(
        (random) => stepOf(facts({ loadMs }), 'fresh', 1, { nowMs, random }) === 'useAndLoad',
      ).length;
    assert.ok(early(990, 10) > early(950, 10));
    assert.ok(early(950, 50) > early(950, 10));
    assert.is(early(0, 10), 0);
  },
);

freshness('what is gone is never used, and what is fresh always', () => {
  const moment = fc.record({
    nowMs: fc.integer({ min: 0, max: 1e13 }),
    random: fc.double({ min: 0, max: 0.999999, noNaN: true }),
  });
  const given = fc.option(
    fc.record({
      atMs: fc.nat(),
      freshUntilMs: fc.option(fc.nat()),
      loadMs: fc.nat(),
      tags: fc.constant(new Map<string, string[]>()),
    }),
  );
  fc.assert(
    fc.property(given, moment, fc.double({ min: 0, max: 10, noNaN: true }), (known, now, early) => {
      assert.is(stepOf(known, 'gone', early, now), 'load');
      assert.is.not(stepOf(known, 'fresh', early, now), 'load');
      assert.is(stepOf(known, 'stale', early, now), 'useAndLoad');
      if (known?.freshUntilMs != null && now.nowMs >= known.freshUntilMs)
        assert.is(stepOf(known, 'fresh', early, now), 'useAndLoad');
      else assert.is(stepOf(known, 'fresh', 0, now), 'use');
    }),
  );
});

freshness(
  'no value is fresh for longer than ttlMs, nor kept for longer than staleMs after it',
  () => {
    const times = fc.integer({ min: 1, max: 1e13 });
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: 0, max: 1e13 }),
        part,
        part,
        (ttlMs, staleMs, jitter, random) => {
          const lifetime = lifetimeOf(ttlMs, staleMs, jitter, random);
          const { freshMs = 0, ttlMs: keptMs = 0 } = lifetime;
          assert.ok(freshMs !== null && freshMs >= 1 && freshMs <= ttlMs);
          assert.ok(freshMs >= Math.floor(ttlMs * (1 - jitter)));
          assert.ok(keptMs !== null && keptMs >= 1 && keptMs <= Math.min(1e13, freshMs + staleMs));
        },
      ),
    );
    assert.equal(lifetimeOf(null, 5, 1, 1), { freshMs: null, ttlMs: null });
  },
);

freshness('facts come back as they were written', () => {
  const written = fc.record({
    atMs: fc.nat(),
    freshUntilMs: fc.option(fc.nat()),
    loadMs: fc.nat(),
    tags: fc
      .array(fc.tuple(fc.string(), fc.array(fc.string())))
      .map((pairs) => new Map<string, readonly string[]>(pairs)),
  });
  fc.assert(
    fc.property(written, (given) => {
      const known = given.freshUntilMs === null ? { ...given, loadMs: 0 } : given;
      const read = readCached({ v: 1, cached: JSON.parse(cachedText(known)) });
      assert.equal({ ...read, tags: [...(read?.tags ?? [])] }, { ...known, tags: [...known.tags] });
    }),
  );
});

freshness('facts of any other form are none', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (cached) => {
      const read = readCached({ cached });
      assert.ok(read === null || Number.isSafeInteger(read.atMs));
    }),
  );
  for (const cached of [null, {}, { at: -1 }, { at: 1, tags: {} }, { at: 1, tags: [['a', 'b']] }])
    assert.is(readCached({ cached }), null);
  assert.is(readCached(null), null);
});

freshness.run();
