/** The state in which a cluster has to be once its members have changed. */
import * as assert from 'uvu/assert';
import type { MembersChanged } from '../../bench/mesh/memberChanges.ts';

/** The last of the nodes starts a minute after the first. */
const MOST_JOINING_S = 90;
const MOST_JOINS_A_MEMBER = 2;

/** No entry is lost, all nodes that run and nobody else are members, and entries that die are collected. */
export function assertWhole({ settledS, deadGoneS, lost, rejoins }: MembersChanged): void {
  assert.ok(settledS !== null, 'the nodes that run are not all members, or others are');
  assert.ok(deadGoneS !== null, 'dead entries stay');
  assert.is(lost, 0);
  assert.is(rejoins, 0);
}

/** As `assertWhole`, soon after the last of so many has started, and none of them has joined twice. */
export function assertJoined(joined: MembersChanged, nodes: number): void {
  assertWhole(joined);
  assert.ok((joined.settledS ?? Infinity) <= MOST_JOINING_S, `${joined.settledS} s`);
  assert.ok(joined.joinsAMember <= MOST_JOINS_A_MEMBER, `${joined.joinsAMember} joins a member`);
  assert.is(joined.mostMembers, nodes);
}
