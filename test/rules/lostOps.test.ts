import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decideOffer, type OfferDecision } from '../../src/rules/lostOps.ts';
import type { KeyOp } from '../../src/words/op.ts';
import { put } from '../support/ops.ts';

const [LEAST, LESS, MORE, MOST] = ['node1.a', 'node2.b', 'node3.c', 'node4.d'] as const;
const JUDGED = { later: undefined, isComplete: true, isRecent: true };

/** Decides about an op that would be born again under another origin. */
const decided = (lost: KeyOp, entry: KeyOp, origin: string): OfferDecision =>
  decideOffer(lost, JUDGED, { entry, bornAs: { origin, seq: 9 }, horizon: 0, nowMs: 0 });

const ties = suite('a lost op and an entry of one generation, version and HLC (rules 1 and 12)');

ties('the same content is a copy, whatever its id', () => {
  const lost = put({ origin: LESS, value: '1' });
  assert.is(decided(lost, lost, MOST), 'known');
  for (const origin of [LEAST, MOST])
    assert.is(decided(lost, put({ origin, seq: 7, value: '1' }), LEAST), 'known');
});

for (const [what, fields] of Object.entries({
  value: { value: '2' },
  meta: { meta: '{}' },
  expiry: { expiresAt: 5 },
}))
  ties(`another ${what} is another op, and its origin decides`, () => {
    const entry = put({ origin: LESS, ...fields });
    assert.is(decided(put({ origin: MORE }), entry, MOST), 'asItWas');
    assert.is(decided(put({ origin: LEAST }), entry, MOST), 'beaten');
  });

ties('an op that its new origin would let lose takes the next HLC', () => {
  const entry = put({ origin: LESS, value: '2' });
  assert.is(decided(put({ origin: MORE }), entry, LEAST), 'justAbove');
  assert.is(decided(put({ origin: MORE, version: 2 }), entry, LEAST), 'asItWas');
});

ties('two ops of a fork under one id are two ops, and the lost one comes back', () => {
  const entry = put({ origin: LESS, value: '2' });
  assert.is(decided(put({ origin: LESS }), entry, MOST), 'asItWas');
  assert.is(decided(put({ origin: LESS }), entry, LEAST), 'justAbove');
});

ties.run();
