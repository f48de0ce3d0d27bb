// time limit: 300 s
/** Scenarios whose faults are the logs': put back, copied, or short of their end. */
import { suite } from 'uvu';
import { runSeed, runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

const copies = suite('simulated copies of logs');

for (const scenario of [
  'restores',
  'restored from before joins',
  'clones',
  'lost tails',
  'power cuts',
  'many origins',
])
  copies(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

/** Faults that further seeds have shown. Seeds draw other worlds once a scenario changes; the rule stays. */
const ONCE_FAILED = [
  ['clones', 14, 'a node on a copy of a log counts once for acks'],
  ['clones', 56, 'joins and retirements of a forked origin reach all members'],
  ['clones', 81, 'two nodes that have closed different origins both start again'],
  ['clones', 148, 'a node that was copied again soon after a rejoin rejoins once more'],
  ['clones', 82, 'a node that joins turns away from a sponsor that has become another one'],
  ['clones', 234, 'a put is no copy of another one of the same instant'],
  ['clones', 988, 'of two puts of one instant under one id the lost one comes back'],
  ['clones', 788, 'a put that won by its origin wins when another origin offers it'],
  ['restores', 140136, 'two nodes that lack what the third alone holds rejoin, and ask it'],
  ['restores', 190080, 'two nodes follow the one that alone holds more, whose `join` never came'],
  ['many origins', 210004, 'of two strangers the one that lacks what is gone gives way'],
  [
    'restored from before joins',
    220144,
    'a put that gave way to a delete is as safe as the delete',
  ],
  ['restored from before joins', 70046, 'nobody is let in that lacks what no node sends any more'],
] as const;

for (const [scenario, seed, rule] of ONCE_FAILED)
  copies(`${rule} (seed ${seed} of "${scenario}")`, () => runSeed(scenario, seed));

copies.run();
