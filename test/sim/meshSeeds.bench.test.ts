// time limit: 3600 s
/** Short runs of up to sixty nodes, with the oracle, for `npm run soak`. */
import { suite } from 'uvu';
import { runShortMeshes } from './seeds.ts';

const meshes = suite('short meshes of every size');

const FIRST_SEED = 3000;
const SIZES = [12, 60] as const;

for (let part = 0; part < 8; part++)
  meshes(`twenty seeds of 12 to 60 nodes, from ${FIRST_SEED + 20 * part} on`, () =>
    runShortMeshes(FIRST_SEED + 20 * part, 20, SIZES),
  );

meshes.run();
