// time limit: 300 s
/** Scenarios whose faults are the nodes': their processes, disks and clocks. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scenarioNames } from '../../sim/scenarios.ts';
import { runSeed, runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

const SCENARIOS = [
  ...['crashes', 'skewed clocks', 'full disks'],
  ...['joins', 'retirements', 'slow ends', 'formed apart', 'formed alone'],
  ...['clocks together', 'full disks and new origins', 'retired by hand', 'retired together'],
  ...['little memory', 'touches'],
];
/** Run by the files beside this one, so that they share the work. */
const ELSEWHERE = [
  ...['steady', 'racing', 'lossy', 'texts cut off', 'partitions', 'everything', 'watchers'],
  ...[
    'watchers of touches',
    'watchers of forgetful nodes',
    'restores',
    'clones',
    'lost tails',
    'power cuts',
  ],
  ...[
    'broken link',
    'many nodes',
    'mesh',
    'mesh of changing members',
    'mesh whose root dies',
    'mesh of two sides',
    'short mesh',
    'short mesh of changing members',
    'many origins',
    'restored from before joins',
  ],
];

const nodes = suite('simulated nodes');

for (const scenario of SCENARIOS)
  nodes(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

nodes(
  'a clock tells whole milliseconds, and timers fall between two (seed 220142 of "little memory")',
  () => runSeed('little memory', 220142),
);

nodes(
  'a stranger waits for one join timeout, and not for two (seed 70040 of "retired by hand")',
  () => runSeed('retired by hand', 70040),
);

nodes(
  'a node that has retired all others that are there gives way (seed 5247 of "retired together")',
  () => runSeed('retired together', 5247),
);

nodes(
  'a delete that all nodes of a side had collected before they began anew is not lost (seed 801067 of "retired together")',
  () => runSeed('retired together', 801067),
);

nodes(
  'an op comes back above one that it had beaten by its origin, and that is collected here (seed 1008 of "mesh of two sides")',
  () => runSeed('mesh of two sides', 1008),
);

nodes('verify takes no row of a snapshot for a damaged one (seed 5016 of "retired together")', () =>
  runSeed('retired together', 5016),
);

nodes('every scenario is run', () => {
  assert.equal([...SCENARIOS, ...ELSEWHERE].sort(), [...scenarioNames].sort());
});

nodes.run();
