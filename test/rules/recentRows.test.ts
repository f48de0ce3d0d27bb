import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RecentRow, RecentRows } from '../../src/rules/recentRows.ts';
import type { Row } from '../../src/words/row.ts';
import { origin } from '../support/generators.ts';
import { put, row } from '../support/ops.ts';

const recent = suite('recent rows');
const ROOMY = { maxRecentOps: 1000, maxRecentBytes: 1_000_000 };
const rowsOf = (found: RecentRow[] | undefined): Row[] | undefined => found?.map((one) => one.row);

/** Rows with lsns from 1, each origin's seqs from 1. */
function rowsFrom(origins: readonly string[], valueLength = 1): Row[] {
  const seqs = new Map<string, number>();
  return origins.map((name, index) => {
    const seq = (seqs.get(name) ?? 0) + 1;
    seqs.set(name, seq);
    return row(index + 1, put({ origin: name, seq, key: '', value: '1'.repeat(valueLength) }));
  });
}

function pushed(rows: readonly Row[], limits = ROOMY): RecentRows {
  const kept = new RecentRows(limits);
  for (const one of rows) kept.push(one);
  return kept;
}

recent('the ops of one origin are told apart from those of others', () => {
  const rows = rowsFrom(['a.1', 'b.1', 'a.1', 'b.1']);
  const kept = pushed(rows);
  assert.equal(rowsOf(kept.opsAfter('a.1', 0)), [rows[0], rows[2]]);
  assert.equal(rowsOf(kept.opsAfter('a.1', 1)), [rows[2]]);
  assert.equal(rowsOf(kept.opsAfter('a.1', 2)), []);
  assert.is(kept.opsAfter('c.1', 0), undefined);
});

recent('rows after an lsn come in order, and no more than the limit', () => {
  const rows = rowsFrom(['a.1', 'b.1', 'a.1']);
  const kept = pushed(rows);
  assert.equal(rowsOf(kept.rowsAfter(0, 2)), [rows[0], rows[1]]);
  assert.equal(rowsOf(kept.rowsAfter(2, 2)), [rows[2]]);
  assert.equal(rowsOf(kept.rowsAfter(3, 2)), []);
});

recent('the oldest go by count, and what is asked from before them is not answered in part', () => {
  const rows = rowsFrom(['a.1', 'a.1', 'a.1']);
  const kept = pushed(rows, { ...ROOMY, maxRecentOps: 2 });
  assert.is(kept.opsAfter('a.1', 0), undefined);
  assert.is(kept.rowsAfter(0, 9), undefined);
  assert.equal(rowsOf(kept.opsAfter('a.1', 1)), [rows[1], rows[2]]);
  assert.equal(rowsOf(kept.rowsAfter(1, 9)), [rows[1], rows[2]]);
});

recent('the oldest go by bytes, and a row over the bound leaves nothing', () => {
  const kept = pushed(rowsFrom(['a.1', 'a.1', 'a.1'], 40), { ...ROOMY, maxRecentBytes: 100 });
  assert.is(kept.opsAfter('a.1', 0), undefined);
  assert.is(kept.opsAfter('a.1', 1)?.length, 2);
  kept.push(row(4, put({ origin: 'a.1', seq: 4, value: '1'.repeat(200) })));
  assert.is(kept.opsAfter('a.1', 3), undefined);
  assert.is(kept.rowsAfter(3, 9), undefined);
  kept.push(row(5, put({ origin: 'a.1', seq: 5 })));
  assert.is(kept.opsAfter('a.1', 4)?.length, 1);
});

recent('keys and metas count as bytes too', () => {
  const limits = { ...ROOMY, maxRecentBytes: 100 };
  const long = 'm'.repeat(60);
  for (const fields of [{ key: long }, { value: long }, { meta: long }]) {
    const rows = [1, 2].map((seq) => row(seq, put({ origin: 'a.1', seq, ...fields })));
    assert.is(pushed(rows, limits).opsAfter('a.1', 0), undefined, Object.keys(fields).join());
  }
});

recent('a row that does not follow on leaves nothing older behind', () => {
  const rows = rowsFrom(['a.1', 'b.1']);
  const afterLsnHole = pushed([...rows, row(9, put({ origin: 'a.1', seq: 2 }))]);
  assert.is(afterLsnHole.opsAfter('a.1', 0), undefined);
  assert.is(afterLsnHole.rowsAfter(7, 9), undefined);
  assert.is(afterLsnHole.rowsAfter(8, 9)?.length, 1);
  const afterSeqHole = pushed([...rows, row(3, put({ origin: 'a.1', seq: 7 }))]);
  assert.is(afterSeqHole.opsAfter('a.1', 1), undefined);
  assert.is(afterSeqHole.opsAfter('b.1', 0), undefined);
  assert.is(afterSeqHole.opsAfter('a.1', 6)?.length, 1);
});

recent('what one reader encodes is there for the next', () => {
  const kept = pushed(rowsFrom(['a.1']));
  const [found] = kept.opsAfter('a.1', 0) ?? [];
  assert.is(found?.wire, null);
  if (found !== undefined) found.wire = '[]';
  assert.is(kept.rowsAfter(0, 1)?.[0]?.wire, '[]');
});

recent('a naive list beside it answers the same, however much has been dropped', () => {
  const limits = fc.record({
    maxRecentOps: fc.integer({ min: 1, max: 8 }),
    maxRecentBytes: fc.integer({ min: 1, max: 60 }),
  });
  const ops = fc.array(fc.tuple(origin, fc.integer({ min: 0, max: 12 })), { maxLength: 60 });
  fc.assert(
    fc.property(
      limits,
      ops,
      fc.nat(70),
      fc.integer({ min: 1, max: 5 }),
      (bounds, made, from, limit) => {
        const rows = rowsFrom(made.map(([name]) => name)).map((one, index) =>
          row(one.lsn, {
            ...put({ ...one.op, key: '', value: '1'.repeat(made[index]?.[1] ?? 0) } as object),
          }),
        );
        const kept = pushed(rows, bounds);
        const left = keptByNaive(rows, bounds);
        const first = left[0];
        const fromLsn = from % (rows.length + 1);
        const isThere = first !== undefined && fromLsn + 1 >= first.lsn;
        const after = left.filter((one) => one.lsn > fromLsn).slice(0, limit);
        assert.equal(rowsOf(kept.rowsAfter(fromLsn, limit)), isThere ? after : undefined);
        for (const [name, seq] of [
          ['node1.aaaaaa', from % 5],
          ['node2.bbbbbb', from % 9],
        ] as const) {
          const own = left.filter((one) => one.op.origin === name);
          const reaches = own[0] !== undefined && own[0].op.seq <= seq + 1;
          const expected = reaches ? own.filter((one) => one.op.seq > seq) : undefined;
          assert.equal(rowsOf(kept.opsAfter(name, seq)), expected);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

/** The longest end of the rows that fits the bounds. */
function keptByNaive(rows: readonly Row[], limits: typeof ROOMY): Row[] {
  let [first, bytes] = [rows.length, 0];
  for (let index = rows.length - 1; index >= 0; index--) {
    bytes += rows[index]?.op.value?.length ?? 0;
    if (bytes > limits.maxRecentBytes || rows.length - index > limits.maxRecentOps) break;
    first = index;
  }
  return rows.slice(first);
}

recent('thousands of rows go through a small bound without a slip', () => {
  const kept = new RecentRows({ ...ROOMY, maxRecentOps: 3 });
  for (const one of rowsFrom(Array.from({ length: 10_000 }, (_, index) => `${index % 2}.1`))) {
    kept.push(one);
    assert.is(kept.rowsAfter(one.lsn - 1, 9)?.[0]?.row, one);
    assert.is(kept.opsAfter(one.op.origin, one.op.seq - 1)?.[0]?.row, one);
    if (one.lsn > 3) assert.is(kept.rowsAfter(one.lsn - 4, 9), undefined);
  }
});

recent('a row that went is not kept in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const kept = new RecentRows({ ...ROOMY, maxRecentOps: 2 });
  const gone = rowsFrom(['a.1', 'a.1', 'a.1', 'a.1']).map((one) => new WeakRef(kept.push(one)));
  // Objects that a turn of the event loop has made or read live on to its end.
  await new Promise(setImmediate);
  collectGarbage();
  assert.equal(
    gone.map((one) => one.deref()?.row.lsn),
    [undefined, undefined, 3, 4],
  );
});

recent('of an origin whose rows all went nothing is kept in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const kept = new RecentRows({ ...ROOMY, maxRecentOps: 2 });
  const op = put({ key: '' });
  let lsn = 0;
  const usedUpTo = async (lastLsn: number): Promise<number> => {
    while (lsn < lastLsn) kept.push(row(++lsn, { ...op, origin: `${lsn}.1` }));
    await new Promise(setImmediate);
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await usedUpTo(100);
  const grown = (await usedUpTo(50_000)) - before;
  assert.ok(grown < 2_000_000, `${grown} bytes for origins without rows`);
});

recent.run();
