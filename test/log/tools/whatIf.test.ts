/** The map without some ops, held to the oracle of the entry store. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LeftOut, WhatIfFold } from '../../../src/log/tools/whatIf.ts';
import { markOfClock } from '../../../src/words/expiryMark.ts';
import { formatOpId, type KeyOp } from '../../../src/words/op.ts';
import { keyOps, ORIGINS } from '../../support/generators.ts';
import { membership, put, row, tombstone } from '../../support/ops.ts';
import { PlainEntries } from '../../support/plainEntries.ts';
import { headOfRow } from './memorySource.ts';

const test = suite('what if');

const NONE: LeftOut = { ops: [], origins: [], until: null };

/** Key → the id of the live op now, and of the one that would be. */
function differing(ops: readonly KeyOp[], leftOut: LeftOut, nowMs: number) {
  const fold = new WhatIfFold(leftOut);
  for (const [index, op] of ops.entries()) fold.take(headOfRow(row(index + 1, op)));
  return new Map(
    [...fold.differences(nowMs)].map(({ key, now, instead }) => [
      key,
      [now && formatOpId(now), instead && formatOpId(instead)],
    ]),
  );
}

/** The same by the oracle: it folds all ops, and then those that stay. */
function byOracle(
  ops: readonly KeyOp[],
  stays: (op: KeyOp, lsn: number) => boolean,
  nowMs: number,
) {
  const [all, kept] = [new PlainEntries(), new PlainEntries()];
  for (const [index, op] of ops.entries()) {
    all.fold(op, index + 1);
    if (stays(op, index + 1)) kept.fold(op, index + 1);
  }
  const found = new Map<string, (string | null)[]>();
  for (const key of new Set(ops.map((op) => op.key))) {
    const [now, instead] = [all, kept].map((entries) => {
      const entry = entries.live(key, nowMs);
      return entry === undefined ? null : formatOpId(entry);
    });
    if (now !== instead) found.set(key, [now ?? null, instead ?? null]);
  }
  return found;
}

const sorted = (found: ReadonlyMap<string, unknown>): unknown[] =>
  [...found].sort(([a], [b]) => (a < b ? -1 : 1));

test('every key reads as the oracle says that folds the ops which stay', () => {
  fc.assert(
    fc.property(
      keyOps(),
      fc.array(fc.nat(29), { maxLength: 4 }),
      fc.subarray([...ORIGINS], { maxLength: 2 }),
      fc.option(fc.nat(30), { nil: null }),
      fc.integer({ min: 0, max: 210_000 }),
      (ops, indexes, origins, untilLsn, nowMs) => {
        const named = indexes.flatMap((index) => ops[index] ?? []);
        const ids = new Set(named.map(formatOpId));
        const until =
          untilLsn === null
            ? null
            : { upToLsn: untilLsn, byMs: Infinity, expired: markOfClock(0), atMs: 0 };
        const found = differing(ops, { ops: named, origins, until }, nowMs);
        const stays = (op: KeyOp, lsn: number): boolean =>
          !ids.has(formatOpId(op)) &&
          !origins.some((origin) => origin === op.origin) &&
          (untilLsn === null || lsn <= untilLsn);
        assert.equal(sorted(found), sorted(byOracle(ops, stays, nowMs)));
      },
    ),
  );
});

test('the order of the rows does not matter', () => {
  fc.assert(
    fc.property(keyOps(), fc.nat(29), (ops, index) => {
      const named = ops[index] === undefined ? [] : [ops[index]];
      const leftOut = { ...NONE, ops: named };
      const forwards = differing(ops, leftOut, 0);
      const backwards = differing([...ops].reverse(), leftOut, 0);
      assert.equal(sorted(forwards), sorted(backwards));
    }),
  );
});

test('without a delete the value is there again, and without its put the key is absent', () => {
  const ops = [put({ seq: 1, version: 1 }), tombstone({ seq: 2, version: 1 })];
  const [{ origin }] = ops as [KeyOp, KeyOp];
  assert.equal(
    differing(ops, { ...NONE, ops: [{ origin, seq: 2 }] }, 0),
    new Map([['key', [null, `${origin}/1`]]]),
  );
  assert.equal(differing(ops, { ...NONE, ops: [{ origin, seq: 1 }] }, 0).size, 0);
  const live = ops.slice(0, 1);
  assert.equal(
    differing(live, { ...NONE, origins: ['node1'] }, 0),
    new Map([['key', [`${origin}/1`, null]]]),
  );
  assert.is(differing(live, { ...NONE, origins: ['node'] }, 0).size, 0);
});

test('ops of members are no entries', () => {
  const fold = new WhatIfFold({ ...NONE, origins: ['node1'] });
  fold.take(headOfRow(row(1, membership())));
  assert.is(fold.leftOutOps, 0);
  assert.equal([...fold.differences(0)], []);
});

test.run();
