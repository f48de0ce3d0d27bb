/** The rules of the port `src/log/tools/lineReader.ts`, for every implementation of it. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LineReader, LineRequest } from '../../src/log/tools/lineReader.ts';
import { headLine, rowLine } from '../../src/log/tools/rowLine.ts';
import type { Row } from '../../src/words/row.ts';
import { headOfRow } from '../log/tools/memorySource.ts';

const END = Number.MAX_SAFE_INTEGER;

/** A reader, and the rows of the log that it reads: ten or more. */
export interface ReaderOfRows {
  readonly reader: LineReader;
  readonly rows: readonly Row[];
}

/** Runs with a reader of its own, and closes it however the run ends. */
export type WithReader = (run: (opened: ReaderOfRows) => Promise<void>) => Promise<void>;

/**
 * Makes the suite; the implementation's own test runs it.
 *
 * @param name the implementation's.
 */
export function lineReaderConformance(name: string, withReader: WithReader): Test {
  const test = suite(`line reader conformance: ${name}`);

  test('the facts are those of the log', () =>
    withReader(async ({ reader, rows }) => {
      const { firstLsn, lastLsn, records, sizeBytes } = await reader.facts();
      assert.equal([firstLsn, lastLsn], [rows[0]?.lsn, rows.at(-1)?.lsn]);
      const origins = records.map(({ origin }) => origin);
      for (const { op } of rows) assert.ok(origins.includes(op.origin), op.origin);
      assert.ok(sizeBytes > 0);
    }));

  test('each row is one line, whole or without its value', () =>
    withReader(async ({ reader, rows }) => {
      const limit = { maxRows: 1000, maxBytes: 1_000_000 };
      const whole: LineRequest = { type: 'rows', after: 0, upTo: END, withValues: true, limit };
      assert.equal(await read(reader, whole), [rows.map(rowLine), null]);
      assert.equal(await read(reader, { ...whole, withValues: false }), [
        rows.map((row) => headLine(headOfRow(row))),
        null,
      ]);
    }));

  test('a page ends at its limit, and tells where the next one starts', () =>
    withReader(async ({ reader, rows }) => {
      const limit = { maxRows: 3, maxBytes: 1_000_000 };
      const [, second, third, fourth, , sixth] = rows;
      if (!second || !third || !fourth || !sixth) throw new Error('The log has too few rows.');
      const forwards = { type: 'rows', upTo: sixth.lsn, withValues: true, limit } as const;
      assert.equal(await read(reader, { ...forwards, after: 0 }), [
        rows.slice(0, 3).map(rowLine),
        third.lsn,
      ]);
      assert.equal(await read(reader, { ...forwards, after: third.lsn }), [
        rows.slice(3, 6).map(rowLine),
        null,
      ]);
      const [lines, next] = await read(reader, { type: 'before', lsn: fourth.lsn, limit: TWO });
      assert.equal([lines, next], [rows.slice(1, 3).reverse().map(rowLine), second.lsn]);
    }));

  test('rows are found by lsn, in the order asked for, and by key', () =>
    withReader(async ({ reader, rows }) => {
      const [first, second] = rows;
      const last = rows.at(-1);
      if (!first || !second || !last) throw new Error('The log has too few rows.');
      const lsns = [last.lsn, last.lsn + 99, second.lsn];
      assert.equal(await read(reader, { type: 'at', lsns }), [[last, second].map(rowLine), null]);
      const { key } = last.op;
      const on = rows.filter(({ op }) => op.key === key);
      assert.equal(await read(reader, { type: 'on', key, after: 0, upTo: last.lsn }), [
        on.map(rowLine),
        null,
      ]);
      const before = { type: 'on', key, after: 0, upTo: last.lsn - 1 } as const;
      assert.equal((await read(reader, before))[0], on.slice(0, -1).map(rowLine));
    }));

  test('a read behind the end is an empty page', () =>
    withReader(async ({ reader, rows }) => {
      const after = rows.at(-1)?.lsn ?? 0;
      const behind = { type: 'rows', after, upTo: END, withValues: true, limit: TWO } as const;
      assert.equal(await read(reader, behind), [[], null]);
    }));

  return test;
}

const TWO = { maxRows: 2, maxBytes: 1_000_000 };

/** The lines of a page and where the next one starts. */
async function read(reader: LineReader, request: LineRequest): Promise<[string[], number | null]> {
  const { lines, rows, next, fault } = await reader.lines(request);
  assert.is(fault, null);
  const text = new TextDecoder().decode(lines);
  assert.ok(text === '' || text.endsWith('\n'), 'each line has its line feed');
  const split = text.split('\n').slice(0, -1);
  assert.is(rows, split.length, 'a page counts its rows');
  return [split, next];
}
