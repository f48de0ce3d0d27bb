/** The silence of members, by the time in which the node could hear them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SilenceClock } from '../../../src/gossip/protocol/silenceClock.ts';

const silence = suite('silence clock');

const MAX_GAP_MS = 1500;
const MEMBER = 'node2.aaaaaa';

/** Looks at each of the times. @returns how long the member then counts as silent. */
function silentAfter(looks: readonly number[], heardAt: number): number {
  const clock = new SilenceClock(MAX_GAP_MS);
  for (const nowMs of looks) clock.look([MEMBER], () => heardAt, nowMs);
  return clock.silentMs(MEMBER);
}

silence('the time between two looks counts where it is no longer than the greatest gap', () => {
  assert.is(silentAfter([0, 1000, 2000], -1), 2000);
  assert.is(silentAfter([0, MAX_GAP_MS], -1), MAX_GAP_MS);
  assert.is(silentAfter([0, MAX_GAP_MS + 1], -1), 0);
  assert.is(silentAfter([0, 1000, 90_000, 91_000], -1), 2000);
});

silence('a member that was heard since the last look is silent from then on', () => {
  assert.is(silentAfter([0, 1000], 400), 600);
  assert.is(silentAfter([0, 1000], 0), 1000);
  assert.is(silentAfter([0, 1000, 2000], 1000), 1000);
  assert.is(silentAfter([0, 90_000], 80_000), 0);
});

silence('a member that is heard in the very millisecond of a look is silent from then on', () => {
  const clock = new SilenceClock(MAX_GAP_MS);
  for (const nowMs of [0, 1000]) clock.look([MEMBER], () => -1, nowMs);
  clock.look([MEMBER], () => 1000, 2000);
  assert.is(clock.silentMs(MEMBER), 1000);
});

silence('nothing counts before the first look, nor for an origin that was not looked at', () => {
  assert.is(silentAfter([5000], 0), 0);
  const clock = new SilenceClock(MAX_GAP_MS);
  assert.is(clock.silentMs(MEMBER), 0);
  clock.look([MEMBER], () => -1, 0);
  clock.look([MEMBER], () => -1, 1000);
  clock.look([], () => -1, 2000);
  assert.is(clock.silentMs(MEMBER), 0, 'a member that is gone is forgotten');
});

silence.run();
