// time limit: 300 s
/** Scenarios whose faults are the network's and the clients'. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../sim/world.ts';
import type { WorldOptions } from '../../sim/worldOptions.ts';
import { runSeed, runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

const networks = suite('simulated networks');

for (const scenario of [
  'steady',
  'racing',
  'lossy',
  'texts cut off',
  'partitions',
  'everything',
  'broken link',
  'many nodes',
])
  networks(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

networks('texts that are cut off are faults, and bring refusals that end again', async () => {
  const change = (world: WorldOptions): WorldOptions => ({
    ...world,
    peerRefusalMs: 10_000,
    network: { ...world.network, truncation: 0.2 },
  });
  const { violation, counts } = await run({ scenario: 'texts cut off', seed: 1, change });
  assert.is(violation, null);
  assert.ok(counts.peerFaults > 0, 'no fault');
  assert.ok(counts.peerRefusals > 0, 'no refusal');
});

networks('members that others hear stay while one in six texts is lost (seed 190048)', () =>
  runSeed('broken link', 190048),
);

networks.run();
