// time limit: 600 s
/** A node with little memory and few descriptors outlives everything that clients can do to it. */
import { suite } from 'uvu';
import { ATTACKS, HEAVY_ATTACKS, outlives, PEER_ATTACKS } from './smallNode.ts';

const small = suite('a small node under all attacks');

small('outlives long answers, deep values, slow bodies and reads of the past too', () =>
  outlives([...ATTACKS, ...PEER_ATTACKS, ...HEAVY_ATTACKS]),
);

small.run();
