/** Seqs told by places in another vector. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { placedSeqs, seqsAtPlaces } from '../../src/words/placedSeqs.ts';
import type { Vector } from '../../src/words/vector.ts';

const ofVector = (base: Vector) => ({ order: [...base.keys()].sort(), base });
const known = {
  order: ['a', 'c', 'd', 'silent'],
  base: new Map([
    ['d', 4],
    ['a', 7],
    ['c', 2],
  ]),
};

const places = suite('seqs by places');

places('each is told by how many origins lie before it, and by its difference', () => {
  const seqs = new Map([
    ['d', 5],
    ['a', 9],
  ]);
  assert.equal(placedSeqs(known, seqs), { steps: [0, 2, 1, 1], added: new Map() });
});

places('an origin without a place is told by its name', () => {
  const seqs = new Map([
    ['silent', 1],
    ['new', 3],
    ['c', 1],
  ]);
  const told = placedSeqs(known, seqs);
  assert.equal(told, { steps: [1, -1, 1, 1], added: new Map([['new', 3]]) });
  assert.equal(new Map([...(seqsAtPlaces(known, told) ?? [])].sort()), new Map([...seqs].sort()));
});

places('they come back as they were', () => {
  const vector = fc
    .array(fc.tuple(fc.stringMatching(/^[a-f]{1,2}$/), fc.integer({ min: 1, max: 99 })))
    .map((entries) => new Map(entries));
  fc.assert(
    fc.property(vector, vector, (some, seqs) => {
      const told = seqsAtPlaces(ofVector(some), placedSeqs(ofVector(some), seqs));
      assert.equal([...(told ?? [])].sort(), [...seqs].sort());
    }),
  );
});

places('a place or a seq that nobody can have tells nothing', () => {
  const added = new Map([['e', 1]]);
  assert.is(seqsAtPlaces(known, { steps: [4, 1], added }), null);
  assert.is(seqsAtPlaces(known, { steps: [0, -7], added }), null);
  assert.equal(seqsAtPlaces(known, { steps: [0, -6], added }), new Map([...added, ['a', 1]]));
});

places.run();
