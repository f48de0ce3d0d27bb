import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ConfiguredWorld,
  instancesNeeded,
  planMaintenance,
  type SlotAction,
  type SlotView,
} from '../../rules/maintenancePlan.ts';
import type { WorldConfiguration } from '../../rules/worldConfiguration.ts';

const NOW = 10_000_000_000;
const HOUR_MS = 3_600_000;

const plan = suite('maintenance plan');

const configuration = (fields: Partial<WorldConfiguration> = {}): WorldConfiguration => ({
  name: 'Meadow',
  map: 'meadow',
  maxPlayers: 10,
  mode: 'dynamic',
  minInstances: 1,
  maxInstances: 4,
  spareSeats: 3,
  desired: 'running',
  restartEveryHours: null,
  ...fields,
});

const configured = (fields: Partial<WorldConfiguration> = {}, version = 5): ConfiguredWorld => ({
  world: 'meadow',
  version,
  configuration: configuration(fields),
});

const slotView = (slot: number, fields: Partial<SlotView> = {}): SlotView => ({
  world: 'meadow',
  slot,
  wanted: 'running',
  state: 'running',
  configurationVersion: 5,
  startedAtMs: NOW - HOUR_MS,
  taken: 0,
  emptySinceMs: NOW - 1000,
  ...fields,
});

const action = (slot: number, wanted: SlotAction['wanted']): SlotAction => ({
  world: 'meadow',
  slot,
  wanted,
  configurationVersion: 5,
});

const actionsFor = (
  fields: Partial<WorldConfiguration>,
  ...slots: readonly SlotView[]
): readonly SlotAction[] => planMaintenance(true, [configured(fields)], slots, NOW).actions;

plan('a world without slots gets as many as it needs', () => {
  assert.equal(actionsFor({}), [action(1, 'running')]);
  assert.equal(actionsFor({ minInstances: 2 }), [action(1, 'running'), action(2, 'running')]);
  assert.equal(actionsFor({ mode: 'static', minInstances: 3 }), [action(1, 'running')]);
});

plan('seats that are taken and spare decide how many, between the bounds', () => {
  const needed = (taken: number, fields: Partial<WorldConfiguration> = {}) =>
    instancesNeeded(configuration(fields), [{ taken }]);
  assert.is(needed(7), 1);
  assert.is(needed(8), 2);
  assert.is(needed(17), 2);
  assert.is(needed(18), 3);
  assert.is(needed(400), 4);
  assert.is(needed(0, { minInstances: 2 }), 2);
  assert.is(needed(400, { mode: 'static' }), 1);
});

plan('the highest instance goes once it was empty for five minutes, and no other', () => {
  const fiveMinutes = { emptySinceMs: NOW - 5 * 60_000 };
  assert.equal(actionsFor({}, slotView(1), slotView(2)), []);
  assert.equal(actionsFor({}, slotView(1), slotView(2, fiveMinutes), slotView(3, fiveMinutes)), [
    action(3, 'drained'),
  ]);
  const playedIn = slotView(3, { taken: 1, emptySinceMs: null });
  assert.equal(actionsFor({}, slotView(1), slotView(2, fiveMinutes), playedIn), []);
});

plan('an instance above the configured most goes though somebody plays there', () => {
  const full = { taken: 10, emptySinceMs: null };
  assert.equal(actionsFor({ maxInstances: 1 }, slotView(1, full), slotView(2, full)), [
    action(2, 'drained'),
  ]);
});

plan('an instance that drains is left alone until it has ended, then its slot is filled', () => {
  const draining = slotView(1, { wanted: 'drained', state: 'draining' });
  assert.equal(actionsFor({}, draining), []);
  assert.equal(actionsFor({}, { ...draining, state: 'ended' }), [action(1, 'running')]);
});

plan('of the instances that are too old one at a time is drained', () => {
  const old = { startedAtMs: NOW - 25 * HOUR_MS, taken: 6, emptySinceMs: null };
  const older = { ...old, startedAtMs: NOW - 26 * HOUR_MS };
  const daily = { restartEveryHours: 24 };
  assert.equal(actionsFor(daily, slotView(1, old), slotView(2, older)), [action(2, 'drained')]);
  const draining = slotView(2, { ...older, wanted: 'drained', state: 'draining' });
  assert.equal(actionsFor(daily, slotView(1, old), draining), []);
  assert.equal(actionsFor({}, slotView(1, old), slotView(2, older)), []);
});

plan('a drained or stopped world starts nothing', () => {
  assert.equal(actionsFor({ desired: 'drained' }), []);
  assert.equal(actionsFor({ desired: 'stopped' }, slotView(1), slotView(2)), [
    action(1, 'stopped'),
    action(2, 'stopped'),
  ]);
});

plan('a runner whose copy is not current does nothing', () => {
  assert.equal(planMaintenance(false, [configured({ desired: 'stopped' })], [slotView(1)], NOW), {
    actions: [],
    reports: [],
  });
});

plan('a world without a readable configuration is left as it is, and reported', () => {
  const malformed = { world: 'harbour', version: 3, configuration: null };
  const slots = [slotView(1), slotView(1, { world: 'harbour' }), slotView(1, { world: 'summit' })];
  assert.equal(planMaintenance(true, [configured(), malformed], slots, NOW), {
    actions: [],
    reports: [
      { world: 'summit', reason: 'configuration missing' },
      { world: 'harbour', reason: 'configuration malformed' },
    ],
  });
});

plan('a configuration older than one that was applied changes nothing', () => {
  const { actions, reports } = planMaintenance(
    true,
    [configured({ desired: 'stopped' }, 4)],
    [slotView(1)],
    NOW,
  );
  assert.equal(actions, []);
  assert.equal(reports, [{ world: 'meadow', reason: 'configuration older' }]);
});

plan('the fleet is told of a newer configuration of slots that go on', () => {
  const { actions } = planMaintenance(true, [configured({}, 6)], [slotView(1)], NOW);
  assert.equal(actions, [{ ...action(1, 'running'), configurationVersion: 6 }]);
});

plan(
  'an instance that was told to be refreshed is not called back because a surplus one goes',
  () => {
    const world = configured({
      minInstances: 1,
      maxInstances: 2,
      spareSeats: 0,
      restartEveryHours: 24,
    });
    const told = slotView(1, { wanted: 'drained', startedAtMs: NOW - 24 * HOUR_MS });
    const surplus = slotView(3, { wanted: 'drained', state: 'draining' });
    assert.equal(planMaintenance(true, [world], [told, surplus], NOW).actions, []);
    const untold = { ...told, wanted: 'running' } as const;
    assert.equal(planMaintenance(true, [world], [untold, surplus], NOW).actions, []);
  },
);

const slots = fc
  .uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 6 })
  .chain((numbers) => fc.tuple(...numbers.map((number) => anySlot(number))));

const anySlot = (number: number): fc.Arbitrary<SlotView> =>
  fc
    .record({
      wanted: fc.constantFrom('running', 'drained', 'stopped'),
      state: fc.constantFrom('starting', 'running', 'draining', 'ended'),
      taken: fc.nat(10),
      hours: fc.nat(30),
      minutes: fc.nat(9),
    })
    .map(({ wanted, state, taken, hours, minutes }) =>
      slotView(number, {
        wanted,
        state,
        taken,
        startedAtMs: NOW - hours * HOUR_MS,
        emptySinceMs: taken === 0 ? NOW - minutes * 60_000 : null,
      }),
    );

const anyConfiguration = fc
  .record({
    mode: fc.constantFrom('static', 'dynamic'),
    minInstances: fc.integer({ min: 0, max: 2 }),
    maxInstances: fc.integer({ min: 2, max: 4 }),
    spareSeats: fc.nat(12),
    desired: fc.constantFrom('running', 'running', 'running', 'drained', 'stopped'),
    restartEveryHours: fc.constantFrom(null, 24),
  })
  .map((fields) => configured(fields as Partial<WorldConfiguration>));

plan('several runners with one view have the effect of one', () => {
  fc.assert(
    fc.property(anyConfiguration, slots, (world, present) => {
      const { actions } = planMaintenance(true, [world], present, NOW);
      assert.is(new Set(actions.map(({ slot }) => slot)).size, actions.length);
      const applied = apply(present, actions);
      for (const again of planMaintenance(true, [world], applied, NOW).actions)
        assert.is(again.wanted, 'drained', 'a second run only goes on to the next surplus slot');
      assert.equal(apply(applied, actions), applied);
    }),
    { numRuns: 500 },
  );
});

/** As a fleet does: a slot has the state that was wanted last. */
function apply(present: readonly SlotView[], actions: readonly SlotAction[]): SlotView[] {
  const bySlot = new Map(present.map((slot) => [slot.slot, slot]));
  for (const { slot, wanted } of actions) {
    const before = bySlot.get(slot) ?? slotView(slot, { state: 'ended' });
    const isAlive = before.state === 'starting' || before.state === 'running';
    let { state } = before;
    if (wanted === 'running' && state === 'ended') state = 'starting';
    if (wanted !== 'running' && isAlive) state = 'draining';
    bySlot.set(slot, { ...before, wanted, state });
  }
  return [...bySlot.values()];
}

plan.run();
