/** When live watchers are told: at once, or after a pause. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DeliveryPace, type DeliveryTimers } from '../../../src/watch/hub/deliveryPace.ts';

const MAX_PAUSE_MS = 50;

const paces = suite('the pace of deliveries');

/** A clock that stands still but for deliveries, and a list of runs that are due. */
class Clock implements DeliveryTimers {
  nowMs = 1000;
  deliveryMs = 0;
  deliveries = 0;
  shared = 1;
  readonly due: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly pace = new DeliveryPace(this, MAX_PAUSE_MS, () => {
    this.deliveries++;
    return this.shared;
  });

  steadyMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const one = { atMs: this.nowMs + delayMs, run };
    this.due.push(one);
    return () => {
      this.due.splice(this.due.indexOf(one), 1);
    };
  }

  took(run: () => void): number {
    run();
    this.nowMs += this.deliveryMs;
    return this.deliveryMs;
  }

  /** Runs what is due by then. */
  moveTo(nowMs: number): void {
    this.nowMs = nowMs;
    for (const one of this.due.filter(({ atMs }) => atMs <= nowMs)) {
      this.due.splice(this.due.indexOf(one), 1);
      one.run();
    }
  }
}

paces('while deliveries are quick, each comes at once', () => {
  const clock = new Clock();
  clock.deliveryMs = 0.9;
  for (let count = 1; count <= 5; count++) {
    clock.pace.ask();
    assert.is(clock.deliveries, count);
  }
  assert.is(clock.due.length, 0);
});

paces('after a slow one the next waits half as long as it took, once for all who ask', () => {
  const clock = new Clock();
  clock.deliveryMs = 20;
  clock.pace.ask();
  assert.is(clock.nowMs, 1020);
  for (let count = 0; count < 3; count++) clock.pace.ask();
  assert.equal(
    clock.due.map(({ atMs }) => atMs),
    [1030],
  );
  assert.is(clock.pace.pauses, 1);
  clock.moveTo(1029);
  assert.is(clock.deliveries, 1);
  clock.moveTo(1030);
  assert.is(clock.deliveries, 2);
});

paces('one that took a millisecond is no quick one', () => {
  const clock = new Clock();
  clock.deliveryMs = 1;
  clock.pace.ask();
  clock.pace.ask();
  assert.equal(
    clock.due.map(({ atMs }) => atMs),
    [1001.5],
  );
});

paces('who asks after the pause waits for the end of the turn, as the last one was slow', () => {
  const clock = new Clock();
  clock.deliveryMs = 20;
  clock.pace.ask();
  clock.moveTo(1030);
  clock.pace.ask();
  assert.is(clock.deliveries, 1);
  clock.deliveryMs = 0;
  clock.moveTo(1030);
  assert.is(clock.deliveries, 2);
  assert.is(clock.pace.pauses, 0);
  clock.pace.ask();
  assert.is(clock.deliveries, 3, 'the last one was quick');
});

paces(
  'after a slow one in which eight events shared a write the next waits as long as it took',
  () => {
    const clock = new Clock();
    clock.deliveryMs = 20;
    for (const { shared, pauseMs } of [
      { shared: 7, pauseMs: 10 },
      { shared: 8, pauseMs: 20 },
    ]) {
      clock.shared = shared;
      clock.pace.deliverNow();
      clock.pace.ask();
      assert.is(clock.due[0]?.atMs, clock.nowMs + pauseMs);
    }
  },
);

paces('no pause is longer than the longest', () => {
  const clock = new Clock();
  clock.deliveryMs = 10_000;
  clock.pace.ask();
  clock.pace.ask();
  assert.is(clock.due[0]?.atMs, clock.nowMs + MAX_PAUSE_MS);
});

paces('a delivery that may not wait takes the place of the one that was due', () => {
  const clock = new Clock();
  clock.deliveryMs = 20;
  clock.pace.ask();
  clock.pace.ask();
  clock.pace.deliverNow();
  assert.is(clock.deliveries, 2);
  assert.is(clock.due.length, 0);
});

paces.run();
