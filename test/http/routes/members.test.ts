/** Members by the names that operators give. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PeerStatus } from '../../../src/gossip/protocol/peerStatus.ts';
import { findMember } from '../../../src/http/routes/memberRoutes.ts';
import { Members, memberValue } from '../../../src/rules/members.ts';
import { membership } from '../../support/ops.ts';

const members = suite('members by name');

const MOVED = 'moved.aaaaaa';

const CONNECTED: PeerStatus = {
  nodeId: 'after',
  origin: MOVED,
  url: 'http://new:1',
  state: 'connected',
  reason: null,
  peerLacksOps: 0,
  weLackOps: 0,
  confirmedSeq: 0,
  lastHeardAt: 1,
  agrees: true,
};

members('a former name or URL finds no member that is connected, a present one does', () => {
  const past = new Members();
  const join = (seq: number, nodeId: string, url: string): void =>
    past.fold(membership({ key: MOVED, seq, hlc: seq, value: memberValue(nodeId, url) }));
  join(1, 'before', 'http://old:1');
  join(2, 'after', 'http://new:1');
  const all = [...past.all()].map((member) => ({
    ...member,
    lastHeardAt: 0,
    isHeard: false,
    holdsBack: true,
    acknowledged: null,
  }));
  for (const name of ['before', 'http://old:1', 'http://old:1/']) {
    assert.is(findMember(all, [], past, name).origin, MOVED);
    const isConnected = /is a former name of .*, which is connected: name it by its origin/;
    assert.throws(() => findMember(all, [CONNECTED], past, name), isConnected);
  }
  for (const name of ['after', 'http://new:1/', MOVED])
    assert.is(findMember(all, [CONNECTED], past, name).origin, MOVED);
});

members.run();
