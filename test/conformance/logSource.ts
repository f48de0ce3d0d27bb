/** The rules of the port `LogSource` (src/log/tools/logSource.ts), for every implementation of it. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type LogSource, type Mark, PAGE_ROWS, type Page } from '../../src/log/tools/logSource.ts';
import type { Row } from '../../src/words/row.ts';
import { headOfRow } from '../log/tools/memorySource.ts';

const END = Number.MAX_SAFE_INTEGER;

/** A source, and the rows of the log that it reads: ten or more, some of them on one key. */
export interface SourceOfRows {
  readonly source: LogSource;
  readonly rows: readonly Row[];
}

/** Runs with a source of its own, and closes it however the run ends. */
export type WithSource = (run: (opened: SourceOfRows) => Promise<void>) => Promise<void>;

/**
 * Makes the suite; the implementation's own test runs it.
 *
 * @param name the implementation's.
 */
export function logSourceConformance(name: string, withSource: WithSource): Test {
  const test = suite(`log source conformance: ${name}`);

  test('the facts are those of the log', () =>
    withSource(async ({ source, rows }) => {
      const { firstLsn, lastLsn, records, sizeBytes } = await source.facts();
      assert.equal([firstLsn, lastLsn], [rows[0]?.lsn, rows.at(-1)?.lsn]);
      const origins = records.map(({ origin }) => origin);
      for (const { op } of rows) assert.ok(origins.includes(op.origin), op.origin);
      assert.ok(sizeBytes > 0);
      assert.ok(source.place !== '');
    }));

  test('pages follow one another, without a gap and without a repetition', () =>
    withSource(async ({ source, rows }) => {
      for (const maxRows of [1, 3, 1000]) {
        const limit = { ...PAGE_ROWS, maxRows };
        assert.equal(await walk((after) => source.rows(after, END, limit), maxRows), rows);
        assert.equal(
          await walk((after) => source.heads(after, END, maxRows), maxRows),
          rows.map(headOfRow),
        );
        const marks = await walk((after) => source.marks(after, END, maxRows), maxRows);
        assert.equal(marks.map(markOf), rows.map(headOfRow).map(markOf));
      }
    }));

  test('a read keeps to the rows above one lsn and up to another', () =>
    withSource(async ({ source, rows }) => {
      const [after, upTo] = [rows[2]?.lsn ?? 0, rows[6]?.lsn ?? 0];
      const within = rows.slice(3, 7);
      assert.equal(await walk((lsn) => source.rows(Math.max(lsn, after), upTo, PAGE_ROWS)), within);
      assert.equal(
        await walk((lsn) => source.heads(Math.max(lsn, after), upTo, 1000)),
        within.map(headOfRow),
      );
      assert.equal(
        (await walk((lsn) => source.marks(Math.max(lsn, after), upTo, 1000))).map(markOf),
        within.map(headOfRow).map(markOf),
      );
    }));

  test('rows come backwards down to the first', () =>
    withSource(async ({ source, rows }) => {
      const before = rows[8]?.lsn ?? 0;
      const found = await walk(
        (lsn) => source.rowsBefore(lsn === 0 ? before : lsn, { ...PAGE_ROWS, maxRows: 2 }),
        2,
      );
      assert.equal(found, rows.slice(0, 8).reverse());
      const { items, next } = await source.rowsBefore(rows[0]?.lsn ?? 0, PAGE_ROWS);
      assert.equal([items, next], [[], null]);
    }));

  test('rows are found by lsn, in the order asked for; those that are not there are left out', () =>
    withSource(async ({ source, rows }) => {
      const [second, fifth, last] = [rows[1], rows[4], rows.at(-1)];
      const lsns = [fifth, second, last].map((row) => row?.lsn ?? 0);
      assert.equal(await source.rowsAt([...lsns, (last?.lsn ?? 0) + 99]), [fifth, second, last]);
      assert.equal(await source.rowsAt([]), []);
    }));

  test('the rows on a key are found, and no others', () =>
    withSource(async ({ source, rows }) => {
      const last = rows.at(-1);
      if (last === undefined) throw new Error('The log has too few rows.');
      const on = rows.filter(({ op }) => op.key === last.op.key);
      assert.ok(on.length > 1);
      const found = (upTo: number) => walk((after) => source.rowsOn(last.op.key, after, upTo));
      assert.equal(await found(END), on);
      assert.equal(await found(last.lsn - 1), on.slice(0, -1));
      assert.equal(await walk((after) => source.rowsOn('no such key', after, last.lsn)), []);
    }));

  test('a read behind the end is an empty page', () =>
    withSource(async ({ source, rows }) => {
      const end = rows.at(-1)?.lsn ?? 0;
      for (const page of [
        await source.rows(end, END, PAGE_ROWS),
        await source.heads(end, END, 10),
        await source.marks(end, END, 10),
      ])
        assert.equal([page.items, page.next, page.fault], [[], null, null]);
    }));

  return test;
}

const markOf = ({ lsn, committedAt, won, kind, key, expiresAt }: Mark): Mark => ({
  lsn,
  committedAt,
  won,
  kind,
  key,
  expiresAt,
});

/** The items of all pages from the first on, none of which is longer than it may be. */
async function walk<T>(
  read: (after: number) => Promise<Page<T>>,
  maxRows = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const found: T[] = [];
  for (let next: number | null = 0; next !== null; ) {
    const page: Page<T> = await read(next);
    assert.is(page.fault, null);
    assert.ok(page.items.length <= maxRows, `${page.items.length} items in a page of ${maxRows}`);
    assert.ok(page.next !== next, 'a page leads to another');
    found.push(...page.items);
    next = page.next;
  }
  return found;
}
