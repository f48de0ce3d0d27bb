import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { merged, type Report, reportOf } from '../../src/rules/certificate.ts';
import { Stability } from '../../src/rules/stability.ts';
import { includes, type Vector } from '../../src/words/vector.ts';
import { vector as anyVector, ORIGINS } from '../support/generators.ts';

const [A, B, C] = ORIGINS;
const vectorOf = (seqs: Readonly<Record<string, number>>): Vector => new Map(Object.entries(seqs));

const single = fc
  .record({ origin: fc.constantFrom(...ORIGINS), vector: anyVector, clock: fc.nat() })
  .map(({ origin, vector, clock }) => reportOf(origin, vector, clock));
const reports = fc.array(single, { minLength: 1, maxLength: 5 });

/** In an order that does not matter, without the origins that stand at 0. */
const plain = ({ min, max, clock, members }: Report) => ({
  min: [...min].filter(([, seq]) => seq > 0).sort(),
  max: [...max].filter(([, seq]) => seq > 0).sort(),
  clock,
  members: [...members].sort(),
});
const mergedAll = (all: readonly Report[]): Report => all.reduce((a, b) => merged(a, b));

const certificates = suite('certificates (rule 9)');

certificates('reports give the same in whatever order they come, and however often', () => {
  fc.assert(
    fc.property(reports, fc.array(fc.nat(), { maxLength: 4 }), (all, again) => {
      const doubled = [...all, ...again.map((index) => all[index % all.length] ?? all[0])];
      const once = plain(mergedAll(all));
      assert.equal(plain(mergedAll([...all].reverse())), once);
      assert.equal(plain(mergedAll(doubled.filter((one) => one !== undefined))), once);
    }),
  );
});

certificates('each vector that was reported lies between min and max', () => {
  fc.assert(
    fc.property(reports, (all) => {
      const { min, max, clock, members } = mergedAll(all);
      for (const one of all) {
        assert.ok(includes(one.min, min));
        assert.ok(includes(max, one.max));
        assert.ok(clock <= one.clock);
        for (const member of one.members) assert.ok(members.has(member));
      }
    }),
  );
});

certificates('an origin that one member lacks has no least seq', () => {
  const { min, max } = merged(
    reportOf(B, vectorOf({ [A]: 3, [B]: 5 }), 300),
    reportOf(C, vectorOf({ [B]: 4, [C]: 2 }), 200),
  );
  assert.equal([...min], [[B, 4]]);
  assert.equal([...max].sort(), [...vectorOf({ [A]: 3, [B]: 5, [C]: 2 })].sort());
});

const stability = suite('stability by certificates (rule 9)');

const OWN = vectorOf({ [A]: 5, [B]: 5 });
const CERTIFICATE = merged(
  reportOf(B, vectorOf({ [A]: 3, [B]: 5 }), 300),
  reportOf(C, vectorOf({ [A]: 4, [B]: 2 }), 200),
);
const NOTHING = { vector: new Map<string, number>() };

stability(
  'a certificate counts for each member that it names, once our own vector includes its max',
  () => {
    const stable = new Stability();
    stable.certify(CERTIFICATE, 0);
    stable.settle(vectorOf({ [A]: 5, [B]: 4 }));
    assert.is(stable.advance([B, C], { vector: OWN, clock: 900 }, [], NOTHING), undefined);
    stable.settle(OWN);
    const next = stable.advance([B, C], { vector: OWN, clock: 900 }, [], NOTHING);
    assert.equal(next, { vector: vectorOf({ [A]: 3, [B]: 2 }), clock: 200 });
  },
);

stability('a member that did not report holds everything back', () => {
  const stable = new Stability();
  stable.certify(reportOf(B, OWN, 300), 0);
  stable.settle(OWN);
  assert.is(stable.advance([B, C], { vector: OWN, clock: 900 }, [], NOTHING), undefined);
  assert.equal(stable.advance([B], { vector: OWN, clock: 900 }, [], NOTHING)?.vector, OWN);
});

stability('a retire that one of them lacked holds everything back', () => {
  const stable = new Stability();
  stable.certify(CERTIFICATE, 0);
  stable.settle(OWN);
  const own = { vector: OWN, clock: 900 };
  assert.is(stable.advance([B, C], own, [{ origin: A, seq: 4 }], NOTHING), undefined);
  assert.ok(stable.advance([B, C], own, [{ origin: A, seq: 3 }], NOTHING));
});

stability('a certificate that waits gives way to a newer one only after two rounds', () => {
  const lost = reportOf(B, vectorOf({ [B]: 99 }), 100);
  const next = reportOf(B, vectorOf({ [B]: 5 }), 200);
  for (const [afterMs, clock] of [
    [20_000, undefined],
    [20_001, 200],
  ] as const) {
    const stable = new Stability();
    stable.certify(lost, 0);
    stable.certify(next, afterMs);
    stable.settle(OWN);
    assert.is(stable.settledClockOf(B), clock);
  }
});

certificates.run();
stability.run();
