/** The price of faults. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Conduct, type Misdeed } from '../../../src/gossip/border/conduct.ts';
import { PEER_FAULTS } from '../../../src/gossip/protocol/peerFaults.ts';

const conduct = suite('the price of faults');

const REFUSAL_MS = 600_000;
const deed = (fields: Partial<Misdeed> = {}): Misdeed => ({
  name: 'evil',
  fault: 'form',
  reason: 'it is not JSON',
  ...fields,
});

conduct('every kind of fault leads to refusal where it is repeated, and none at once', () => {
  for (const fault of PEER_FAULTS) {
    const kept = new Conduct(REFUSAL_MS);
    assert.is(kept.add('a', deed({ fault }), 0), null, fault);
    let count = 2;
    while (kept.add('a', deed({ fault }), 0) === null) count++;
    assert.ok(count <= 3, fault);
  }
});

conduct('a refusal names its peer and its reason, ends in time, and is not made longer', () => {
  const kept = new Conduct(REFUSAL_MS);
  for (let count = 0; count < 2; count++) assert.is(kept.add('a', deed(), 500 * count), null);
  const refusal = kept.add('a', deed(), 1000);
  assert.is(refusal?.name, 'evil');
  assert.is(refusal?.reason, 'it is not JSON');
  assert.equal(kept.refusals(1000), [refusal]);
  for (let count = 0; count < 10; count++) assert.is(kept.add('a', deed(), 2000), null);
  assert.is(kept.refusalOf('a', 1000 + REFUSAL_MS - 1), refusal);
  assert.is(kept.refusalOf('a', 1000 + REFUSAL_MS), null);
  assert.equal(kept.refusals(1000 + REFUSAL_MS), []);
  assert.is(kept.add('a', deed(), 1000 + REFUSAL_MS), null);
});

conduct('two faults that cost just as much as is allowed bring a refusal', () => {
  const kept = new Conduct(REFUSAL_MS);
  assert.is(kept.add('a', deed({ fault: 'rate' }), 0), null);
  assert.ok(kept.add('a', deed({ fault: 'form' }), 0));
});

conduct('a fault now and then is forgiven for ever', () => {
  const kept = new Conduct(REFUSAL_MS);
  for (let count = 0; count < 1000; count++)
    assert.is(kept.add('a', deed(), count * (REFUSAL_MS / 2)), null);
});

conduct('the faults of one peer are not those of another', () => {
  const kept = new Conduct(REFUSAL_MS);
  for (let count = 0; count < 3; count++) kept.add('a', deed(), 0);
  assert.ok(kept.refusalOf('a', 0));
  assert.is(kept.refusalOf('b', 0), null);
  assert.is(kept.add('b', deed(), 0), null);
});

conduct('names that are made up fill no more room, and push out no refusal', () => {
  const kept = new Conduct(REFUSAL_MS);
  for (let count = 0; count < 3; count++) kept.add('a', deed(), 0);
  for (let count = 0; count < 5000; count++) kept.add(`name${count}`, deed(), 1);
  assert.ok(kept.refusalOf('a', 1));
  assert.is(kept.size, 1024);
});

conduct.run();
