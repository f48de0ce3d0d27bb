import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  covers,
  includes,
  missingOps,
  raise,
  sameVector,
  seqOf,
  type Vector,
} from '../../src/words/vector.ts';
import { ORIGINS, origin, vector } from '../support/generators.ts';

const vectors = suite('vectors');
const of = (seqs: Record<string, number>): Map<string, number> => new Map(Object.entries(seqs));

/** The ops that a vector stands for, one by one. */
function opsOf(held: Vector): Set<string> {
  const ops = new Set<string>();
  for (const [name, upTo] of held) for (let seq = 1; seq <= upTo; seq++) ops.add(`${name}/${seq}`);
  return ops;
}

vectors('an origin that is missing is held up to 0', () => {
  assert.is(seqOf(of({ 'a.1': 3 }), 'a.1'), 3);
  assert.is(seqOf(of({ 'a.1': 3 }), 'b.1'), 0);
  assert.ok(sameVector(of({ 'a.1': 0 }), of({})));
});

vectors('an op is covered from its seq on', () => {
  const held = of({ 'a.1': 3 });
  assert.ok(covers(held, { origin: 'a.1', seq: 3 }));
  assert.not.ok(covers(held, { origin: 'a.1', seq: 4 }));
  assert.not.ok(covers(held, { origin: 'b.1', seq: 1 }));
});

vectors('neither of two vectors need include the other', () => {
  const [a, b] = [of({ 'a.1': 1 }), of({ 'b.1': 1 })];
  assert.not.ok(includes(a, b));
  assert.not.ok(includes(b, a));
  assert.not.ok(sameVector(a, b));
});

vectors('raising never lowers', () => {
  const held = of({ 'a.1': 3 });
  raise(held, 'a.1', 2);
  assert.is(held.get('a.1'), 3);
  raise(held, 'a.1', 4);
  raise(held, 'b.1', 1);
  raise(held, 'c.1', 0);
  assert.equal(held, of({ 'a.1': 4, 'b.1': 1 }));
});

vectors('what is missing counts every origin, and nothing twice', () => {
  assert.is(missingOps(of({ 'a.1': 5, 'b.1': 1 }), of({ 'a.1': 2, 'b.1': 4, 'c.1': 2 })), 5);
  assert.is(missingOps(of({ 'a.1': 5 }), of({ 'a.1': 5 })), 0);
});

vectors('every function tells the same as the sets of ops that the vectors stand for', () => {
  const seq = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(vector, vector, origin, seq, (a, b, name, someSeq) => {
      const [opsOfA, opsOfB] = [opsOf(a), opsOf(b)];
      const missing = [...opsOfB].filter((op) => !opsOfA.has(op)).length;
      assert.is(includes(a, b), missing === 0);
      assert.is(sameVector(a, b), missing === 0 && opsOfA.size === opsOfB.size);
      assert.is(missingOps(a, b), missing);
      assert.is(covers(a, { origin: name, seq: someSeq }), opsOfA.has(`${name}/${someSeq}`));
      raise(a, name, someSeq);
      assert.is(seqOf(a, name), Math.max(count(opsOfA, name), someSeq));
    }),
    { numRuns: 1000 },
  );
});

vectors('including is a partial order', () => {
  fc.assert(
    fc.property(vector, vector, vector, (a, b, c) => {
      assert.ok(includes(a, a));
      if (includes(a, b) && includes(b, a)) assert.ok(sameVector(a, b));
      if (includes(a, b) && includes(b, c)) assert.ok(includes(a, c));
    }),
    { numRuns: 1000 },
  );
});

vectors('raised by all of another, a vector includes both and nothing else', () => {
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      const both = new Map(a);
      for (const [name, seq] of b) raise(both, name, seq);
      assert.ok(includes(both, a));
      assert.ok(includes(both, b));
      for (const name of ORIGINS)
        assert.is(seqOf(both, name), Math.max(seqOf(a, name), seqOf(b, name)));
    }),
  );
});

vectors.run();

function count(ops: Set<string>, name: string): number {
  return [...ops].filter((op) => op.startsWith(`${name}/`)).length;
}
