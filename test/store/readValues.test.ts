/** Values kept ready for the program around a node, beside a plain map of what its reads must give. */
import v8 from 'node:v8';
import vm from 'node:vm';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { ReadValues } from '../../src/store/readValues.ts';
import type { Put } from '../../src/words/op.ts';
import { KIB, MIB } from '../../src/words/size.ts';
import { put, tombstone } from '../support/ops.ts';

const SEED = { first: 1, second: 2 };
const newMap = (): PagedEntries => new PagedEntries({ seed: SEED });
const noClock = (): number => {
  throw new Error('the clock is asked only of an entry that expires');
};

function kept(value: unknown, fields: Partial<Put> = {}, maxBytes = MIB) {
  const map = newMap();
  const values = new ReadValues(map, maxBytes);
  const op = put({ value: JSON.stringify(value), ...fields });
  map.fold(op, 1);
  values.keep(op);
  return { map, values };
}

const test = suite('values kept ready');

const VALUES: readonly unknown[] = [
  null,
  false,
  0,
  -1.5,
  '',
  'é\u4e00\ud83d\ude00',
  [],
  {},
  [[], [[1, { a: [2] }]], null],
  { b: 1, a: { toString: { valueOf: 'x' } }, 7: [], '': '' },
];

test('each read gives an equal value of its own', () => {
  for (const value of VALUES) {
    const { values } = kept(value);
    const [one, other] = [values.get('key', noClock), values.get('key', noClock)];
    assert.equal(one, { value, version: 1, expiresAt: null });
    assert.is(JSON.stringify(one?.value), JSON.stringify(value), 'in the same order');
    assert.equal(other, one);
    if (typeof value === 'object' && value !== null) assert.is.not(one?.value, other?.value);
  }
});

test('what a caller does to its value no other one sees', () => {
  const value = { list: [{ a: 1 }], inner: { b: [2] } };
  const { values } = kept(value);
  const mine = values.get('key', noClock)?.value as typeof value;
  mine.list[0] = { a: 9 };
  mine.list.push({ a: 8 });
  mine.inner.b[0] = 7;
  assert.equal(values.get('key', noClock)?.value, value);
});

test('a value is kept until the instant of its expiry', () => {
  const { values } = kept(1, { expiresAt: 1000 });
  assert.equal(
    [999, 1000, 1001, 999].map((nowMs) => values.get('key', () => nowMs)?.expiresAt),
    [1000, undefined, undefined, 1000],
  );
});

test('every change of a key forgets its value, and no other one', () => {
  const changes: readonly ((map: PagedEntries) => void)[] = [
    (map) => map.fold(put({ version: 2, seq: 2 }), 2),
    (map) => map.fold(put({ expiresAt: 5, hlc: 2_000_000, seq: 2 }), 2),
    (map) => map.fold(tombstone({ version: 2, seq: 2 }), 2),
    (map) => map.drop('key'),
  ];
  for (const change of changes) {
    const { map, values } = kept('old');
    const other = put({ key: 'other', value: '"other"' });
    map.fold(other, 9);
    values.keep(other);
    change(map);
    assert.is(values.get('key', noClock), undefined);
    assert.is(values.get('other', noClock)?.value, 'other');
  }
});

test('an op that loses forgets nothing', () => {
  const { map, values } = kept('present', { version: 2 });
  map.fold(put({ version: 1, seq: 9 }), 2);
  assert.is(values.get('key', noClock)?.value, 'present');
});

test('a map without entries leaves no values', () => {
  const { map, values } = kept(1);
  map.clear();
  assert.is(values.get('key', noClock), undefined);
  assert.equal([values.size, values.bytes], [0, 0]);
});

test('values that can not be copied as they are, and those with annotations, are parsed each time', () => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const texts = ['{"__proto__":{"a":1}}', '[{"a":{"__proto__":1}}]', deep(33), 'no JSON'];
  for (const value of texts) {
    const { values } = kept(null, { value });
    assert.is(values.get('key', noClock), undefined, value);
    assert.is(values.bytes, 0);
  }
  assert.is(kept(1, { meta: '"bytes"' }).values.size, 0);
  assert.is(kept(null, { value: deep(32) }).values.size, 1);
});

test('a bound of 0 keeps nothing, and no value takes more than its share of a bound', () => {
  assert.is(kept(1, {}, 0).values.size, 0);
  const share = KIB;
  assert.is(kept('x'.repeat(share / 2), {}, 64 * share).values.size, 1);
  assert.is(kept('x'.repeat(share), {}, 64 * share).values.size, 0);
  assert.is(kept('é'.repeat(share / 4), {}, 64 * share).values.size, 1);
  assert.is(kept('\u4e00'.repeat(share / 2), {}, 64 * share).values.size, 0);
});

test('what is asked for stays while a walk over more keys than fit goes by', () => {
  const maxBytes = 64 * KIB;
  const map = newMap();
  const values = new ReadValues(map, maxBytes);
  const finds = (key: string): boolean => {
    if (values.get(key, noClock) !== undefined) return true;
    values.keep(put({ key, value: '1' }));
    return false;
  };
  const wanted = Array.from({ length: 16 }, (_, index) => `wanted${index}`);
  let [full, missed] = [0, 0];
  for (let index = 0; index < 50_000; index++) {
    for (const key of wanted) if (!finds(key)) missed++;
    finds(`walked${index}`);
    assert.ok(values.bytes <= maxBytes);
    full = Math.max(full, values.bytes);
  }
  assert.ok(full > 0.95 * maxBytes, `the bound is reached: ${full}`);
  assert.ok(missed < 100, `${missed} times`);
});

test('a walk that comes again finds some of what did not fit', () => {
  const values = new ReadValues(newMap(), 64 * KIB);
  let found = 0;
  for (let round = 0; round < 30; round++) {
    found = 0;
    for (let index = 0; index < 650; index++) {
      const key = `walked${index}`;
      if (values.get(key, noClock) === undefined) values.keep(put({ key, value: '1' }));
      else found++;
    }
  }
  assert.ok(found > 100, `${found} of 650`);
});

test('new values come in once others are wanted no more', () => {
  const map = newMap();
  const values = new ReadValues(map, 64 * KIB);
  const readAll = (name: string): number => {
    let found = 0;
    for (let index = 0; index < 200; index++) {
      const key = `${name}${index}`;
      if (values.get(key, noClock) !== undefined) found++;
      else values.keep(put({ key, value: '1' }));
    }
    return found;
  };
  for (const name of ['first', 'second', 'third']) {
    let found = 0;
    for (let round = 0; round < 100; round++) found = readAll(name);
    assert.is(found, 200, name);
  }
});

interface Shown {
  readonly value: string;
  readonly version: number;
  readonly expiresAt: number | null;
}

const NAMES = 120;
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      putFrom: fc.nat(NAMES - 1),
      count: fc.nat(40),
      length: fc.nat(250),
      ttlMs: fc.option(fc.integer({ min: 1, max: 3000 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      touch: fc.nat(NAMES - 1),
      ttlMs: fc.option(fc.integer({ min: 1, max: 3000 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(NAMES - 1) }) },
  { weight: 1, arbitrary: fc.record({ late: fc.nat(NAMES - 1) }) },
  { weight: 1, arbitrary: fc.record({ clockMs: fc.integer({ min: -1500, max: 1500 }) }) },
  { weight: 1, arbitrary: fc.record({ sweep: fc.integer({ min: 1, max: 50 }) }) },
  { weight: 1, arbitrary: fc.record({ collect: fc.nat(NAMES - 1) }) },
  { weight: 9, arbitrary: fc.record({ readFrom: fc.nat(NAMES - 1), count: fc.nat(80) }) },
);

test('reads give what a plain map gives, whatever is put, deleted, touched, collected, or the time', () => {
  let mostBytes = 0;
  const maxBytes = 32 * KIB;
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 160, size: 'max' }), (steps) => {
      const map = newMap();
      const values = new ReadValues(map, maxBytes);
      const plain = new Map<string, Shown>();
      let [seq, nowMs] = [0, 10_000];
      const clock = (): number => nowMs;
      const born = (key: string) => ({ key, seq: ++seq, hlc: seq });
      const liveOf = (key: string): Shown | undefined => {
        const shown = plain.get(key);
        return shown === undefined || (shown.expiresAt !== null && shown.expiresAt <= nowMs)
          ? undefined
          : shown;
      };
      const set = (key: string, shown: Shown): void => {
        plain.set(key, shown);
        map.fold(put({ ...born(key), ...shown }), seq);
      };
      const check = (key: string): void => {
        let read = values.get(key, clock);
        if (read === undefined) {
          const entry = map.live(key, nowMs);
          if (entry?.value !== undefined) {
            values.keep(entry);
            read = { ...entry, value: JSON.parse(entry.value) };
          }
        }
        const wanted = liveOf(key);
        assert.equal(
          read && [JSON.stringify(read.value), read.version, read.expiresAt],
          wanted && [wanted.value, wanted.version, wanted.expiresAt],
        );
        // As a caller may, who has a value of its own.
        if (Array.isArray(read?.value)) read.value.fill('changed');
      };
      for (const one of steps) {
        if ('putFrom' in one) {
          const expiresAt = one.ttlMs === null ? null : nowMs + one.ttlMs;
          for (let index = 0; index < one.count; index++) {
            const key = `key${(one.putFrom + index) % NAMES}`;
            const value = JSON.stringify([`${seq}${'v'.repeat(one.length)}`]);
            set(key, { value, version: (plain.get(key)?.version ?? 0) + 1, expiresAt });
          }
        } else if ('touch' in one) {
          const key = `key${one.touch}`;
          const shown = liveOf(key);
          const expiresAt = one.ttlMs === null ? null : nowMs + one.ttlMs;
          if (shown !== undefined) set(key, { ...shown, expiresAt });
        } else if ('remove' in one) {
          const key = `key${one.remove}`;
          const version = (plain.get(key)?.version ?? 0) + 1;
          map.fold(tombstone({ ...born(key), version }), seq);
          plain.set(key, { value: '', version, expiresAt: Number.NEGATIVE_INFINITY });
        } else if ('late' in one) {
          const key = `key${one.late}`;
          // An op that loses against every other one: only where there is none it shows.
          const lost = put({ ...born(key), version: 0, value: '["late"]' });
          if (map.fold(lost, seq))
            plain.set(key, { value: lost.value, version: 0, expiresAt: null });
        } else if ('clockMs' in one) nowMs += one.clockMs;
        else if ('sweep' in one) map.sweep(nowMs, one.sweep);
        else if ('collect' in one) {
          const key = `key${one.collect}`;
          if (liveOf(key) !== undefined) continue;
          map.drop(key);
          plain.delete(key);
        } else {
          for (let index = 0; index < one.count; index++)
            check(`key${(one.readFrom + index) % NAMES}`);
        }
        mostBytes = Math.max(mostBytes, values.bytes);
        assert.ok(values.bytes <= maxBytes, `${values.bytes} bytes`);
      }
      for (let index = 0; index < NAMES; index++) check(`key${index}`);
    }),
    { numRuns: 200 },
  );
  assert.ok(mostBytes > 0.95 * maxBytes, `the bound is reached: ${mostBytes}`);
});

test('the heap takes no more than the bytes that are counted', () => {
  v8.setFlagsFromString('--expose-gc');
  const collect: () => void = vm.runInNewContext('gc');
  const shapes: readonly ((index: number) => unknown)[] = [
    () => ({ text: 'x'.repeat(86) }),
    (index) => index % 2 === 0,
    () => Array.from({ length: 30 }, () => []),
    (index) => Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${index}.${at}.x`, at])),
    (index) => ({ [`k${index}`]: index + 0.5 }),
    (index) => ({ text: '\u4e00'.repeat(50), at: index }),
  ];
  const fill = (make: (index: number) => unknown): { values: ReadValues; grewBytes: number } => {
    collect();
    const before = process.memoryUsage().heapUsed;
    const values = new ReadValues(newMap(), 4 * MIB);
    for (let index = 0, size = -1; values.size > size; index++) {
      size = values.size;
      values.keep(put({ key: `key${index}`, value: JSON.stringify(make(index)) }));
    }
    collect();
    return { values, grewBytes: process.memoryUsage().heapUsed - before };
  };
  for (const make of shapes) {
    const { values, grewBytes } = fill(make);
    assert.ok(values.bytes > 3.9 * MIB);
    assert.ok(grewBytes < values.bytes * 1.1, `${make}: ${grewBytes} of ${values.bytes}`);
  }
});

test.run();
