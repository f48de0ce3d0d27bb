import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decideOffer, type Judged, type OfferDecision } from '../../src/rules/lostOps.ts';
import type { KeyOp } from '../../src/words/op.ts';
import { put, tombstone } from '../support/ops.ts';

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

const HORIZON = 4;
const NOW_MS = 1000;

/** Decides about an op on a key that has no entry. */
const decidedAlone = (lost: KeyOp, judged: Partial<Judged> = {}): OfferDecision =>
  decideOffer(
    lost,
    { ...JUDGED, isComplete: false, ...judged },
    { entry: undefined, bornAs: { origin: MOST, seq: 9 }, horizon: HORIZON, nowMs: NOW_MS },
  );

const alone = suite('a lost op on a key that has no entry (rule 12)');

alone('a greater op of the key that is known, or the op itself, beats it', () => {
  const lost = put({ generation: HORIZON, version: 5 });
  const isComplete = true;
  assert.is(
    decidedAlone(lost, { isComplete, later: put({ generation: HORIZON, version: 6 }) }),
    'beaten',
  );
  assert.is(decidedAlone(lost, { isComplete, later: lost }), 'beaten');
  assert.is(
    decidedAlone(lost, { isComplete, later: put({ generation: HORIZON, version: 4 }) }),
    'asItWas',
  );
  assert.is(decidedAlone(lost, { isComplete }), 'asItWas');
});

alone(
  'an op that its new origin would let lose to one that is collected takes the next HLC',
  () => {
    const later = put({ origin: LESS, value: '2' });
    const again = (lost: KeyOp, origin: string): OfferDecision =>
      decideOffer(
        lost,
        { ...JUDGED, later },
        { entry: undefined, bornAs: { origin, seq: 9 }, horizon: HORIZON, nowMs: NOW_MS },
      );
    assert.is(again(put({ origin: MORE }), LEAST), 'justAbove');
    assert.is(again(put({ origin: MORE }), MOST), 'asItWas');
    assert.is(again(put({ origin: MORE, version: 2 }), LEAST), 'asItWas');
  },
);

alone('it comes back as it was if nothing greater can have been forgotten', () => {
  assert.is(decidedAlone(put({ generation: HORIZON })), 'asItWas');
  assert.is(decidedAlone(put({ generation: HORIZON + 1 })), 'asItWas');
  assert.is(decidedAlone(put({ generation: HORIZON - 1 }), { isComplete: true }), 'asItWas');
  assert.is(decidedAlone(tombstone({ generation: HORIZON })), 'asItWas');
});

alone(
  'below the horizon only a live put that came after all forgotten ops comes back, as a new one',
  () => {
    const below = { generation: HORIZON - 1 };
    assert.is(decidedAlone(put(below)), 'anew');
    assert.is(decidedAlone(put({ ...below, expiresAt: NOW_MS + 1 })), 'anew');
    assert.is(decidedAlone(put({ ...below, expiresAt: NOW_MS })), 'undecided');
    assert.is(decidedAlone(tombstone(below)), 'undecided');
    assert.is(decidedAlone(put(below), { isRecent: false }), 'undecided');
  },
);

alone.run();
