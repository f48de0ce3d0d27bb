/** Vectors as differences from others. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_ORIGINS, sameVector, type Vector } from '../../src/words/vector.ts';
import { changedVector, vectorChanges } from '../../src/words/vectorChanges.ts';
import { vector } from '../support/generators.ts';

const of = (seqs: Record<string, number>): Map<string, number> => new Map(Object.entries(seqs));
const NONE: Vector = new Map();

const changes = suite('differences of vectors');

changes('a base and its differences from a vector give the vector', () => {
  fc.assert(
    fc.property(vector, vector, (base, next) => {
      const back = changedVector(base, vectorChanges(base, next));
      assert.ok(back !== null && sameVector(back, next));
      for (const seq of back.values()) assert.ok(seq > 0);
    }),
  );
});

changes('the order in which a vector names its origins makes no difference', () => {
  fc.assert(
    fc.property(vector, vector, (base, next) => {
      const reversed = new Map([...base].reverse());
      assert.equal(vectorChanges(reversed, next).steps, vectorChanges(base, next).steps);
    }),
  );
});

changes('an origin costs its distance from the one before, and its step', () => {
  const base = of({ a: 5, b: 5, c: 5, d: 5 });
  assert.equal(vectorChanges(base, of({ a: 5, b: 7, c: 5, d: 4 })), {
    steps: [1, 2, 1, -1],
    added: NONE,
  });
  assert.equal(vectorChanges(base, base), { steps: [], added: NONE });
});

changes('origins that came are named, and those that went step to 0', () => {
  const base = of({ a: 5, z: 0 });
  assert.equal(vectorChanges(base, of({ b: 3, z: 1 })), {
    steps: [0, -5],
    added: of({ b: 3, z: 1 }),
  });
  assert.equal(changedVector(base, { steps: [0, -5], added: of({ b: 3 }) }), of({ b: 3 }));
});

changes('what is no difference from the base gives nothing', () => {
  const base = of({ a: 5, b: 5 });
  for (const [steps, added] of [
    [[2, 1], NONE],
    [[1, 1, 0, 1], NONE],
    [[0, -6], NONE],
    [[0, Number.MAX_SAFE_INTEGER], NONE],
    [[], of({ a: 9 })],
  ] as const)
    assert.is(changedVector(base, { steps, added }), null, JSON.stringify(steps));
});

changes('a vector gets no more origins than a message may list', () => {
  const many = new Map(Array.from({ length: MAX_ORIGINS }, (_, index) => [`n.${index}`, 1]));
  assert.is(changedVector(of({ a: 1 }), { steps: [], added: many }), null);
  assert.is(changedVector(NONE, { steps: [], added: many })?.size, MAX_ORIGINS);
});

changes.run();
