/** The fleet over processes in memory: rule 8, adoption, silence, draining, and what it refuses. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Fleet } from '../../fleet/fleet.ts';
import { SlotStore } from '../../fleet/slotStore.ts';
import { mayStartAgainAtMs, SLOT_TIMES } from '../../rules/slotSteps.ts';
import type { WantedState } from '../../rules/worldConfiguration.ts';
import { counterexampleOf } from '../support/counterexample.ts';
import { rounds } from '../support/rounds.ts';
import { TestMachine, type TestProcess } from '../support/testMachine.ts';

const fleet = suite('fleet');

class Region implements Disposable {
  readonly machine = new TestMachine();
  readonly store = new SlotStore(':memory:');
  readonly faults: unknown[] = [];
  nowMs = 1_000_000;
  fleet = this.restart();

  restart(): Fleet {
    this.fleet = new Fleet({
      store: this.store,
      machine: this.machine,
      maxProcesses: 3,
      now: () => this.nowMs,
      onFault: (error) => this.faults.push(error),
    });
    return this.fleet;
  }

  want(slot: number, wanted: WantedState, configurationVersion = 1): string {
    return this.fleet.set('meadow', slot, { wanted, configurationVersion }).verdict;
  }

  ready({ slot, epoch, name: { pid } }: TestProcess): void {
    const controlUrl = `http://127.0.0.1:${pid}`;
    this.fleet.hear('meadow', slot, epoch, { type: 'ready', pid, controlUrl });
  }

  health({ slot, epoch }: TestProcess, taken = 0): void {
    this.fleet.hear('meadow', slot, epoch, { type: 'health', state: 'active', taken });
  }

  pass(ms: number, beat: () => void = () => {}, lookMs = 500): void {
    for (let passedMs = 0; passedMs < ms; passedMs += lookMs) {
      this.nowMs += lookMs;
      beat();
      this.fleet.look();
    }
  }

  state(slot: number): string | undefined {
    return this.fleet.views().find((view) => view.slot === slot)?.state;
  }

  processOf(slot: number): TestProcess {
    const [one, ...others] = this.machine.alive(slot);
    assert.equal(others, []);
    assert.ok(one);
    return one;
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
  }
}

fleet('a slot that is wanted gets a process, and a new one when that ends', () => {
  using region = new Region();
  assert.is(region.want(1, 'running'), 'set');
  assert.is(region.want(1, 'running'), 'as it is');
  const first = region.processOf(1);
  assert.is(region.state(1), 'starting');
  region.ready(first);
  region.health(first, 4);
  assert.is(region.state(1), 'running');
  assert.is(region.fleet.views()[0]?.taken, 4);
  assert.is(region.fleet.views()[0]?.emptySinceMs, null);
  first.isAlive = false;
  region.pass(250);
  assert.is(region.processOf(1).epoch, 2);
  assert.not.ok(region.fleet.admits('meadow', 1, 1), 'the older one is refused');
  assert.ok(region.fleet.admits('meadow', 1, 2));
});

fleet('a process that says nothing is killed, and then replaced', () => {
  using region = new Region();
  region.want(1, 'running');
  const first = region.processOf(1);
  region.ready(first);
  region.pass(60_000, () => region.health(first));
  assert.is(region.processOf(1), first);
  region.pass(SLOT_TIMES.silentMs + 500);
  assert.not.ok(first.isAlive);
  assert.is(region.processOf(1).epoch, 2);
  // One that never gets ready likewise.
  region.pass(SLOT_TIMES.startMs + 1000);
  assert.is(region.processOf(1).epoch, 3);
});

fleet('a fleet that was held up takes the silence for its own', () => {
  using region = new Region();
  region.want(1, 'running');
  const first = region.processOf(1);
  region.ready(first);
  region.nowMs += 60_000;
  region.fleet.look();
  assert.is(region.processOf(1), first);
});

fleet('a fleet that returns adopts what runs, and kills what does not come', () => {
  using region = new Region();
  region.want(1, 'running');
  region.want(2, 'running');
  const [one, two] = [region.processOf(1), region.processOf(2)];
  region.restart();
  region.pass(1000);
  region.ready(one);
  region.pass(SLOT_TIMES.adoptMs, () => region.health(one));
  assert.is(region.processOf(1), one);
  assert.not.ok(two.isAlive);
  assert.is(region.processOf(2).epoch, 2);
});

fleet('a process whose pid was never stored is adopted by its epoch, or refused', () => {
  using region = new Region();
  region.machine.isFleetKilledInStart = true;
  region.want(1, 'running');
  const lost = region.processOf(1);
  region.restart();
  region.ready(lost);
  region.pass(10_000, () => region.health(lost));
  assert.is(region.processOf(1), lost);
  region.want(2, 'running');
  region.restart();
  region.machine.isFleetKilledInStart = false;
  region.pass(SLOT_TIMES.adoptMs + 500);
  assert.not.ok(region.fleet.admits('meadow', 2, 1));
});

fleet('a drained slot has its time, a stopped one none, and what does not end is killed', () => {
  using region = new Region();
  region.want(1, 'running');
  const first = region.processOf(1);
  region.ready(first);
  region.want(1, 'drained');
  region.pass(1000, () => region.health(first));
  assert.equal(
    region.machine.drains.map(({ graceMs }) => graceMs),
    [SLOT_TIMES.graceMs],
  );
  assert.is(region.state(1), 'draining');
  region.want(1, 'stopped');
  region.pass(1000, () => region.health(first));
  assert.is(region.machine.drains.at(-1)?.graceMs, 0);
  region.pass(SLOT_TIMES.flushMs + 1000, () => region.health(first));
  assert.not.ok(first.isAlive);
  assert.is(region.state(1), undefined);
  assert.is(region.want(1, 'running'), 'set');
  assert.is(region.processOf(1).epoch, 2);
});

fleet('an older configuration, and more than there is room for, are refused', () => {
  using region = new Region();
  assert.is(region.want(1, 'running', 5), 'set');
  assert.is(region.want(1, 'stopped', 4), 'older');
  assert.is(region.want(2, 'running'), 'set');
  assert.is(region.want(3, 'running'), 'set');
  assert.is(region.want(4, 'running'), 'no room');
  assert.is(region.want(4, 'stopped'), 'set');
  region.fleet.stopAll();
  assert.is(region.want(1, 'running', 6), 'no room');
});

fleet('the first replacement is at once; one that ends again and again waits longer', () => {
  const waits = [0, 1, 2, 3, 4, 30].map((earlyEnds) => mayStartAgainAtMs(earlyEnds, 0));
  assert.equal(waits, [0, 0, 500, 1000, 2000, 30_000]);
});

/** @param isGuarded false: the fleet does not know that a process lives. */
function checkOneProcess(isGuarded: boolean, runs: number): void {
  const step = fc.record({
    what: fc.constantFrom('want', 'drain', 'stop', 'ready', 'health', 'die', 'restart', 'pass'),
    slot: fc.integer({ min: 1, max: 2 }),
    choice: fc.nat(10),
  });
  const property = fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
    using region = new Region();
    if (!isGuarded) region.machine.isAlive = () => false;
    for (const { what, slot, choice } of steps) {
      const ofSlot = region.machine.processes.filter((one) => one.slot === slot);
      const chosen = ofSlot[choice % Math.max(1, ofSlot.length)];
      const isAlive = chosen?.isAlive === true;
      if (what === 'want') region.want(slot, 'running');
      if (what === 'drain') region.want(slot, 'drained');
      if (what === 'stop') region.want(slot, 'stopped');
      if (what === 'restart') region.restart();
      if (what === 'pass') region.pass(choice * 2000, () => {}, 2000);
      if (what === 'ready' && isAlive) region.ready(chosen);
      if (what === 'health' && isAlive) region.health(chosen, choice);
      if (what === 'die' && isAlive) chosen.isAlive = false;
      region.fleet.look();
      for (const one of [1, 2])
        assert.ok(region.machine.alive(one).length <= 1, 'rule 8: two processes in one slot');
    }
    for (const slot of [1, 2]) region.want(slot, 'running');
    const tell = (): void => {
      for (const slot of [1, 2])
        for (const one of region.machine.alive(slot)) {
          region.ready(one);
          region.health(one);
        }
    };
    region.pass(SLOT_TIMES.mostAgainMs + SLOT_TIMES.startMs, tell, 2000);
    for (const slot of [1, 2])
      assert.is(region.machine.alive(slot).length, 1, 'rule 8: a wanted slot is empty');
    assert.equal(region.faults, []);
  });
  fc.assert(property, { numRuns: runs });
}

fleet('in any order of events a slot has one process at most, and one in the end', () => {
  checkOneProcess(true, rounds(1000));
  assert.throws(() => checkOneProcess(false, 100), counterexampleOf(/rule 8/));
});

fleet.run();
