import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  MAX_REACHED,
  mayCollect,
  Stability,
  type Stable,
  type StoredStable,
  stableAfter,
} from '../../src/rules/stability.ts';
import type { KeyOp, OpId } from '../../src/words/op.ts';
import { includes, type Vector } from '../../src/words/vector.ts';
import { vector as anyVector, ORIGINS } from '../support/generators.ts';
import { put, tombstone } from '../support/ops.ts';

const [A, B, C] = ORIGINS;
const NOTHING: Stable = { vector: new Map(), clock: -1 };

const vectorOf = (seqs: Readonly<Record<string, number>>): Vector => new Map(Object.entries(seqs));
const sorted = (vector: Vector): [string, number][] =>
  [...vector].filter(([, seq]) => seq > 0).sort(([a], [b]) => (a < b ? -1 : 1));

const settling = suite('settled vectors (rule 9)');

settling('a vector counts once our own includes it, and not before', () => {
  const stability = new Stability();
  stability.hear(B, vectorOf({ [A]: 2, [B]: 3 }), 500);
  stability.settle(vectorOf({ [A]: 9, [B]: 2 }));
  assert.is(stability.settledOf(B), undefined);
  assert.is(stability.settledClockOf(B), undefined);
  stability.settle(vectorOf({ [A]: 9, [B]: 3 }));
  assert.equal(stability.settledOf(B), vectorOf({ [A]: 2, [B]: 3 }));
  assert.is(stability.settledClockOf(B), 500);
});

settling('a newer vector does not push out the one that waits', () => {
  const stability = new Stability();
  for (let seq = 1; seq <= 50; seq++) {
    stability.hear(B, vectorOf({ [B]: seq }), seq);
    // Under load the newest is always ahead of what we hold.
    stability.settle(vectorOf({ [B]: seq - 1 }));
  }
  assert.equal(stability.settledOf(B), vectorOf({ [B]: 49 }));
  assert.is(stability.settledClockOf(B), 49);
});

settling('a vector that lacks what waits takes its place: the log was put back', () => {
  const stability = new Stability();
  stability.hear(B, vectorOf({ [B]: 9 }), 100);
  stability.hear(B, vectorOf({ [B]: 4 }), 200);
  stability.settle(vectorOf({ [B]: 4 }));
  assert.equal(stability.settledOf(B), vectorOf({ [B]: 4 }));
  assert.is(stability.settledClockOf(B), 200);
});

settling('the clock is the one that came with the vector that settled, not the last heard', () => {
  const stability = new Stability();
  stability.hear(B, vectorOf({ [B]: 1 }), 100);
  stability.hear(B, vectorOf({ [B]: 1 }), 900);
  stability.settle(vectorOf({ [B]: 1 }));
  assert.is(stability.settledClockOf(B), 100);
});

settling('what is heard is kept as it was, however the map goes on', () => {
  const stability = new Stability();
  const vector = new Map([[B, 1]]);
  stability.hear(B, vector, 100);
  vector.set(B, 7);
  stability.settle(vectorOf({ [B]: 1 }));
  assert.equal(stability.settledOf(B), vectorOf({ [B]: 1 }));
});

settling('a member that is forgotten is as one never heard, what waits of it included', () => {
  const stability = new Stability();
  stability.hear(B, new Map(), 1);
  stability.settle(new Map());
  stability.hear(B, vectorOf({ [B]: 5 }), 2);
  stability.forget(B);
  stability.settle(vectorOf({ [B]: 5 }));
  assert.is(stability.settledOf(B), undefined);
});

settling.run();

const stable = suite('the stable vector and clock (rule 9)');

/** Members whose vectors have settled. */
function settled(
  heard: Readonly<Record<string, [Readonly<Record<string, number>>, number]>>,
): Stability {
  const stability = new Stability();
  for (const [member, [seqs, clock]] of Object.entries(heard)) {
    stability.hear(member, vectorOf(seqs), clock);
    stability.settle(vectorOf(seqs));
  }
  return stability;
}

const OWN = { vector: vectorOf({ [A]: 5, [B]: 5, [C]: 5 }), clock: 1000 };

stable('it is the minimum over the members and ourselves', () => {
  const stability = settled({
    [B]: [{ [A]: 2, [B]: 9, [C]: 4 }, 700],
    [C]: [{ [A]: 3, [B]: 1, [C]: 9 }, 800],
  });
  const next = stability.advance([B, C], OWN, [], NOTHING);
  assert.equal(sorted(next?.vector ?? new Map()), [
    [A, 2],
    [B, 1],
    [C, 4],
  ]);
  assert.is(next?.clock, 700);
});

stable('alone, all that we hold is stable, by our own clock', () => {
  assert.equal(new Stability().advance([], OWN, [], NOTHING), OWN);
});

stable('an origin that a member has nothing of is stable up to nothing', () => {
  const stability = settled({ [B]: [{ [B]: 2 }, 700] });
  assert.equal(stability.advance([B], OWN, [], NOTHING)?.vector, vectorOf({ [B]: 2 }));
});

stable('our own clock counts where it is behind', () => {
  const stability = settled({ [B]: [{}, 5000] });
  assert.is(stability.advance([B], OWN, [], NOTHING)?.clock, 1000);
});

stable('it stands still while a member has not settled', () => {
  const stability = settled({ [B]: [{ [A]: 5, [B]: 5 }, 700] });
  stability.hear(C, vectorOf({ [A]: 99 }), 800);
  stability.settle(OWN.vector);
  assert.is(stability.advance([B, C], OWN, [], NOTHING), undefined);
  assert.ok(stability.advance([B], OWN, [], NOTHING), 'who is no member does not hold it up');
});

stable('it stands still while a member lacks a retire that we know, in vector and clock', () => {
  const retire: OpId = { origin: A, seq: 4 };
  const stability = settled({
    [B]: [{ [A]: 3, [B]: 5 }, 700],
    [C]: [{ [A]: 5, [C]: 5 }, 800],
  });
  assert.is(stability.advance([B, C], OWN, [retire], NOTHING), undefined);
  stability.hear(B, vectorOf({ [A]: 4 }), 900);
  assert.is(stability.advance([B, C], OWN, [retire], NOTHING), undefined, 'not settled yet');
  stability.settle(OWN.vector);
  assert.equal(stability.advance([B, C], OWN, [retire], NOTHING)?.vector, vectorOf({ [A]: 4 }));
});

stable('one retire that is held does not make up for another that is not', () => {
  const stability = settled({ [B]: [{ [A]: 4 }, 700] });
  const [held, missing] = [
    { origin: A, seq: 4 },
    { origin: C, seq: 1 },
  ];
  assert.is(stability.advance([B], OWN, [held, missing], NOTHING), undefined);
  assert.is(stability.advance([B], OWN, [missing, held], NOTHING), undefined);
});

stable(
  'the vector never shrinks by a member that comes with less; the clock goes back with one',
  () => {
    const before: Stable = { vector: vectorOf({ [A]: 5, [C]: 3 }), clock: 900 };
    const stability = settled({ [B]: [{ [A]: 1, [B]: 2 }, 100] });
    const next = stability.advance([B], OWN, [], before);
    assert.equal(next?.vector, vectorOf({ [A]: 5, [B]: 2, [C]: 3 }));
    assert.is(next?.clock, 100);
    assert.equal(before.vector, vectorOf({ [A]: 5, [C]: 3 }), 'what was before is not changed');
  },
);

stable('closed origins are stable to their ends, though no vector lists them', () => {
  const own = { vector: new Map(), clock: 5 };
  const next = new Stability().advance([], own, [], NOTHING, [{ origin: A, seq: 3 }]);
  assert.equal(next, { vector: new Map([[A, 3]]), clock: 5 });
});

stable.run();

const goingBack = suite('a stable clock that goes back (rule 9)');

const reachedBy = (vector: Vector, clock: number): StoredStable => ({ vector, clock, reached: [] });
const putOf = (seq: number, expiresAt: number) => put({ origin: A, seq, expiresAt });

goingBack(
  'what it had reached stays collected, and what came since lives by the clock of now',
  () => {
    const ahead = reachedBy(vectorOf({ [A]: 1 }), 5000);
    const back = stableAfter(ahead, { vector: vectorOf({ [A]: 2 }), clock: 1000 });
    assert.is(back.clock, 1000);
    assert.is(mayCollect(putOf(1, 4000), back), true);
    assert.is(mayCollect(putOf(2, 4000), back), false);
    assert.is(mayCollect(putOf(2, 1000), back), true);
    assert.is(mayCollect(tombstone({ origin: A, seq: 2 }), back), true);
  },
);

goingBack('what it had reached is forgotten once the clock is there again', () => {
  const vector = vectorOf({ [A]: 2 });
  let now = stableAfter(reachedBy(vectorOf({ [A]: 1 }), 5000), { vector, clock: 1000 });
  now = stableAfter(now, { vector, clock: 4999 });
  assert.is(now.reached.length, 1);
  now = stableAfter(now, { vector, clock: 5000 });
  assert.equal(now, { vector, clock: 5000, reached: [] });
});

goingBack('so many times it may go back, and then it waits with its vector', () => {
  let now = reachedBy(vectorOf({ [A]: 1 }), 1000);
  for (let step = 1; step <= MAX_REACHED; step++)
    now = stableAfter(now, { vector: vectorOf({ [A]: 1 + step }), clock: 1000 - step });
  assert.is(now.reached.length, MAX_REACHED);
  assert.is(stableAfter(now, { vector: vectorOf({ [A]: 99 }), clock: 1 }), now);
  const standing = stableAfter(now, { vector: vectorOf({ [A]: 99 }), clock: now.clock });
  assert.equal(standing, { ...now, vector: vectorOf({ [A]: 99 }) }, 'a clock that stands');
  assert.is(stableAfter(now, { vector: vectorOf({ [A]: 99 }), clock: 1000 }).reached.length, 0);
});

goingBack('what may be collected once may be for good, whatever the clock does', () => {
  const clocks = fc.array(fc.nat(50), { maxLength: 30 });
  fc.assert(
    fc.property(clocks, fc.array(fc.tuple(fc.nat(30), fc.nat(50))), (steps, times) => {
      const entries = times.map(([seq, expiresAt]) => putOf(seq + 1, expiresAt));
      const collected = new Set<KeyOp>();
      let now = reachedBy(new Map(), -1);
      for (const [seq, clock] of steps.entries()) {
        now = stableAfter(now, { vector: vectorOf({ [A]: seq + 1 }), clock });
        for (const entry of entries) {
          if (mayCollect(entry, now)) collected.add(entry);
          else assert.is(collected.has(entry), false);
        }
      }
    }),
  );
});

goingBack.run();

const properties = suite('stability as a whole');

const member = fc.constantFrom(B, C);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('hear' as const),
      member,
      vector: anyVector,
      clock: fc.nat(50),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('hold' as const),
      origin: fc.constantFrom(...ORIGINS),
      clock: fc.nat(50),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), member }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('retire' as const),
      origin: fc.constantFrom(...ORIGINS),
      seq: fc.integer({ min: 1, max: 3 }),
    }),
  },
);

/** Everything that was ever heard of a member, and from where on it may still be taken. */
interface NaiveMember {
  heard: { vector: Vector; clock: number }[];
  settled: { vector: Vector; clock: number } | null;
}

properties('it is at each moment what a naive model says, and its vector only grows', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const stability = new Stability();
      const model = new Map<string, NaiveMember>(
        [B, C].map((name) => [name, { heard: [], settled: null }]),
      );
      const own = new Map<string, number>();
      const retires: OpId[] = [];
      let clock = 0;
      let before = NOTHING;
      for (const one of steps) {
        if (one.kind === 'hear') {
          stability.hear(one.member, one.vector, one.clock);
          const known = model.get(one.member);
          const [first] = known?.heard ?? [];
          if (known !== undefined && first !== undefined && !includes(one.vector, first.vector))
            known.heard = [one];
          else known?.heard.push(one);
        } else if (one.kind === 'forget') {
          stability.forget(one.member);
          model.set(one.member, { heard: [], settled: null });
        } else if (one.kind === 'retire') retires.push(one);
        else {
          own.set(one.origin, (own.get(one.origin) ?? 0) + 1);
          clock = one.clock;
        }
        stability.settle(own);
        // The first that waits is the one that counts next; what came while it waited is passed over.
        for (const known of model.values()) {
          const [first] = known.heard;
          if (first === undefined) continue;
          if (includes(own, first.vector)) Object.assign(known, { settled: first, heard: [] });
        }
        const all = [...model.values()].map((known) => known.settled);
        const next = stability.advance([B, C], { vector: own, clock }, retires, before);
        const holds = all.every(
          (known) =>
            known !== null &&
            retires.every(({ origin, seq }) => (known.vector.get(origin) ?? 0) >= seq),
        );
        assert.is(next !== undefined, holds);
        if (next === undefined) continue;
        for (const origin of ORIGINS) {
          const seqs = [own, ...all.map((known) => known?.vector)].map(
            (vector) => vector?.get(origin) ?? 0,
          );
          const expected = Math.max(before.vector.get(origin) ?? 0, Math.min(...seqs));
          assert.is(next.vector.get(origin) ?? 0, expected);
        }
        const clocks = [clock, ...all.map((known) => known?.clock ?? 0)];
        assert.is(next.clock, Math.min(...clocks));
        assert.ok(includes(own, next.vector), 'what is stable is held here as well');
        before = next;
      }
    }),
    { numRuns: 500 },
  );
});

properties.run();
