/** Why a value is what it is, and when each was seen. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judge, verdictOn } from '../../../src/log/tools/explain.ts';
import { type Happening, HistoryFold } from '../../../src/log/tools/history.ts';
import { whyBeaten } from '../../../src/log/tools/whyBeaten.ts';
import type { KeyOp } from '../../../src/words/op.ts';
import { compareOps, decidingClause, LAST_VERSION } from '../../../src/words/op.ts';
import { NO_FACTS } from '../../../src/words/row.ts';
import { keyOp } from '../../support/generators.ts';
import { put, tombstone } from '../../support/ops.ts';

const test = suite('history and explanation of a key');

const NOW = 10_000;

/** Rows as a log has them that took these ops one after another. */
function rowsOf(
  ops: readonly KeyOp[],
): { lsn: number; committedAt: number; won: boolean; op: KeyOp }[] {
  let entry: KeyOp | undefined;
  return ops.map((op, index) => {
    const won = entry === undefined || compareOps(op, entry) > 0;
    if (won) entry = op;
    return { lsn: index + 1, committedAt: 1000 * (index + 1), won, op };
  });
}

function historyOf(ops: readonly KeyOp[]): Happening[] {
  const fold = new HistoryFold(NOW);
  return [...rowsOf(ops).flatMap((row) => fold.take(row)), ...fold.end()];
}

test('an op is seen from its commit until the next one that won, or its expiry', () => {
  const happenings = historyOf([
    put({ seq: 1, version: 1 }),
    put({ seq: 2, version: 3, expiresAt: 2500 }),
    put({ seq: 3, version: 2 }),
    put({ seq: 4, generation: 1, version: 1 }),
    tombstone({ seq: 5, generation: 1, version: LAST_VERSION }),
    put({ seq: 6, generation: 2, version: 1, expiresAt: 100 }),
    put({ seq: 7, generation: 3, version: 1 }),
  ]);
  assert.equal(
    happenings.map(({ visible }) => visible && [visible.fromMs, visible.untilMs, visible.ending]),
    [
      [1000, 2000, 'overwritten'],
      [2000, 2500, 'expired'],
      null,
      [4000, 5000, 'deleted'],
      null,
      null,
      [7000, null, 'open'],
    ],
  );
  assert.equal(
    happenings.map(({ whyNot }) => whyNot),
    [null, null, 'version 3 beats 2', null, 'it is a delete', 'it had expired when it came', null],
  );
  assert.equal(
    happenings.map(({ lsn }) => lsn),
    [1, 2, 3, 4, 5, 6, 7],
  );
});

test('an op that lost to what compaction has removed says so', () => {
  const fold = new HistoryFold(NOW);
  const row = { lsn: 1, committedAt: 1, won: false, op: put() };
  assert.equal(fold.take(row), []);
  assert.is(fold.end()[0]?.whyNot, 'lost to an op that was compacted since');
});

const base = { generation: 1, version: 2, hlc: 5, origin: 'b', seq: 3 };
for (const [what, loser, clause, words] of [
  ['generation', put({ ...base, generation: 0, version: 9 }), 'generation', 'generation 1 beats 0'],
  ['version', put({ ...base, version: 1 }), 'version', 'version 2 beats 1'],
  ['clock', put({ ...base, hlc: 4, value: '2' }), 'hlc', 'version 2 twice: the later clock wins'],
  ['touch', put({ ...base, hlc: 4 }), 'hlc', 'a touch gave it another time to live'],
  ['origin', put({ ...base, origin: 'a' }), 'origin', 'same clock too: the greater origin wins'],
  ['seq', put({ ...base, seq: 2 }), 'seq', 'same origin too: the later seq wins'],
] as const)
  test(`the ${what} decides`, () => {
    assert.is(decidingClause(put(base), loser), clause);
    assert.is(whyBeaten(loser, put(base)), words);
  });

test('a delete decides', () => {
  assert.is(whyBeaten(put(base), tombstone(base)), 'a delete beats a put of its version');
  assert.is(
    whyBeaten(put(base), tombstone({ ...base, version: LAST_VERSION })),
    'a delete ended its generation',
  );
});

test('every op but the winner has a clause that decided against it', () => {
  fc.assert(
    fc.property(fc.array(keyOp, { minLength: 1, maxLength: 12 }), (ops) => {
      const ofOneKey = ops.map(
        (op, index) => ({ ...op, key: 'a', seq: index + 1, origin: `o${index % 3}` }) as KeyOp,
      );
      const rows = rowsOf(ofOneKey);
      const winner = rows.findLast(({ won }) => won)?.op ?? null;
      for (const happening of historyOf(ofOneKey)) {
        const { clause, why } = judge(happening, winner);
        assert.is(clause === null, happening.op === winner);
        assert.ok(why.length > 0 && why.length <= 60, why);
      }
    }),
  );
});

test('the verdict tells live, dead, stable and collected apart, and who has not seen it', () => {
  const entry = put({ origin: 'n.a', seq: 5, expiresAt: 5000 });
  const stable = { stable: new Map([['n.a', 5]]), stableClock: 4000, facts: NO_FACTS };
  const member = (origin: string, seq: number | null) => ({
    origin,
    nodeId: origin,
    vector: seq === null ? null : new Map([['n.a', seq]]),
  });
  assert.is(verdictOn(null, stable, 0, null).state, 'unknown');
  assert.is(verdictOn(entry, stable, 4999, null).state, 'live');
  assert.is(verdictOn(entry, stable, 5000, null).state, 'expired');
  assert.is(verdictOn(entry, { ...stable, stableClock: 5000 }, 6000, null).state, 'collected');
  assert.is(verdictOn(tombstone({ origin: 'n.a', seq: 6 }), stable, 0, null).state, 'deleted');
  assert.is(verdictOn(entry, stable, 0, null).isStable, true);
  assert.is(verdictOn(entry, { ...stable, stable: new Map() }, 0, null).isStable, false);
  const members = [member('n.a', 0), member('n.b', 5), member('n.c', 4), member('n.d', null)];
  assert.equal(
    verdictOn(entry, { ...stable, stable: new Map() }, 0, members).unseenBy?.map(
      ({ origin }) => origin,
    ),
    ['n.c', 'n.d'],
  );
  // As after the origin is closed, when nobody acknowledges ops of it any more.
  assert.equal(verdictOn(entry, stable, 0, members).unseenBy, []);
});

test.run();
