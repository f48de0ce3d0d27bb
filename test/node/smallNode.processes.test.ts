// time limit: 120 s
/** A node with little memory and few descriptors outlives clients that hold connections, and serves the others. */
import { suite } from 'uvu';
import { ATTACKS, outlives } from './smallNode.ts';

const small = suite('a small node');

small('outlives more connections, watchers and requests sent ahead than it has room for', () =>
  outlives(ATTACKS),
);

small.run();
