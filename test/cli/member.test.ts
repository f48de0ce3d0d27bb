/** Members that a person may retire without force. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refusePresent } from '../../src/cli/member.ts';
import type { ClusterView } from '../../src/cli/remote/clusterMembers.ts';
import { member, report } from './overview/observations.ts';

const retiring = suite('members that a person retires');

/** The view of one of three nodes: only one of the others is connected with it. */
function viewOf(ring: ClusterView['ring'], isHeard: boolean): ClusterView {
  const view = report('node1', {}, ['node2']);
  return { ...view, ring, members: [...view.members, { ...member('node3'), isHeard }] };
}

retiring('one that is connected stays', () => {
  assert.throws(() => refusePresent(viewOf(null, false), 'node2'), /is connected right now/);
});

retiring('beyond a full mesh one that a round has heard stays as well', () => {
  const heard = viewOf({ broken: [] }, true);
  assert.throws(() => refusePresent(heard, 'node3'), /was heard within the last minute/);
  assert.throws(() => refusePresent(heard, 'node2'), /is connected right now/);
});

retiring('one that nobody hears goes, and in a full mesh one without a connection', () => {
  refusePresent(viewOf({ broken: [] }, false), 'node3');
  refusePresent(viewOf(null, true), 'node3');
});

retiring.run();
