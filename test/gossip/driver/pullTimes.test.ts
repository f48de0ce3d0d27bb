/** A pull is timed from its digest until the ops of its answer are in the log. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PullTimes } from '../../../src/gossip/driver/pullTimes.ts';

const times = suite('times of pulls');

function timed(): { pulls: PullTimes; told: number[]; clock: { nowMs: number } } {
  const clock = { nowMs: 100 };
  const told: number[] = [];
  const pulls = new PullTimes(
    () => clock.nowMs,
    (ms) => told.push(ms),
  );
  return { pulls, told, clock };
}

times('each pull is told once', () => {
  const { pulls, told, clock } = timed();
  pulls.asked(1);
  clock.nowMs += 5;
  pulls.asked(2);
  clock.nowMs += 5;
  pulls.takenIn(1);
  pulls.takenIn(1);
  pulls.takenIn(2);
  assert.equal(told, [10, 5]);
});

times('a pull that was lost is forgotten by the next one, and with its connection', () => {
  const { pulls, told, clock } = timed();
  pulls.asked(1);
  clock.nowMs += 50;
  pulls.asked(1);
  clock.nowMs += 5;
  pulls.takenIn(1);
  pulls.asked(2);
  pulls.drop(2);
  pulls.takenIn(2);
  assert.equal(told, [5]);
});

times.run();
