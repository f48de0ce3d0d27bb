import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Basis, emptyRecord } from '../../src/rules/basis.ts';
import { Closings } from '../../src/rules/closings.ts';
import { Batch } from '../../src/rules/decide.ts';
import { Members } from '../../src/rules/members.ts';
import type { Delta, Range } from '../../src/words/delta.ts';
import { carriedHash, ZERO } from '../../src/words/hash.ts';
import { isOnKey, type KeyOp, type Op } from '../../src/words/op.ts';
import type { OriginRecord } from '../../src/words/row.ts';
import { keyOps } from '../support/generators.ts';
import { changed, history, membership, naiveFold, put, sumOf } from '../support/ops.ts';

const A = 'node2.bbbbbb';
const B = 'node3.cccccc';

/** A range and its ops, of a history that starts at seq 1. */
function rangeOf(ops: readonly Op[], after: number, to: number): { range: Range; ops: Op[] } {
  const origin = ops[0]?.origin ?? A;
  return {
    range: { origin, after, to, sum: sumOf(ops.slice(0, to)) },
    ops: ops.slice(after, to),
  };
}

function deltaOf(...parts: { range: Range; ops: readonly Op[] }[]): Delta {
  return { ranges: parts.map(({ range }) => range), ops: parts.flatMap(({ ops }) => ops) };
}

/** A batch of a node that holds these histories. */
function batchHolding(...histories: (readonly Op[])[]): Batch {
  return batchOf(histories, {});
}

/** Likewise, of a node in another state. */
function batchOf(histories: readonly (readonly Op[])[], state: Partial<Basis>): Batch {
  const records = new Map<string, OriginRecord>();
  for (const ops of histories)
    for (const { origin, seq } of ops.slice(-1))
      records.set(origin, { ...emptyRecord(origin), seq, sum: sumOf(ops) });
  const map = naiveFold(histories.flat().filter(isOnKey));
  const basis: Basis = {
    head: (key) => map.get(key),
    entry: (key) => map.get(key),
    foresee: () => {},
    isFullOfKeys: () => false,
    offered: null,
    record: (origin) => records.get(origin) ?? emptyRecord(origin),
    origin: 'node1.aaaaaa',
    lastLsn: 10,
    hlc: 0,
    horizon: 0,
    vector: new Map(),
    members: new Members(),
    closings: new Closings(),
    snapshot: null,
    ...state,
  };
  return new Batch(basis, 1000);
}

const rowsOf = (batch: Batch): Op[] => batch.rows.map(({ op }) => op);

/** A history that is another from the seq on. */
const forkedAt = (ops: readonly KeyOp[], seq: number): KeyOp[] =>
  ops.map((op) => (op.seq < seq || op.kind !== 'put' ? op : changed(op, { value: '"other"' })));

const deltas = suite('taking in a delta (rule 7)');
const ofA = history(A, 1, 10);
const ofB = history(B, 1, 10);

deltas('a range that goes on from what is held is appended, and the record with it', () => {
  const batch = batchHolding(ofA.slice(0, 3));
  const outcome = batch.delta(deltaOf(rangeOf(ofA, 3, 5)));
  assert.equal(outcome, { kind: 'applied', ops: 2 });
  assert.equal(rowsOf(batch), ofA.slice(3, 5));
  assert.equal(
    batch.rows.map(({ lsn }) => lsn),
    [11, 12],
  );
  const record = { ...emptyRecord(A), seq: 5, sum: sumOf(ofA.slice(0, 5)) };
  assert.equal(batch.records.get(A), record);
});

deltas('what of a range is held already is passed over', () => {
  const batch = batchHolding(ofA.slice(0, 3));
  assert.equal(batch.delta(deltaOf(rangeOf(ofA, 1, 5))), { kind: 'applied', ops: 2 });
  assert.equal(rowsOf(batch), ofA.slice(3, 5));
});

deltas('a range that is held altogether changes nothing', () => {
  for (const held of [5, 7]) {
    const batch = batchHolding(ofA.slice(0, held));
    assert.equal(batch.delta(deltaOf(rangeOf(ofA, 2, 5))), { kind: 'applied', ops: 0 });
    assert.ok(batch.isEmpty);
  }
});

deltas('a delta twice in one batch is taken once', () => {
  const batch = batchHolding();
  const delta = deltaOf(rangeOf(ofA, 0, 2));
  assert.equal(batch.delta(delta), { kind: 'applied', ops: 2 });
  assert.equal(batch.delta(delta), { kind: 'applied', ops: 0 });
  assert.equal(batch.delta(deltaOf(rangeOf(ofA, 1, 4))), { kind: 'applied', ops: 2 });
  assert.equal(rowsOf(batch), ofA.slice(0, 4));
});

deltas('a range that starts above what is held is a gap, and nothing of the delta is taken', () => {
  const batch = batchHolding(ofA.slice(0, 3));
  const outcome = batch.delta(deltaOf(rangeOf(ofB, 0, 2), rangeOf(ofA, 4, 6)));
  assert.equal(outcome, { kind: 'gap' });
  assert.ok(batch.isEmpty);
});

deltas(
  'a delta that lacks an op of its own ranges is incomplete, and nothing of it is taken',
  () => {
    const { range, ops } = rangeOf(ofA, 0, 4);
    const [first, second, third, fourth] = ops as [Op, Op, Op, Op];
    const wrong: Op[][] = [
      [],
      [first, second, third],
      [second, third, fourth],
      [first, second, fourth],
      [first, third, second, fourth],
      [first, second, second, third, fourth],
    ];
    for (const some of wrong) {
      const batch = batchHolding();
      const outcome = batch.delta(deltaOf(rangeOf(ofB, 0, 2), { range, ops: some }));
      assert.equal(outcome, { kind: 'incomplete' });
      assert.ok(batch.isEmpty);
    }
  },
);

deltas('ops outside every range are not taken', () => {
  const { range, ops } = rangeOf(ofA, 0, 2);
  const batch = batchHolding();
  const delta = { ranges: [range], ops: [...ops, ...ofA.slice(2, 4), ...ofB.slice(0, 1)] };
  assert.equal(batch.delta(delta), { kind: 'applied', ops: 2 });
  assert.equal(rowsOf(batch), ofA.slice(0, 2));
});

deltas('the ranges of a delta may mix their ops', () => {
  const [a, b] = [rangeOf(ofA, 0, 2), rangeOf(ofB, 0, 2)];
  const mixed = [b.ops[0], a.ops[0], b.ops[1], a.ops[1]] as Op[];
  const batch = batchHolding();
  const outcome = batch.delta({ ranges: [a.range, b.range], ops: mixed });
  assert.equal(outcome, { kind: 'applied', ops: 4 });
  assert.equal(rowsOf(batch), [...a.ops, ...b.ops]);
});

deltas('a delta with two ranges of one origin is not taken: an op could come twice', () => {
  for (const second of [rangeOf(ofA, 0, 2), rangeOf(ofA, 0, 4), rangeOf(ofA, 2, 4)]) {
    const batch = batchHolding();
    const ranges = [rangeOf(ofA, 0, 2).range, second.range];
    assert.equal(batch.delta({ ranges, ops: ofA.slice(0, 4) }), { kind: 'incomplete' });
    assert.ok(batch.isEmpty);
  }
});

deltas('a range that ends before it starts is no reason to take anything', () => {
  const batch = batchHolding(ofA.slice(0, 3));
  const range = { origin: A, after: 3, to: 1, sum: ZERO };
  assert.is(batch.delta({ ranges: [range], ops: [] }).kind, 'applied');
  assert.ok(batch.isEmpty);
});

deltas('an op with another content under an id that we hold is a fork by its sum', () => {
  const other = forkedAt(ofA, 3);
  const batch = batchHolding(ofA.slice(0, 3));
  assert.equal(batch.delta(deltaOf(rangeOf(other, 3, 5))), { kind: 'fork', origins: [A], ops: 0 });
  assert.ok(batch.isEmpty);
});

deltas('a fork shows even where the delta brings nothing new', () => {
  const batch = batchHolding(ofA.slice(0, 3));
  const outcome = batch.delta(deltaOf(rangeOf(forkedAt(ofA, 2), 0, 3)));
  assert.equal(outcome, { kind: 'fork', origins: [A], ops: 0 });
});

deltas('an op that was damaged on the way is a fork by its sum', () => {
  const { range, ops } = rangeOf(ofA, 0, 2);
  const batch = batchHolding();
  assert.is(batch.delta({ ranges: [range], ops: forkedAt(ops as KeyOp[], 2) }).kind, 'fork');
  assert.ok(batch.isEmpty);
});

deltas('a forked origin does not hold back the others', () => {
  const batch = batchHolding(ofA.slice(0, 3));
  const outcome = batch.delta(deltaOf(rangeOf(forkedAt(ofA, 3), 3, 5), rangeOf(ofB, 0, 2)));
  assert.equal(outcome, { kind: 'fork', origins: [A], ops: 2 });
  assert.equal(rowsOf(batch), ofB.slice(0, 2));
});

deltas('an op that is beaten is in the log, with the mark that it did not win', () => {
  const [winner, loser] = [put({ version: 9, origin: B }), put({ version: 1, origin: A })];
  const batch = batchHolding([winner]);
  const range = { origin: A, after: 0, to: 1, sum: carriedHash(loser) };
  assert.equal(batch.delta({ ranges: [range], ops: [loser] }), { kind: 'applied', ops: 1 });
  assert.is(batch.rows[0]?.won, false);
});

deltas('a change of the members is taken like any op, and wins no key', () => {
  const join = membership({ origin: A, key: B });
  const range = { origin: A, after: 0, to: 1, sum: carriedHash(join) };
  const batch = batchHolding();
  assert.equal(batch.delta({ ranges: [range], ops: [join] }), { kind: 'applied', ops: 1 });
  assert.is(batch.rows[0]?.won, false);
});

deltas('stamps of a peer raise our own', () => {
  const ahead = put({ origin: A, hlc: 5_000_000 });
  const batch = batchHolding();
  batch.delta({ ranges: [{ origin: A, after: 0, to: 1, sum: carriedHash(ahead) }], ops: [ahead] });
  assert.is(batch.hlc, 5_000_000);
  const request = {
    kind: 'put',
    key: 'k',
    version: 1,
    ttlMs: null,
    value: '1',
    meta: null,
  } as const;
  batch.requests([request]);
  assert.is(batch.rows[1]?.op.hlc, 5_000_001);
});

deltas('rows of a snapshot come in as they are: what is no entry there wins nothing here', () => {
  const batch = batchHolding();
  const [entry, beaten] = [put({ version: 3, hlc: 7_000_000 }), put({ version: 9, seq: 2 })];
  batch.snapshotRow(entry, true);
  batch.snapshotRow(beaten, false);
  batch.snapshotRow(put({ version: 2, seq: 3 }), true);
  assert.equal(
    batch.rows.map(({ won }) => won),
    [true, false, false],
  );
  assert.is(batch.hlc, 7_000_000);
  assert.is(batch.records.size, 0);
});

deltas('whatever ranges of a history come in whatever order, what is held is its beginning', () => {
  const cut = fc.record({
    after: fc.nat(12),
    length: fc.nat(6),
    isOther: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  });
  fc.assert(
    fc.property(keyOps(24), fc.array(cut, { maxLength: 12 }), (ops, cuts) => {
      const byOrigin = Map.groupBy(ops, (op) => op.origin);
      const batch = batchHolding();
      for (const { after, length, isOther } of cuts) {
        const parts = [...byOrigin.values()].map((whole) => {
          const sent = isOther ? forkedAt(whole, Math.max(1, after)) : whole;
          const start = Math.min(after, whole.length);
          return rangeOf(sent, start, Math.min(start + length, whole.length));
        });
        const before = batch.rows.length;
        const outcome = batch.delta(deltaOf(...parts));
        const taken = batch.rows.length - before;
        if (outcome.kind === 'applied') assert.is(taken, outcome.ops);
        else if (outcome.kind !== 'fork') assert.is(taken, 0);
      }
      for (const [origin, whole] of byOrigin) {
        const held = rowsOf(batch).filter((op) => op.origin === origin);
        const { seq, sum } = batch.records.get(origin) ?? emptyRecord(origin);
        assert.is(held.length, seq);
        assert.equal(
          held.map((op) => op.seq),
          whole.slice(0, seq).map((op) => op.seq),
        );
        assert.equal(sum, sumOf(held));
      }
      const winners = naiveFold(rowsOf(batch).filter(isOnKey));
      for (const [key, winner] of winners)
        assert.is(batch.rows.findLast((one) => one.won && one.op.key === key)?.op, winner);
    }),
    { numRuns: 500 },
  );
});

deltas('of a closed origin nothing is taken beyond its end, and of others all (rule 13)', () => {
  const closings = new Closings();
  closings.add({ origin: A, seq: 3 });
  const batch = batchOf([ofA.slice(0, 3)], { closings });
  assert.equal(batch.delta(deltaOf(rangeOf(ofA, 0, 3))), { kind: 'applied', ops: 0 });
  const outcome = batch.delta(deltaOf(rangeOf(ofA, 3, 5), rangeOf(ofB, 0, 2)));
  assert.equal(outcome, { kind: 'beyondEnds', ops: 2 });
  assert.equal(rowsOf(batch), ofB.slice(0, 2));
  assert.not.ok(batch.records.has(A));
});

deltas('a gap is told as one, also where an origin has ended (rule 13)', () => {
  const closings = new Closings();
  closings.add({ origin: A, seq: 3 });
  const batch = batchOf([ofA.slice(0, 3)], { closings });
  const outcome = batch.delta(deltaOf(rangeOf(ofA, 3, 5), rangeOf(ofB, 1, 2)));
  assert.equal(outcome, { kind: 'gap' });
  assert.equal(rowsOf(batch), []);
});

deltas.run();

const commits = suite('what a delta was allowed to be when it came');

const FROM = 'node2.bbbbbb';
const deltaFromPeer = (): Delta => {
  const ops = history(FROM, 1, 2);
  return { ranges: [{ origin: FROM, after: 0, to: 2, sum: sumOf(ops) }], ops };
};
const NOBODY = { has: () => false, isRetired: () => false };

commits('nothing is taken directly from an origin that was retired meanwhile', () => {
  const members = { ...NOBODY, isRetired: (origin: string) => origin === FROM };
  assert.equal(batchOf([], { members }).delta(deltaFromPeer(), FROM), { kind: 'sealed' });
  assert.equal(batchOf([], { members }).delta(deltaFromPeer(), 'node3.cccccc'), {
    kind: 'applied',
    ops: 2,
  });
});

commits('nor from one that an earlier row of the same batch retires', () => {
  const batch = batchHolding();
  assert.equal(batch.delta(deltaFromPeer(), FROM).kind, 'applied');
  batch.membership('retire', FROM, null);
  assert.equal(batch.delta(deltaFromPeer(), FROM), { kind: 'sealed' });
});

commits('nothing is taken while a snapshot is on its way into the log', () => {
  const batch = batchOf([], { snapshot: 'underWay' });
  assert.equal(batch.delta(deltaFromPeer(), FROM), { kind: 'overtaken' });
  const begun = batchOf([], { lastLsn: 0 });
  begun.changeFacts({ snapshot: 'underWay' });
  assert.equal(begun.delta(deltaFromPeer(), FROM), { kind: 'overtaken' });
});

commits('a snapshot begins in an empty log only, the rows of its own batch included', () => {
  assert.ok(batchOf([], { lastLsn: 0 }).takesSnapshot);
  assert.not.ok(batchOf([], { lastLsn: 1 }).takesSnapshot);
  assert.ok(batchOf([], { lastLsn: 1, snapshot: 'underWay' }).takesSnapshot);
  const batch = batchOf([], { lastLsn: 0 });
  batch.delta(deltaFromPeer(), FROM);
  assert.not.ok(batch.takesSnapshot);
});

commits('members are counted with the rows of the batch', () => {
  const batch = batchHolding();
  assert.equal([batch.isMember(FROM), batch.isRetired(FROM)], [false, false]);
  batch.membership('join', FROM, null);
  assert.equal([batch.isMember(FROM), batch.isRetired(FROM)], [true, false]);
  batch.membership('retire', FROM, null);
  assert.equal([batch.isMember(FROM), batch.isRetired(FROM)], [false, true]);
});

commits.run();
