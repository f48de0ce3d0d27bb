import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RecentRows } from '../../src/store/recentRows.ts';
import { add, carriedHash, ZERO } from '../../src/words/hash.ts';
import type { Row } from '../../src/words/row.ts';
import { origin, wireOp } from '../support/generators.ts';
import { put, row } from '../support/ops.ts';

const recent = suite('recent rows');
const ROOMY = { maxRecentOps: 1000, maxRecentBytes: 1_000_000 };
const rowsOf = (found: Iterable<Row> | undefined): Row[] | undefined => found && [...found];

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
  assert.is(rowsOf(kept.opsAfter('a.1', 1))?.length, 2);
  kept.push(row(4, put({ origin: 'a.1', seq: 4, value: '1'.repeat(200) })));
  assert.is(kept.opsAfter('a.1', 3), undefined);
  assert.is(kept.rowsAfter(3, 9), undefined);
  kept.push(row(5, put({ origin: 'a.1', seq: 5 })));
  assert.is(rowsOf(kept.opsAfter('a.1', 4))?.length, 1);
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
  assert.is(rowsOf(afterSeqHole.opsAfter('a.1', 6))?.length, 1);
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
          const hashes = expected?.map(({ op }) => carriedHash(op));
          assert.equal(kept.sumAfter(name, seq), hashes?.reduce(add, ZERO));
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

recent('a row comes back as it was, whatever its kind, texts and numbers', () => {
  const numbers = fc.record({
    lsn: fc.maxSafeNat(),
    committedAt: fc.maxSafeNat(),
    won: fc.boolean(),
  });
  fc.assert(
    fc.property(numbers, wireOp, (fields, op) => {
      const kept = pushed([{ ...fields, op }]);
      assert.equal(kept.oldest, { ...fields, op });
      assert.equal(rowsOf(kept.opsAfter(op.origin, op.seq - 1)), [{ ...fields, op }]);
    }),
    { numRuns: 1000 },
  );
});

recent('thousands of rows go through a small bound without a slip', () => {
  const kept = new RecentRows({ ...ROOMY, maxRecentOps: 3 });
  for (const one of rowsFrom(Array.from({ length: 10_000 }, (_, index) => `${index % 2}.1`))) {
    kept.push(one);
    assert.equal(kept.rowsAfter(one.lsn - 1, 9), [one]);
    assert.equal(rowsOf(kept.opsAfter(one.op.origin, one.op.seq - 1)), [one]);
    if (one.lsn > 3) assert.is(kept.rowsAfter(one.lsn - 4, 9), undefined);
  }
});

recent('rows that went leave their room to later ones, whatever their size', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const kept = new RecentRows({ maxRecentOps: 100, maxRecentBytes: 1_000_000 });
  let lsn = 0;
  const bytesAfter = async (rows: number): Promise<number> => {
    for (let count = 0; count < rows; count++) {
      lsn++;
      const value = '1'.repeat(lsn % 100 === 0 ? 400_000 : 1000);
      kept.push(row(lsn, put({ origin: 'a.1', seq: lsn, value })));
    }
    await new Promise(setImmediate);
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  const before = await bytesAfter(1000);
  const grown = (await bytesAfter(10_000)) - before;
  assert.ok(grown < 1_000_000, `${grown} bytes more`);
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
