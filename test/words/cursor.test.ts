import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NOTHING_CLOSED } from '../../src/words/closed.ts';
import {
  decodeCursor,
  encodeCursor,
  encodeRelying,
  encodeToken,
  encodeWholeToken,
  MAX_CURSOR_LENGTH,
  MalformedCursorError,
  TokenWriter,
} from '../../src/words/cursor.ts';
import {
  compareExpiry,
  compareMarks,
  expiredBy,
  markOfClock,
  markOfEntry,
  NO_EXPIRIES,
} from '../../src/words/expiryMark.ts';
import { ZERO } from '../../src/words/hash.ts';
import { vector, wellFormedText } from '../support/generators.ts';
import { put } from '../support/ops.ts';
import { codePoint } from '../support/texts.ts';

const cursors = suite('cursors');

const isMalformed = (error: unknown): boolean => error instanceof MalformedCursorError;
const encoded = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

const mark = fc.record({
  untilMs: fc.nat(),
  upTo: fc.option(fc.record({ origin: wellFormedText, seq: fc.nat() }), { nil: null }),
});
const after = fc.option(fc.string({ unit: codePoint }), { nil: null });
const state = fc.option(fc.record({ after }), { nil: null });
const half = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const closed = fc.oneof(
  fc.constant(NOTHING_CLOSED),
  fc.record({ count: fc.integer({ min: 1 }), sum: fc.record({ high: half, low: half }) }),
);

cursors('every cursor comes back as it was, and fits into a URL as it is', () => {
  const told = vector.map((seqs) => new Map([...seqs].filter(([, seq]) => seq > 0)));
  const relies = told.filter((seqs) => seqs.size > 0);
  const fields = { cluster: wellFormedText, vector: told, closed, told: mark, state };
  const cursor = fc.oneof(fc.record(fields), fc.record({ ...fields, relies }));
  fc.assert(
    fc.property(cursor, (one) => {
      const text = encodeCursor(one);
      assert.match(text, /^[A-Za-z0-9_-]+$/);
      assert.equal(decodeCursor(text), plain(one));
    }),
    { numRuns: 300 },
  );
});

/** Without the null prototypes of fast-check's records. */
function plain<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Map) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)])) as T;
}

cursors('of a log of which it covers nothing, a cursor keeps nothing', () => {
  const text = encodeWholeToken(
    'c',
    new Map([
      ['a.1', 0],
      ['b.2', 3],
    ]),
    NOTHING_CLOSED,
  );
  assert.equal(decodeCursor(text).vector, new Map([['b.2', 3]]));
  const closed = { count: 1, sum: ZERO };
  const beside = decodeCursor(encodeWholeToken('c', new Map([['a.1', 0]]), closed));
  assert.is(beside.vector.get('a.1'), 0, 'it may be one of those that the pair stands for');
});

cursors('what a cursor relies on is added to what it did before', () => {
  const token = encodeToken('c', { origin: 'a.1', seq: 7 });
  const once = encodeRelying(token, new Map([['a.1', 8]]));
  const twice = encodeRelying(
    once,
    new Map([
      ['a.1', 5],
      ['b.2', 3],
    ]),
  );
  const relies = new Map([
    ['a.1', 8],
    ['b.2', 3],
  ]);
  assert.equal(decodeCursor(twice), { ...decodeCursor(token), relies });
});

cursors('a writer makes the token of each op, in whatever order clusters and origins come', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b'), wellFormedText);
  const op = fc.record({ cluster: name, origin: name, seq: fc.maxSafeNat() });
  fc.assert(
    fc.property(fc.array(op), (ops) => {
      const writer = new TokenWriter();
      for (const { cluster, ...id } of ops)
        assert.is(writer.token(cluster, id), encodeToken(cluster, id));
    }),
  );
});

cursors('a token is a cursor with one entry, or with all of them, that was told no expiry', () => {
  const one = decodeCursor(encodeToken('c', { origin: 'a.1', seq: 7 }));
  assert.equal(one, {
    cluster: 'c',
    vector: new Map([['a.1', 7]]),
    closed: NOTHING_CLOSED,
    told: NO_EXPIRIES,
    state: null,
  });
  const all = new Map([
    ['a.1', 7],
    ['__proto__', 2],
  ]);
  assert.equal(decodeCursor(encodeWholeToken('c', all, NOTHING_CLOSED)).vector, all);
});

cursors('a cursor of three nodes takes less than 220 characters, whoever was closed', () => {
  const origins = ['node1.abcdef', 'node2.abcdef', 'node3.abcdef'];
  const cursor = {
    cluster: '0123456789abcdef',
    vector: new Map(origins.map((origin) => [origin, 1_000_000])),
    closed: { count: 2000, sum: { high: 2 ** 32 - 1, low: 1 } },
    told: { untilMs: 1_795_000_000_000, upTo: { origin: 'node1.abcdef', seq: 1_000_000 } },
    state: null,
  };
  assert.ok(encodeCursor(cursor).length < 220);
  assert.ok(encodeCursor({ ...cursor, closed: NOTHING_CLOSED }).length < 200);
});

cursors('what no node makes is refused', () => {
  const good = [1, 'c', { a: 1 }, 5];
  decodeCursor(encoded(good));
  for (const wrong of [
    '',
    ' ',
    '%',
    'é',
    `${encoded(good)}=`,
    `${encoded(good)}\n`,
    Buffer.from('[1').toString('base64url'),
    Buffer.from([0x5b, 0xff, 0x5d]).toString('base64url'),
    ...[
      null,
      {},
      [],
      [2, 'c', {}, 5],
      ['1', 'c', {}, 5],
      [1, 5, {}, 5],
      [1, 'c', [], 5],
      [1, 'c', null, 5],
      [1, 'c', { a: -1 }, 5],
      [1, 'c', { a: 1.5 }, 5],
      [1, 'c', { a: '1' }, 5],
      [1, 'c', {}],
      [1, 'c', {}, -1],
      [1, 'c', {}, 5, 'a'],
      [1, 'c', {}, 5, null, 1],
      [1, 'c', {}, 5, 'a', 1, 2],
      [1, 'c', {}, 5, null, null, 1],
      [1, 'c', {}, 5, null, null, 'key', 0],
      [1, 'c', {}, 5, null, null, []],
      [1, 'c', {}, 5, null, null, ['a', 'b']],
      [1, 'c', {}, 5, null, null, [1]],
      [3],
      [3, good],
      [3, good, { a: -1 }],
      [3, good, {}, 5],
      [3, [3, good, {}], {}],
      [3, 'c', {}],
    ].map(encoded),
    'A'.repeat(MAX_CURSOR_LENGTH + 4),
  ])
    assert.throws(() => decodeCursor(wrong), isMalformed, wrong);
});

cursors('a place in the state of 0.2.0 is taken where both orders of keys agree', () => {
  const old = (key: string): string => encoded([1, 'c', { a: 1 }, 5, null, null, key]);
  assert.equal(decodeCursor(old('user/é\ud7ff')).state, { after: 'user/é\ud7ff' });
  for (const key of ['a\ue000', 'a\u{1f600}b'])
    assert.throws(() => decodeCursor(old(key)), isMalformed, key);
});

cursors('no text makes it throw anything else', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json().map((json) => Buffer.from(json).toString('base64url')),
  );
  fc.assert(
    fc.property(text, (one) => {
      try {
        decodeCursor(one);
      } catch (error) {
        if (!isMalformed(error)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

cursors.run();

const marks = suite('marks of expiries');

const entry = fc
  .record({ expiresAt: fc.nat(3), seq: fc.nat(3), origin: fc.constantFrom('a.1', 'b.1') })
  .map((fields) => put({ ...fields }));

marks('a mark stands for its entry and for all that expire before it, on every node alike', () => {
  fc.assert(
    fc.property(entry, entry, (one, other) => {
      const order = compareExpiry(one, other);
      assert.is(expiredBy(markOfEntry(other), one), order <= 0);
      assert.is(Math.sign(compareMarks(markOfEntry(one), markOfEntry(other))), Math.sign(order));
    }),
    { numRuns: 300 },
  );
});

marks('the mark of a clock stands for what has expired by it, and no more', () => {
  assert.is(expiredBy(markOfClock(10), put({ expiresAt: 10 })), true);
  assert.is(expiredBy(markOfClock(10), put({ expiresAt: 11 })), false);
  assert.is(expiredBy(markOfClock(10), put({ expiresAt: null })), false);
  assert.ok(compareMarks(markOfEntry(put({ expiresAt: 10 })), markOfClock(10)) < 0);
  assert.ok(compareMarks(markOfClock(9), markOfEntry(put({ expiresAt: 10 }))) < 0);
  assert.ok(compareMarks(NO_EXPIRIES, markOfEntry(put({ expiresAt: 0 }))) < 0);
});

marks.run();
