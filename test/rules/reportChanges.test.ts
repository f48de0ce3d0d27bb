/** Reports as differences from certificates (rule 9). */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { merged, type Report, reportOf } from '../../src/rules/certificate.ts';
import { changedReport, hashed, reportChanges } from '../../src/rules/reportChanges.ts';
import { sameHash } from '../../src/words/hash.ts';
import { vector as anyVector, ORIGINS } from '../support/generators.ts';

const single = fc
  .record({ origin: fc.constantFrom(...ORIGINS), vector: anyVector, clock: fc.nat() })
  .map(({ origin, vector, clock }) => reportOf(origin, vector, clock));
const report = fc
  .array(single, { minLength: 1, maxLength: 5 })
  .map((all) => all.reduce((a, b) => merged(a, b)));

/** In an order that does not matter, without the origins that stand at 0. */
const plain = ({ min, max, clock, members }: Report) => ({
  min: [...min].filter(([, seq]) => seq > 0).sort(),
  max: [...max].filter(([, seq]) => seq > 0).sort(),
  clock,
  members: [...members].sort(),
});

const changes = suite('reports as differences (rule 9)');

changes('a certificate and the differences from it give the report', () => {
  fc.assert(
    fc.property(report, report, (before, next) => {
      const base = hashed(before);
      const back = changedReport(base, reportChanges(base, hashed(next)));
      assert.equal(back && plain(back.report), plain(next));
      assert.ok(back && sameHash(back.hash, hashed(next).hash));
    }),
  );
});

changes('two reports have one hash if they say the same, and else two', () => {
  fc.assert(
    fc.property(report, report, (one, other) => {
      const isSame = JSON.stringify(plain(one)) === JSON.stringify(plain(other));
      assert.is(sameHash(hashed(one).hash, hashed(other).hash), isSame);
    }),
  );
});

changes('differences applied to another certificate give nothing, or the very report', () => {
  fc.assert(
    fc.property(report, report, report, (before, other, next) => {
      const told = reportChanges(hashed(before), hashed(next));
      const back = changedReport(hashed(other), told);
      if (back !== null) assert.equal(plain(back.report), plain(next));
    }),
  );
});

changes('whoever alters one of the differences has told nothing', () => {
  fc.assert(
    fc.property(report, report, (before, next) => {
      const base = hashed(before);
      const told = reportChanges(base, hashed(next));
      const [A] = ORIGINS;
      for (const lie of [
        { ...told, clock: told.clock + 1 },
        { ...told, joined: new Set([...told.joined, 'node9.zzzzzz']) },
        { ...told, min: { ...told.min, added: new Map([...told.min.added, ['node9.zzzzzz', 1]]) } },
        { ...told, max: { ...told.max, steps: [0, 1, ...told.max.steps] } },
        { ...told, hash: { ...told.hash, low: told.hash.low ^ 1 } },
        { ...told, left: new Set([...told.left, ...next.members]) },
        { ...told, joined: new Set(next.members.has(A) ? [] : [A]), listsAll: true },
      ])
        assert.is(changedReport(base, lie), null);
    }),
  );
});

changes('few members are listed, and of many those that came and went', () => {
  const four = ['a.1', 'b.1', 'c.1', 'd.1'];
  const withMembers = (members: readonly string[]) =>
    hashed({ ...reportOf('a.1', new Map([['a.1', 7]]), 9), members: new Set(members) });
  const base = withMembers(four);
  const few = reportChanges(base, withMembers(['b.1']));
  assert.equal([few.listsAll, [...few.joined], [...few.left]], [true, ['b.1'], []]);
  const many = reportChanges(base, withMembers(['b.1', 'c.1', 'd.1', 'e.1']));
  assert.equal([many.listsAll, [...many.joined], [...many.left]], [false, ['e.1'], ['a.1']]);
  assert.equal([many.min.steps, many.max.steps], [[], []]);
});

changes.run();
