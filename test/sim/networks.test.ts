// time limit: 300 s
/** Scenarios whose faults are the network's and the clients'. */
import { suite } from 'uvu';
import { runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

const networks = suite('simulated networks');

for (const scenario of [
  'steady',
  'racing',
  'lossy',
  'partitions',
  'everything',
  'broken link',
  'many nodes',
])
  networks(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

networks.run();
