// time limit: 600 s
/** Clusters beyond a full mesh of more than a dozen nodes, with the oracle. */
import { suite } from 'uvu';
import { runSeed } from './seeds.ts';

const sizes = suite('larger meshes');

for (const [nodes, seed] of [
  [24, 1],
  [40, 2],
  [60, 3],
] as const)
  sizes(`seed ${seed} of "mesh" with ${nodes} nodes`, () => runSeed('mesh', seed, nodes));

sizes('seed 1 of "mesh of changing members" with 24 nodes', () =>
  runSeed('mesh of changing members', 1, 24),
);

sizes.run();
