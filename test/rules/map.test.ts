import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EntryMap } from '../../src/rules/map.ts';
import { ZERO } from '../../src/words/hash.ts';
import { compareOps, isDead, type KeyOp } from '../../src/words/op.ts';
import { key, keyOp, keyOps } from '../support/generators.ts';
import { changed, naiveFold, put, tombstone } from '../support/ops.ts';

const folding = suite('folding into the map');

function mapOf(ops: readonly KeyOp[]): EntryMap {
  const map = new EntryMap();
  for (const op of ops) map.fold(op);
  return map;
}

const keysOf = (entries: readonly KeyOp[]): string[] => entries.map((entry) => entry.key);

/** The entries by key, for comparison. */
const entriesOf = (map: EntryMap): KeyOp[] =>
  [...map.entries()].sort((a, b) => (a.key < b.key ? -1 : 1));

folding('a greater op takes the place of the entry, and a smaller one leaves it', () => {
  const [older, newer] = [put({ version: 1 }), put({ version: 2, seq: 2 })];
  const map = new EntryMap();
  assert.is(map.fold(older), true);
  assert.is(map.fold(newer), true);
  assert.is(map.fold(older), false);
  assert.is(map.get('key'), newer);
  assert.is(map.size, 1);
});

folding('the same op again changes nothing', () => {
  const map = mapOf([put()]);
  assert.is(map.fold(put()), false);
  assert.is(map.size, 1);
});

folding('a tombstone is an entry that reads as absent', () => {
  const map = mapOf([put(), tombstone({ version: 9 })]);
  assert.is(map.live('key', 0), undefined);
  assert.is(map.get('key')?.kind, 'delete');
  assert.is(map.size, 1);
  assert.is(map.deadSize, 1);
});

folding('an entry reads as absent from its expiry on, swept or not', () => {
  const map = mapOf([put({ expiresAt: 1000 })]);
  assert.is(map.live('key', 999)?.version, 1);
  assert.is(map.live('key', 1000), undefined);
  assert.is(map.get('key')?.version, 1);
});

folding('a put of a later generation brings a dead key back', () => {
  const map = mapOf([put({ expiresAt: 1000, version: 7 })]);
  map.sweep(1000, 10);
  assert.is(map.deadSize, 1);
  map.fold(put({ generation: 1, version: 1, seq: 2 }));
  assert.is(map.deadSize, 0);
  assert.is(map.live('key', 2000)?.version, 1);
  assert.is(map.list('', null, 10, 2000).entries.length, 1);
});

folding('keys that objects have by themselves are keys like any other', () => {
  for (const name of ['__proto__', 'constructor', 'toString', '']) {
    const map = new EntryMap();
    assert.is(map.get(name), undefined);
    map.fold(put({ key: name }));
    assert.is(map.live(name, 0)?.key, name);
  }
});

folding(
  'the map is the greatest op of each key, in whatever order and however often ops come',
  () => {
    const shuffledTwice = keyOps().chain((ops) =>
      fc.record({
        ops: fc.constant(ops),
        once: fc.shuffledSubarray(ops, { minLength: ops.length }),
        again: fc.shuffledSubarray(ops),
      }),
    );
    fc.assert(
      fc.property(shuffledTwice, ({ ops, once, again }) => {
        const expected = [...naiveFold(ops).values()].sort((a, b) => (a.key < b.key ? -1 : 1));
        assert.equal(entriesOf(mapOf(ops)), expected);
        assert.equal(entriesOf(mapOf([...once, ...again])), expected);
      }),
      { numRuns: 500 },
    );
  },
);

folding('the map sum is the same in whatever order ops come', () => {
  const shuffled = keyOps().chain((ops) =>
    fc.tuple(fc.constant(ops), fc.shuffledSubarray(ops, { minLength: ops.length })),
  );
  const minute = fc.integer({ min: -1, max: 5 });
  fc.assert(
    fc.property(shuffled, minute, ([ops, other], asOf) => {
      assert.equal(mapOf(ops).sumAt(asOf), mapOf(other).sumAt(asOf));
    }),
  );
});

folding.run();

const listing = suite('listing the map');

listing('entries come in the order of their code units, and only those with the prefix', () => {
  const keys = ['b', 'a', 'a/1', 'a/10', 'a/2', 'A', '\ufb01', '\u{1f600}'];
  const map = mapOf(keys.map((name) => put({ key: name })));
  const list = (prefix: string) => keysOf(map.list(prefix, null, 10, 0).entries);
  // An emoji is a pair of surrogates, and so below U+FB01.
  assert.equal(list(''), ['A', 'a', 'a/1', 'a/10', 'a/2', 'b', '\u{1f600}', '\ufb01']);
  assert.equal(list('a/'), ['a/1', 'a/10', 'a/2']);
  assert.equal(list('c'), []);
});

listing('a page ends at its limit and says where the next one starts', () => {
  const map = mapOf(['a', 'b', 'c'].map((name) => put({ key: name })));
  const first = map.list('', null, 2, 0);
  assert.equal([keysOf(first.entries), first.next], [['a', 'b'], 'b']);
  const second = map.list('', first.next, 2, 0);
  assert.equal([keysOf(second.entries), second.next], [['c'], null]);
});

listing('a page that ends with the last entry says that there are no more', () => {
  const map = mapOf([put({ key: 'a' }), put({ key: 'b' }), put({ key: 'c', expiresAt: 1 })]);
  assert.is(map.list('', null, 2, 5).next, null);
});

listing('a page starts after a key that is gone, or lies outside the prefix', () => {
  const map = mapOf(['a/1', 'a/3', 'b'].map((name) => put({ key: name })));
  const list = (after: string) => keysOf(map.list('a/', after, 10, 0).entries);
  assert.equal(list('a/2'), ['a/3']);
  assert.equal(list('a'), ['a/1', 'a/3']);
  assert.equal(list('b'), []);
});

listing.run();

const keeping = suite('the map beside a naive one');

/** The acts of a test on both maps. */
type Step =
  | { readonly fold: KeyOp }
  | { readonly laterMs: number; readonly limit: number }
  | { readonly drop: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ fold: keyOp }) },
  {
    weight: 2,
    arbitrary: fc.record({
      laterMs: fc.integer({ min: 0, max: 100_000 }),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ drop: key }) },
);

/** A map that looks at everything each time, and remembers what it was told is swept. */
class NaiveMap {
  readonly entries = new Map<string, KeyOp>();
  readonly swept = new Set<KeyOp>();
  nowMs = 0;

  fold(op: KeyOp): boolean {
    const entry = this.entries.get(op.key);
    if (entry !== undefined && compareOps(op, entry) <= 0) return false;
    this.entries.set(op.key, op);
    return true;
  }

  expired(): KeyOp[] {
    return [...this.entries.values()].filter(
      (entry) => entry.kind === 'put' && isDead(entry, this.nowMs) && !this.swept.has(entry),
    );
  }

  drop(name: string): void {
    const entry = this.entries.get(name);
    if (entry !== undefined) this.swept.delete(entry);
    this.entries.delete(name);
  }

  deadKeys(): string[] {
    return [...this.entries.values()]
      .filter((entry) => entry.kind === 'delete' || this.swept.has(entry))
      .map((entry) => entry.key)
      .sort();
  }

  list(prefix: string, after: string | null, limit: number, nowMs: number) {
    const all = [...this.entries.values()]
      .filter((entry) => entry.key.startsWith(prefix) && !isDead(entry, nowMs))
      .filter((entry) => !this.swept.has(entry) && (after === null || entry.key > after))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const entries = all.slice(0, limit);
    return { entries, next: all.length > limit ? (entries.at(-1)?.key ?? null) : null };
  }
}

keeping('folds, sweeps and drops leave what a naive map holds, lists and counts as dead', () => {
  const reading = fc.record({
    prefix: fc.constantFrom('', 'a', 'ab', 'b'),
    after: fc.option(key, { nil: null }),
    limit: fc.integer({ min: 1, max: 3 }),
    laterMs: fc.integer({ min: 0, max: 100_000 }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      reading,
      (steps, { prefix, after, limit, laterMs }) => {
        const [map, naive] = [new EntryMap(), new NaiveMap()];
        for (const one of steps) {
          take(map, naive, one);
          assert.equal(entriesOf(map), entriesOf(mapOf([...naive.entries.values()])));
          assert.equal(keysOf(map.examineDead(100)).sort(), naive.deadKeys());
          assert.is(map.deadSize, naive.deadKeys().length);
        }
        const nowMs = naive.nowMs + laterMs;
        const expected = naive.list(prefix, after, limit, nowMs);
        assert.equal(map.list(prefix, after, limit, nowMs), expected);
        const left = [...naive.entries.values()];
        assert.equal(map.sumAt(2), mapOf(left).sumAt(2));
      },
    ),
    { numRuns: 1000 },
  );
});

function take(map: EntryMap, naive: NaiveMap, one: Step): void {
  if ('fold' in one) {
    assert.is(map.fold(one.fold), naive.fold(one.fold));
  } else if ('drop' in one) {
    map.drop(one.drop);
    naive.drop(one.drop);
  } else {
    naive.nowMs += one.laterMs;
    const expired = naive.expired();
    const swept = map.sweep(naive.nowMs, one.limit).expired;
    assert.is(swept.length, Math.min(one.limit, expired.length));
    for (const entry of swept) {
      assert.ok(expired.includes(entry));
      naive.swept.add(entry);
    }
  }
}

keeping('what is swept stays an entry, and is swept once', () => {
  const map = mapOf([put({ key: 'a', expiresAt: 10 }), put({ key: 'b', expiresAt: 11 })]);
  assert.equal(keysOf(map.sweep(10, 5).expired), ['a']);
  assert.equal(map.sweep(10, 5).expired, []);
  assert.is(map.size, 2);
});

keeping(
  'what a sweep by a clock ahead has taken is listed again, and swept when its time comes',
  () => {
    const entries = [10, 20, 30].map((expiresAt) => put({ key: `k${expiresAt}`, expiresAt }));
    const map = mapOf(entries);
    assert.is(map.sweep(1000, 2).expired.length, 2);
    assert.equal(keysOf(map.list('', null, 9, 15).entries), ['k20', 'k30']);
    assert.equal(keysOf(map.sweep(15, 9).expired), []);
    assert.equal(keysOf(map.examineDead(9)), ['k10']);
    assert.equal(map.sweep(25, 9).expired, [entries[1]]);
    assert.equal(map.sweep(30, 9).expired, [entries[2]]);
  },
);

keeping('a key that was put again or dropped does not come back with the clock', () => {
  const map = mapOf([put({ key: 'a', expiresAt: 10 }), put({ key: 'b', expiresAt: 10 })]);
  map.sweep(1000, 9);
  map.fold(tombstone({ key: 'a', version: 9 }));
  map.drop('b');
  assert.equal(map.list('', null, 9, 5).entries, []);
  assert.equal(map.sweep(5, 9).expired, []);
  assert.equal(keysOf(map.examineDead(9)), ['a']);
});

keeping('whatever the clock does, a list shows the live entries, and no sweep takes one', () => {
  const clockMs = fc.integer({ min: 0, max: 200_000 });
  const sweep = fc.record({ nowMs: clockMs, limit: fc.integer({ min: 1, max: 3 }) });
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ fold: keyOp }) },
      { weight: 3, arbitrary: sweep },
      { weight: 1, arbitrary: fc.record({ drop: key }) },
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, fc.array(clockMs, { maxLength: 3 }), (taken, clocks) => {
      const map = new EntryMap();
      for (const one of taken) {
        if ('fold' in one) map.fold(one.fold);
        else if ('drop' in one) map.drop(one.drop);
        else
          for (const entry of map.sweep(one.nowMs, one.limit).expired)
            assert.is(isDead(entry, one.nowMs), true);
      }
      for (const nowMs of clocks) {
        const alive = entriesOf(map).filter((entry) => map.live(entry.key, nowMs) !== undefined);
        assert.equal(map.list('', null, 1000, nowMs).entries, alive);
      }
      // All that died is taken and examined in the end.
      const endMs = Number.MAX_SAFE_INTEGER;
      map.sweep(endMs, 1000);
      const dead = entriesOf(map).filter((entry) => isDead(entry, endMs));
      assert.equal(keysOf(map.examineDead(1000)).sort(), keysOf(dead));
    }),
    { numRuns: 1000 },
  );
});

keeping('of dead entries those looked at longest ago come first, a few at a time', () => {
  const map = mapOf(['a', 'b', 'c'].map((name) => tombstone({ key: name })));
  assert.equal(keysOf(map.examineDead(2)), ['a', 'b']);
  map.fold(tombstone({ key: 'd' }));
  assert.equal(keysOf(map.examineDead(2)), ['c', 'a']);
  map.drop('b');
  assert.equal(keysOf(map.examineDead(9)), ['d', 'c', 'a']);
});

keeping('a cleared map holds nothing of what it held', () => {
  const map = mapOf([put({ key: 'a', expiresAt: 10 }), put({ key: 'b' }), tombstone({ key: 'c' })]);
  map.clear();
  assert.is(map.size, 0);
  assert.is(map.deadSize, 0);
  assert.equal(map.list('', null, 5, 0).entries, []);
  assert.equal(map.sweep(10, 5).expired, []);
  assert.equal(map.sumAt(0), ZERO);
});

keeping('what was dropped can come again', () => {
  const op = put({ expiresAt: 10 });
  const map = mapOf([op]);
  map.sweep(10, 5);
  map.drop('key');
  map.drop('key');
  assert.is(map.size, 0);
  assert.is(map.deadSize, 0);
  assert.is(map.fold(changed(op, { expiresAt: 20 })), true);
  assert.equal(map.sweep(20, 5).expired.length, 1);
});

keeping.run();
