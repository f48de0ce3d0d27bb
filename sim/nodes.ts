/** The nodes of one world, each with its settings and its clock. */
import { NodeClock } from './clock.ts';
import type { Dice } from './dice.ts';
import { type NodeWorld, SimNode } from './node.ts';
import type { WorldOptions } from './worldOptions.ts';

export const MAX_CLOCK_SKEW_MS = 60_000;
/** How long the claim of one peer alone is repeated before a node follows it. */
export const CLAIM_PATIENCE_MS = 5000;
export const PULL_INTERVAL_MS = 1000;

/** Of worlds that are no larger. */
const MAX_MEMBERS = 64;

const SETTINGS = {
  cluster: 'simulated',
  pullIntervalMs: PULL_INTERVAL_MS,
  pullTimeoutMs: 5000,
  maxClockSkewMs: MAX_CLOCK_SKEW_MS,
  firstRedialMs: 100,
  maxRedialMs: 5000,
};

export function makeNodes(
  world: WorldOptions,
  seed: number,
  dice: Dice,
  nodeWorld: NodeWorld,
): SimNode[] {
  const { nodes, addresses, faults, meshLimit, memberTimeoutMs, joinTimeoutMs, peerRefusalMs } =
    world;
  const { maxSkewMs } = faults;
  const urls = Array.from({ length: nodes }, (_, index) => `http://n${index + 1}`);
  return urls.map((url, index) => {
    const clock = new NodeClock(nodeWorld.timeline, dice.within([-maxSkewMs, maxSkewMs]));
    const name = `n${index + 1}`;
    const settings = {
      ...SETTINGS,
      maxMembers: Math.max(MAX_MEMBERS, 2 * nodes),
      maxJoinsPerMinute: addresses === 0 ? 5 : 2 * nodes,
      meshLimit,
      memberTimeoutMs,
      joinTimeoutMs,
      claimPatienceMs: CLAIM_PATIENCE_MS,
      rejoinPauseMs: 5000,
      peerRefusalMs,
      hearingMs: Math.min(15_000, memberTimeoutMs / 2),
      nodeId: name,
      urls: addresses === 0 ? urls : urls.slice(0, addresses),
      url: dice.chance(0.5) ? url : null,
    };
    const tickMs = dice.within([100, 250]);
    const options = { ...world, name, url, seed, settings, tickMs, sweepMs: 250 };
    return new SimNode(options, clock, nodeWorld);
  });
}
