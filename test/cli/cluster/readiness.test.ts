/** When a node of `hearsay cluster` is ready, and that the command waits for all. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFacts, waitsFor } from '../../../src/cli/cluster/readiness.ts';

const readiness = suite('readiness of a cluster');

const READY: NodeFacts = { whyUnwritable: null, connectedPeers: 2, otherNodes: 2 };

readiness('a node is ready once it takes writes and is connected with all others', () => {
  assert.is(waitsFor(READY), null);
  assert.is(waitsFor({ ...READY, connectedPeers: 0, otherNodes: 0 }), null);
  assert.is(waitsFor({ ...READY, connectedPeers: 1 }), 'is connected to 1 of 2 peers');
  const unwritable = { ...READY, whyUnwritable: 'the node has not joined its cluster yet' };
  assert.match(waitsFor(unwritable) ?? '', /^takes no writes yet \(the node has not joined/);
});

readiness.run();
