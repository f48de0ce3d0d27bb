// time limit: 60 s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Delete, Put } from '../../../src/words/op.ts';
import type { Row } from '../../../src/words/row.ts';
import { ALL, commitOf, put, rowOf } from '../../conformance/logRows.ts';
import { withDirectory } from '../../support/directories.ts';

const test = suite('rows that are inserted together');

/** Rows of one commit, each of which goes on from the one before. */
const runOf = (first: number, last: number): Row[] =>
  Array.from({ length: last - first + 1 }, (_, index) => ({
    ...rowOf(first + index, put(first + index)),
    committedAt: 7,
  }));

const LENGTH = 80;
const MIDDLE = 40;

/** A run whose middle row is another one. */
const brokenBy = (change: (row: Row, op: Put) => Row): Row[] =>
  runOf(1, LENGTH).map((row) =>
    row.lsn === MIDDLE && row.op.kind === 'put' ? change(row, row.op) : row,
  );

const withOp = (given: Partial<Put>): Row[] =>
  brokenBy((row, op) => ({ ...row, op: { ...op, ...given } }));

const deleteOf = (op: Put): Delete => ({
  ...op,
  kind: 'delete',
  expiresAt: null,
  value: null,
  meta: null,
});

const BREAKS: Readonly<Record<string, Row[]>> = {
  'the time of the commit': brokenBy((row) => ({ ...row, committedAt: 8 })),
  'whether it won': brokenBy((row) => ({ ...row, won: false })),
  'the kind': brokenBy((row, op) => ({ ...row, op: deleteOf(op) })),
  'the origin': withOp({ origin: 'node2.a' }),
  'the seq': withOp({ seq: 1000 }),
  'the HLC': withOp({ hlc: 5 }),
  'the generation': withOp({ generation: 3 }),
  'the expiry': withOp({ expiresAt: 9 }),
  'the meta': withOp({ meta: '{"values":["Date"]}' }),
};

const areStored = (...all: readonly (readonly Row[])[]): Promise<void> =>
  withDirectory(async (directory) => {
    const log = await directory.open();
    for (const rows of all) await log.append(commitOf(rows));
    const found = await log.rowsAfter(0, ALL);
    await log.close();
    assert.equal(found, all.flat());
  });

for (const [name, rows] of Object.entries(BREAKS))
  test(`${name} of one row among many is its own`, () => areStored(rows));

test('many rows are stored as they are, however many they are', () => {
  const commits: Row[][] = [];
  let last = 0;
  for (const length of [1, 3, 4, 5, 15, 16, 17, 19, 63, 64, 65, 84, 150]) {
    commits.push(runOf(last + 1, last + length));
    last += length;
  }
  return areStored(...commits);
});

test('rows with one expiry are stored as they are', () => {
  const rows = runOf(1, LENGTH).map((row) => ({
    ...row,
    op: { ...row.op, expiresAt: 1_800_000_000_123 } as Put,
  }));
  return areStored(rows);
});

test('great numbers are stored as they are', () => {
  const least = { seq: 2 ** 52, hlc: 2 ** 52, generation: 2 ** 52 - 2 };
  const rows = runOf(1, LENGTH).map((row, index) => ({
    ...row,
    op: {
      ...row.op,
      ...least,
      seq: least.seq + index,
      hlc: least.hlc + index,
      version: 2 ** 53 - 2,
      hashHigh: 0xffffffff,
      hashLow: 0xffffffff,
    } as Put,
  }));
  return areStored(rows);
});

test('runs stand between other rows', () => {
  const rows = [
    ...runOf(1, 5).map((row) => ({ ...row, won: false })),
    ...runOf(6, 45),
    ...runOf(46, 47).map((row, index) => ({ ...row, committedAt: 100 + index })),
    ...runOf(48, 90).map((row) => ({ ...row, op: { ...row.op, origin: 'node3.a' } as Put })),
  ];
  return areStored(rows);
});

test.run();
