/** When a node of `hearsay cluster` is ready, and that the command waits for all. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFacts, waitsFor } from '../../../src/cli/cluster/readiness.ts';

const readiness = suite('readiness of a cluster');

const READY: NodeFacts = {
  whyUnwritable: null,
  connectedPeers: 2,
  ring: null,
  otherMembers: 2,
  otherNodes: 2,
};

readiness('a node is ready once it takes writes and is connected with all others', () => {
  assert.is(waitsFor(READY), null);
  assert.is(waitsFor({ ...READY, connectedPeers: 0, otherNodes: 0 }), null);
  assert.is(waitsFor({ ...READY, connectedPeers: 1 }), 'is connected to 1 of 2 peers');
  const unwritable = { ...READY, whyUnwritable: 'the node has not joined its cluster yet' };
  assert.match(waitsFor(unwritable) ?? '', /^takes no writes yet \(the node has not joined/);
});

readiness(
  'beyond a full mesh it is connected with the next one on the ring, and counts all members',
  () => {
    const link = { origin: 'node4.aaaaaa', nodeId: 'node4', url: null, reason: null };
    const whole = { successor: 'node4.aaaaaa', broken: [] };
    const inMesh = { ...READY, connectedPeers: 4, otherMembers: 11, otherNodes: 11, ring: whole };
    assert.is(waitsFor(inMesh), null);
    assert.is(waitsFor({ ...inMesh, otherMembers: 9 }), 'counts 9 of 11 other members');
    assert.is(
      waitsFor({ ...inMesh, ring: { successor: null, broken: [link] } }),
      'is not connected to node4, the next one on the ring',
    );
  },
);

readiness.run();
