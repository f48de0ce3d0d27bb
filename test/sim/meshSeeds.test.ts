// time limit: 300 s
/** Many short runs beyond a full mesh, with the oracle; `meshSeeds.slow.test.ts` and `meshSeeds.bench.test.ts` go on. */
import { suite } from 'uvu';
import { runShortMeshes } from './seeds.ts';

const meshes = suite('short meshes');

const FIRST_SEED = 1000;
const SIZES = [12, 16] as const;

for (let part = 0; part < 2; part++)
  meshes(`twenty seeds of 12 to 16 nodes, from ${FIRST_SEED + 20 * part} on`, () =>
    runShortMeshes(FIRST_SEED + 20 * part, 20, SIZES),
  );

meshes.run();
