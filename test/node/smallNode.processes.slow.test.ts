// time limit: 300 s
/** A node with little memory and few descriptors outlives clients that hold connections and hostile peers, and serves the others. */
import { suite } from 'uvu';
import { ATTACKS, outlives, PEER_ATTACKS } from './smallNode.ts';

const small = suite('a small node');

small('outlives more connections, watchers and requests sent ahead than it has room for', () =>
  outlives(ATTACKS),
);

small('outlives peers that hold the token and mean it harm', () => outlives(PEER_ATTACKS));

small.run();
