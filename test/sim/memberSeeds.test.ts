// time limit: 600 s
/** Many short runs beyond a full mesh whose members come, go, are retired, or lose their logs, with the oracle. */
import { suite } from 'uvu';
import { runSeed } from './seeds.ts';

const changing = suite('short meshes of changing members');

const SCENARIO = 'short mesh of changing members';
const SEEDS = 150;
const AT_ONCE = 25;

for (let first = 1; first <= SEEDS; first += AT_ONCE)
  changing(`${AT_ONCE} seeds of "${SCENARIO}", from ${first} on`, async () => {
    for (let seed = first; seed < first + AT_ONCE; seed++) await runSeed(SCENARIO, seed);
  });

changing.run();
