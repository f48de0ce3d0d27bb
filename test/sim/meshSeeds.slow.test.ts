// time limit: 900 s
/** More short runs beyond a full mesh, with the oracle: the second set. */
import { suite } from 'uvu';
import { runShortMeshes } from './seeds.ts';

const meshes = suite('more short meshes');

const FIRST_SEED = 2000;
const SIZES = [12, 20] as const;

for (let part = 0; part < 5; part++)
  meshes(`twenty seeds of 12 to 20 nodes, from ${FIRST_SEED + 20 * part} on`, () =>
    runShortMeshes(FIRST_SEED + 20 * part, 20, SIZES),
  );

meshes.run();
