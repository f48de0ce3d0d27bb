/** An evacuation changes the worlds that run, and its end those that it drained. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evacuationChanges } from '../../rules/evacuation.ts';
import { type ConfiguredWorld, planMaintenance } from '../../rules/maintenancePlan.ts';
import { meadow } from '../support/configurations.ts';

const evacuation = suite('evacuation');

const WORLDS: readonly ConfiguredWorld[] = [
  { world: 'a', version: 3, configuration: meadow() },
  { world: 'b', version: 4, configuration: meadow({ desired: 'stopped' }) },
  { world: 'c', version: 5, configuration: null },
  { world: 'd', version: 6, configuration: meadow({ desired: 'drained' }) },
];

evacuation('a world that runs is drained, and no other one is changed', () => {
  assert.equal(evacuationChanges(WORLDS, 'drained'), [
    { world: 'a', version: 3, configuration: meadow({ desired: 'drained' }) },
  ]);
});

evacuation('at its end the drained worlds run again, and stopped ones stay so', () => {
  assert.equal(evacuationChanges(WORLDS, 'running'), [
    { world: 'd', version: 6, configuration: meadow() },
  ]);
});

evacuation('maintenance drains every slot of a drained world, whoever plays there', () => {
  const [change] = evacuationChanges(WORLDS, 'drained');
  assert.ok(change);
  const slots = [1, 2].map((slot) => ({
    world: 'a',
    slot,
    wanted: 'running',
    state: 'running',
    configurationVersion: 3,
    startedAtMs: 0,
    taken: 7,
    emptySinceMs: null,
  })) satisfies readonly object[];
  const { actions } = planMaintenance(
    true,
    [{ ...change, version: change.version + 1 }],
    slots as Parameters<typeof planMaintenance>[2],
    1000,
  );
  assert.equal(
    actions.map(({ slot, wanted }) => [slot, wanted]),
    [
      [1, 'drained'],
      [2, 'drained'],
    ],
  );
});

evacuation.run();
