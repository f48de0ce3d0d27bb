/** Runners of maintenance over a fleet in memory: any number of them has one effect. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Fleet } from '../../fleet/fleet.ts';
import { SlotStore } from '../../fleet/slotStore.ts';
import { type MaintenanceOptions, runMaintenance } from '../../maintenance/maintenance.ts';
import type { ConfiguredWorld } from '../../rules/maintenancePlan.ts';
import { meadow } from '../support/configurations.ts';
import { TestMachine } from '../support/testMachine.ts';

const maintenance = suite('maintenance');

function region(worlds: readonly ConfiguredWorld[], isCurrent = true, maxProcesses = 10) {
  const machine = new TestMachine();
  const store = new SlotStore(':memory:');
  const faults: unknown[] = [];
  const now = () => 1_000_000;
  const onFault = (error: unknown) => faults.push(error);
  const fleet = new Fleet({ store, machine, maxProcesses, now, onFault });
  const options: MaintenanceOptions = {
    isCurrent: () => isCurrent,
    worlds: () => worlds,
    now,
    onFault,
    readSlots: async () => fleet.views(),
    setSlot: async ({ world, slot, wanted, configurationVersion }) => {
      const { verdict } = fleet.set(world, slot, { wanted, configurationVersion });
      if (verdict === 'older' || verdict === 'no room') throw new Error(verdict);
    },
  };
  return { machine, options, faults, [Symbol.dispose]: () => store[Symbol.dispose]() };
}

const dynamic = meadow({ mode: 'dynamic', minInstances: 3, maxInstances: 3 });
const world = (configuration: ConfiguredWorld['configuration']): ConfiguredWorld => ({
  world: 'meadow',
  version: 1,
  configuration,
});

maintenance('four runners at once start one process in each slot', async () => {
  using eu = region([world(dynamic)]);
  await Promise.all([1, 2, 3, 4].map(() => runMaintenance(eu.options)));
  assert.equal(
    eu.machine.processes.map(({ slot, epoch }) => `${slot}.${epoch}`),
    ['1.1', '2.1', '3.1'],
  );
  assert.equal((await runMaintenance(eu.options)).actions, []);
});

maintenance(
  'a copy that is not current does nothing; a malformed configuration is told',
  async () => {
    using stale = region([world(dynamic)], false);
    assert.equal((await runMaintenance(stale.options)).actions, []);
    using malformed = region([world(null)]);
    assert.is((await runMaintenance(malformed.options)).reports.length, 1);
    assert.equal([...stale.machine.processes, ...malformed.machine.processes], []);
  },
);

maintenance('an action that the fleet refuses keeps none of the others back', async () => {
  using full = region([world(dynamic)], true, 2);
  const { actions } = await runMaintenance(full.options);
  assert.is(actions.length, 3);
  assert.is(full.machine.processes.length, 2);
  assert.match(String(full.faults), /no room/);
});

maintenance.run();
