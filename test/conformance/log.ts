/**
 * The duties of every adapter of the port `src/log/log.ts`. Each adapter's own tests run this suite, so
 * that the simulator's log and the real one can't drift apart.
 */

import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Commit, Log } from '../../src/log/log.ts';
import {
  CommitFailedError,
  DiskFullError,
  DuplicateOpError,
  StoppedError,
} from '../../src/words/errors.ts';
import { ZERO } from '../../src/words/hash.ts';
import type { Op } from '../../src/words/op.ts';
import type { OriginRecord } from '../../src/words/row.ts';
import { NO_FACTS } from '../../src/words/row.ts';
import { opened, openingTests } from './logOpening.ts';
import type { WithPlace } from './logPlace.ts';
import {
  ALL,
  commitOf,
  lsnsOf,
  OWN_ORIGIN,
  oddOps,
  put,
  record,
  rejects,
  rowOf,
  rowsOf,
  seqsOf,
  sumOf,
} from './logRows.ts';

/**
 * Makes the suite; the caller runs it.
 *
 * @param name the adapter's.
 * @param withPlace makes each test a place of its own.
 */
export function logConformance(name: string, withPlace: WithPlace): Test {
  const test = suite(`log conformance: ${name}`);
  openingTests(test, withPlace);
  appendingTests(test, withPlace);
  readingTests(test, withPlace);
  failingTests(test, withPlace);
  return test;
}

function appendingTests(test: Test, withPlace: WithPlace): void {
  test('every op comes back exactly', () =>
    withPlace(async ({ open }) => {
      const rows = oddOps.map((op, index) => rowOf(index + 1, op, index % 2 === 0));
      const log = await open();
      await log.append(commitOf(rows));
      assert.equal(await log.rowsAfter(0, ALL), rows);
      assert.equal(await log.opsAfter(OWN_ORIGIN, 0, ALL), oddOps);
      await log.close();
      const again = await open();
      assert.equal(await again.rowsAfter(0, ALL), rows);
      await again.close();
    }));

  test('an append is there once it has resolved, and reads meanwhile show nothing of it', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      await log.append(commitOf(rowsOf(1, 1)));
      const appended = log.append(commitOf(rowsOf(2, 20)));
      const meanwhile = [
        log.rowsAfter(0, ALL).then(lsnsOf),
        log.opsAfter(OWN_ORIGIN, 0, ALL).then(seqsOf),
      ];
      await appended;
      assert.equal(await Promise.all(meanwhile), [[1], [1]]);
      assert.is((await log.rowsAfter(0, ALL)).length, 20);
      await log.close();
    }));

  test('rows are removed in the commit that says so', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      await log.append(commitOf(rowsOf(1, 6)));
      const compacted: OriginRecord = {
        ...record(OWN_ORIGIN, 7, { high: 7, low: 7 }),
        reach: 4,
        compactedSum: { high: 4, low: 4 },
      };
      await log.append({ rows: rowsOf(7, 7), origins: [compacted], removed: [1, 3, 4] });
      const check = async (open: Log): Promise<void> => {
        assert.equal(lsnsOf(await open.rowsAfter(0, ALL)), [2, 5, 6, 7]);
        assert.equal(seqsOf(await open.opsAfter(OWN_ORIGIN, 0, ALL)), [2, 5, 6, 7]);
        assert.equal(
          await open.sumBetween(OWN_ORIGIN, 0, 5),
          sumOf([...rowsOf(2, 2), ...rowsOf(5, 5)].map((row) => row.op)),
        );
      };
      await check(log);
      await log.close();
      const again = await open();
      assert.equal(again.origins, [compacted]);
      assert.is(again.lastLsn, 7);
      await check(again);
      await again.close();
    }));

  test('only one append at a time', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const first = log.append(commitOf(rowsOf(1, 1)));
      await rejects(log.append(commitOf(rowsOf(2, 2))), CommitFailedError);
      await first;
      await log.append(commitOf(rowsOf(2, 2)));
      await log.close();
    }));

  for (const [fault, rows] of [
    ['leave a gap', rowsOf(2, 2)],
    ['go back', [...rowsOf(1, 1), ...rowsOf(1, 1)]],
  ] as const)
    test(`lsns that ${fault} are refused`, () =>
      withPlace(async ({ open }) => {
        const log = await open();
        await rejects(log.append(commitOf(rows)), CommitFailedError);
        assert.equal(await log.rowsAfter(0, ALL), []);
        await log.close();
      }));

  test('an op id that stands in the log, or twice in a commit, is refused, and nothing of it is kept', () =>
    withPlace(async ({ open }) => {
      for (const second of [
        [rowOf(2, put(2)), rowOf(3, put(1, { value: '"another"' }))],
        [rowOf(2, put(2)), rowOf(3, put(2))],
      ]) {
        const log = await open();
        if (log.lastLsn === 0) await log.append(commitOf(rowsOf(1, 1)));
        await rejects(log.append(commitOf(second)), DuplicateOpError);
        assert.equal(await log.rowsAfter(0, ALL), rowsOf(1, 1));
        await log.close();
      }
    }));

  test('closing waits for the append under way and refuses the next', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const appended = log.append(commitOf(rowsOf(1, 3)));
      const closed = log.close();
      await rejects(log.append(commitOf(rowsOf(4, 4))), StoppedError);
      await Promise.all([appended, closed, log.close()]);
      await rejects(log.rowsAfter(0, ALL), Error);
      assert.is((await opened(open)).lastLsn, 3);
    }));

  test('the size grows with what is stored', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const before = await log.sizeBytes();
      await log.append(
        commitOf([rowOf(1, put(1, { value: JSON.stringify('x'.repeat(100_000)) }))]),
      );
      assert.ok((await log.sizeBytes()) >= before + 100_000);
      await log.close();
    }));
}

function readingTests(test: Test, withPlace: WithPlace): void {
  test('pages end at the row that reaches a bound, and follow one another', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const rows = Array.from({ length: 10 }, (_, index) =>
        rowOf(index + 1, put(index + 1, { key: 'k', value: '"12345"', meta: '{}' })),
      );
      await log.append(commitOf(rows));
      const lsns = async (after: number, maxRows: number, maxBytes: number): Promise<number[]> =>
        lsnsOf(await log.rowsAfter(after, { maxRows, maxBytes }));
      assert.equal(await lsns(0, 4, 1000), [1, 2, 3, 4]);
      assert.equal(await lsns(4, 4, 1000), [5, 6, 7, 8]);
      assert.equal(await lsns(8, 4, 1000), [9, 10]);
      assert.equal(await lsns(10, 4, 1000), []);
      assert.equal(await lsns(0, 10, 20), [1, 2]);
      assert.equal(await lsns(0, 10, 21), [1, 2, 3]);
      assert.equal(await lsns(3, 10, 1), [4]);
      const seqs = async (after: number, maxRows: number, maxBytes: number): Promise<number[]> =>
        seqsOf(await log.opsAfter(OWN_ORIGIN, after, { maxRows, maxBytes }));
      assert.equal(await seqs(0, 4, 1000), [1, 2, 3, 4]);
      assert.equal(await seqs(8, 4, 1000), [9, 10]);
      assert.equal(await seqs(2, 10, 20), [3, 4]);
      await log.close();
    }));

  test('heads are the rows without their texts', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const rows = oddOps.map((op, index) => rowOf(index + 1, op, index % 2 === 0));
      await log.append(commitOf(rows));
      const heads = rows.map(({ lsn, committedAt, won, op }) => {
        const { value: _value, meta: _meta, ...head } = op;
        return { lsn, committedAt, won, ...head };
      });
      assert.equal(await log.headsAfter(0, 1000), heads);
      assert.equal(await log.headsAfter(3, 2), heads.slice(3, 5));
      assert.equal(await log.headsAfter(heads.length, 2), []);
      await log.close();
    }));

  test('rows come by their lsns, in the order that is asked for, and those that are gone are left out', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const rows = oddOps.map((op, index) => rowOf(index + 1, op, index % 2 === 0));
      await log.append(commitOf(rows));
      const last = rows.length;
      await log.append({ ...commitOf([]), removed: [2] });
      const found = await log.rowsAt([last, 1, 2, last + 1, 3]);
      assert.equal(found, [rows[last - 1], rows[0], rows[2]]);
      assert.equal(await log.rowsAt([]), []);
      const [under, appended] = [
        log.append(commitOf([rowOf(last + 1, put(1000))])),
        log.rowsAt([last + 1]),
      ];
      assert.equal(await appended, [], 'an append that has not resolved shows nothing');
      await under;
      assert.equal(lsnsOf(await log.rowsAt([last + 1])), [last + 1]);
      await log.close();
    }));

  test('ops of one origin come in order of seq, whatever came between them', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const origins = ['node3.c', 'node2.b', OWN_ORIGIN];
      const rows = Array.from({ length: 30 }, (_, index) =>
        rowOf(index + 1, put(Math.floor(index / 3) + 1, { origin: origins[index % 3] ?? '' })),
      );
      await log.append(commitOf(rows.slice(0, 17)));
      await log.append(commitOf(rows.slice(17)));
      for (const origin of origins) {
        const ops = await log.opsAfter(origin, 4, ALL);
        assert.equal(seqsOf(ops), [5, 6, 7, 8, 9, 10]);
        assert.ok(ops.every((op) => op.origin === origin));
      }
      assert.equal(await log.opsAfter('node9.z', 0, ALL), []);
      assert.equal(await log.opsAfter('node2', 0, ALL), []);
      await log.close();
    }));

  test('sums are exact modulo 2^64', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const high: Op[] = Array.from({ length: 40 }, (_, index) => ({
        ...put(index + 1),
        hashHigh: 0xffffffff - index,
        hashLow: 0xffffffff,
      }));
      await log.append(commitOf(high.map((op, index) => rowOf(index + 1, op))));
      for (const [after, upTo] of [
        [0, 40],
        [0, 1],
        [7, 39],
        [38, 1000],
      ] as const)
        assert.equal(
          await log.sumBetween(OWN_ORIGIN, after, upTo),
          sumOf(high.filter((op) => op.seq > after && op.seq <= upTo)),
        );
      assert.equal(await log.sumBetween(OWN_ORIGIN, 40, 50), ZERO);
      assert.equal(await log.sumBetween(OWN_ORIGIN, 9, 9), ZERO);
      assert.equal(await log.sumBetween('node9.z', 0, 9), ZERO);
      await log.close();
    }));

  test('a long sum is exact too', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      const rows = rowsOf(1, 25_000);
      await log.append(commitOf(rows));
      const ops = rows.map((row) => row.op);
      assert.equal(await log.sumBetween(OWN_ORIGIN, 0, 25_000), sumOf(ops));
      assert.equal(await log.sumBetween(OWN_ORIGIN, 3, 24_999), sumOf(ops.slice(3, 24_999)));
      assert.equal(lsnsOf(await log.rowsAfter(24_998, ALL)), [24_999, 25_000]);
      await log.close();
    }));
}

function failingTests(test: Test, withPlace: WithPlace): void {
  test('a full disk changes nothing, and what fits is stored after it', () =>
    withPlace(async ({ open }) => {
      const long = JSON.stringify('x'.repeat(1_000_000));
      const log = await open({ smallDisk: true });
      await log.append({ rows: rowsOf(1, 2), origins: [record(OWN_ORIGIN, 2, ZERO)] });
      const tooMuch: Commit = {
        rows: [...rowsOf(3, 4), rowOf(5, put(5, { value: long }))],
        origins: [record(OWN_ORIGIN, 5, { high: 1, low: 1 }), record('node2.b', 1, ZERO)],
        header: { horizon: 9, facts: { owesOrigin: true, others: { lost: 'yes' } } },
      };
      for (let times = 0; times < 3; times++) await rejects(log.append(tooMuch), DiskFullError);
      assert.equal(await log.rowsAfter(0, ALL), rowsOf(1, 2));
      await log.append({ rows: rowsOf(3, 3), origins: [record(OWN_ORIGIN, 3, ZERO)] });
      assert.equal(await log.rowsAfter(0, ALL), rowsOf(1, 3));
      await log.close();
      const again = await open();
      assert.equal(await again.rowsAfter(0, ALL), rowsOf(1, 3));
      assert.equal(again.origins, [record(OWN_ORIGIN, 3, ZERO)]);
      assert.is(again.header.horizon, 0);
      assert.equal(again.header.facts, NO_FACTS);
      await again.append(commitOf([rowOf(4, put(4, { value: long }))]));
      await again.close();
    }));

  test('after a commit of unknown outcome the log takes no more, but can be read', () =>
    withPlace(async ({ open }) => {
      const log = await open();
      await log.append(commitOf(rowsOf(1, 1)));
      await rejects(log.append(commitOf(rowsOf(7, 7))), CommitFailedError);
      await rejects(log.append(commitOf(rowsOf(2, 2))), CommitFailedError);
      assert.equal(await log.rowsAfter(0, ALL), rowsOf(1, 1));
      await log.close();
      assert.is((await opened(open)).lastLsn, 1);
    }));
}
