// time limit: 180 s
/** A few benches, each once; the others are in the second set. */
import { suite } from 'uvu';
import { smoke, USUAL } from './smoke.ts';

const benches = suite('benches');

for (const name of USUAL) benches(`${name} measures, with every answer checked`, () => smoke(name));

benches.run();
