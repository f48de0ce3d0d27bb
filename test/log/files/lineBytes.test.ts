/** Lines as bytes are those of the texts. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LineBytes } from '../../../src/log/files/lineBytes.ts';
import { headLine, rowLine } from '../../../src/log/tools/rowLine.ts';
import type { Op } from '../../../src/words/op.ts';
import type { Row } from '../../../src/words/row.ts';
import { MIB } from '../../../src/words/size.ts';
import { headOfRow } from '../tools/memorySource.ts';

const test = suite('lines as bytes');

const count = fc.oneof(
  fc.maxSafeNat(),
  fc.nat({ max: 2000 }),
  fc.constantFrom(9, 10, 99_999_999, 100_000_000, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER),
);
const word = fc.nat({ max: 2 ** 32 - 1 });
const unit = fc.oneof(
  fc.constantFrom(
    '"',
    '\\',
    '\n',
    '\0',
    '\x1f',
    '\x7f',
    '\x80',
    '©',
    'ä',
    '\u2028',
    '😀',
    ' ',
    '~',
  ),
  fc.string({ minLength: 1, maxLength: 1 }),
);
const text = fc.oneof(
  fc.string({ unit, maxLength: 30 }),
  fc.string({ maxLength: 30 }),
  // About as long as a text that is escaped as a whole.
  fc
    .tuple(fc.constantFrom(250, 255, 256, 257, 5000), fc.string({ unit, maxLength: 3 }))
    .map(([length, end]) => '"'.repeat(length) + end),
);
const birth = {
  origin: text,
  seq: count,
  hlc: count,
  key: text,
  generation: count,
  version: count,
  hashHigh: word,
  hashLow: word,
};
const nothing = fc.constant(null);
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record<Op>({
    ...birth,
    kind: fc.constant('put'),
    expiresAt: fc.option(count),
    value: text,
    meta: fc.option(text),
  }),
  fc.record<Op>({
    ...birth,
    kind: fc.constant('delete'),
    expiresAt: nothing,
    value: nothing,
    meta: nothing,
  }),
  fc.record<Op>({
    ...birth,
    kind: fc.constantFrom('join', 'retire'),
    expiresAt: nothing,
    value: fc.option(text),
    meta: nothing,
  }),
);
const row: fc.Arbitrary<Row> = fc.record({ lsn: count, committedAt: count, won: fc.boolean(), op });

const textOf = (lines: LineBytes): string => Buffer.from(lines.take()).toString();

test('a row and a head have the line that is their text', () => {
  const lines = new LineBytes();
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      for (const one of rows) lines.row(one);
      assert.is(textOf(lines), rows.map((one) => `${rowLine(one)}\n`).join(''));
      for (const one of rows) lines.head(headOfRow(one));
      assert.is(textOf(lines), rows.map((one) => `${headLine(headOfRow(one))}\n`).join(''));
    }),
    { numRuns: 500 },
  );
});

test('they count their bytes, and are taken once, into memory of their own', () => {
  const lines = new LineBytes();
  fc.assert(
    fc.property(row, (one) => {
      lines.row(one);
      const { length } = lines;
      const taken = lines.take();
      assert.is(taken.length, length);
      assert.is(taken.buffer.byteLength, length);
      assert.equal([lines.length, lines.take().length], [0, 0]);
      assert.is(Buffer.from(taken).toString(), `${rowLine(one)}\n`);
    }),
  );
});

test('a text of any length leaves room for the rest of its line', () => {
  const [one] = fc.sample(row, { numRuns: 1, seed: 1 });
  if (one === undefined) throw new Error('there is no sample');
  // The room is half a mebibyte at first.
  for (let length = 2 ** 19 - 600; length < 2 ** 19 + 10; length += 5) {
    const value = 'a'.repeat(length);
    const long: Row = {
      ...one,
      op: { ...one.op, kind: 'join', expiresAt: null, value, meta: null },
    };
    const lines = new LineBytes();
    lines.row(long);
    assert.ok(textOf(lines) === `${rowLine(long)}\n`, `a value of ${length} characters`);
  }
});

test('many lines, and one that is longer than the room for all others', () => {
  const [one] = fc.sample(row, { numRuns: 1, seed: 1 });
  if (one === undefined) throw new Error('there is no sample');
  const long: Row = {
    ...one,
    op: { ...one.op, kind: 'join', expiresAt: null, value: 'ä"'.repeat(1_000_000), meta: null },
  };
  const rows = [...Array.from({ length: 5000 }, () => one), long, one];
  const lines = new LineBytes();
  for (let round = 0; round < 2; round++) {
    for (const each of rows) lines.row(each);
    assert.is(textOf(lines), rows.map((each) => `${rowLine(each)}\n`).join(''));
  }
});

test('between pages a mebibyte of memory is kept at most: a longer page gives the rest back', () => {
  const [one] = fc.sample(row, { numRuns: 1, seed: 1 });
  if (one === undefined) throw new Error('there is no sample');
  const keptBytesAfter = (lines: LineBytes, pageBytes: number): number => {
    const value = 'a'.repeat(10_000);
    const line: Row = {
      ...one,
      op: { ...one.op, kind: 'join', expiresAt: null, value, meta: null },
    };
    while (lines.length < pageBytes) lines.row(line);
    lines.take();
    return lines.keptBytes;
  };
  const lines = new LineBytes();
  const firstBytes = lines.keptBytes;
  assert.is(keptBytesAfter(lines, 0.7 * MIB), MIB, 'a page of common length finds its memory');
  assert.is(keptBytesAfter(lines, 1.2 * MIB), firstBytes);
  assert.is(keptBytesAfter(lines, 20 * MIB), firstBytes);
  assert.ok(firstBytes < MIB);
});

test.run();
