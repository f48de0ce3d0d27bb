/** Scenarios whose faults are the logs': put back, copied, or short of their end. */
import { suite } from 'uvu';
import { runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

const copies = suite('simulated copies of logs');

for (const scenario of ['restores', 'clones', 'lost tails', 'many origins'])
  copies(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

copies.run();
