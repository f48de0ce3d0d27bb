/** The rate of each kind of message: a burst, and then so many a second. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BURST_SECONDS } from '../../../src/gossip/border/bounds.ts';
import { Rates } from '../../../src/gossip/border/rates.ts';

const rates = suite('rates of messages');

rates('a burst of some seconds is taken, and not one message more', () => {
  const kept = new Rates();
  const taken = (count: number, nowMs: number): number =>
    Array.from({ length: count }, () => kept.take('digest', 10, nowMs)).filter(Boolean).length;
  assert.is(taken(1000, 0), BURST_SECONDS * 10);
  assert.is(taken(1000, 100), 1, 'a tenth of a second gives one');
  assert.is(taken(1000, 1_000_000), BURST_SECONDS * 10, 'a long pause gives no longer burst');
  assert.ok(kept.take('later', 10, 1_000_000), 'each kind counts by itself');
});

rates.run();
