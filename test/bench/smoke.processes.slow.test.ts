// time limit: 300 s
/** The benches that `npm test` leaves out, each once. */
import { suite } from 'uvu';
import { SLOW, smoke } from './smoke.ts';

const benches = suite('slow benches');

for (const name of SLOW) benches(`${name} measures, with every answer checked`, () => smoke(name));

benches.run();
