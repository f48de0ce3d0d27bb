// time limit: 600 s
/** Many short runs beyond a full mesh, with the oracle; `memberSeeds.test.ts` has as many whose members change. */
import { suite } from 'uvu';
import { runSeed } from './seeds.ts';

const meshes = suite('short meshes');

const SEEDS = 150;
const AT_ONCE = 25;

for (let first = 1; first <= SEEDS; first += AT_ONCE)
  meshes(`${AT_ONCE} seeds of "short mesh", from ${first} on`, async () => {
    for (let seed = first; seed < first + AT_ONCE; seed++) await runSeed('short mesh', seed);
  });

meshes.run();
