/** The hello that this node sends, and its objections to a peer's hello. */
import type { CoreSettings, View } from './inputOutput.ts';
import { type Hello, PROTOCOL_RANGE } from './messages.ts';

/**
 * @param size the number of members that this node's cluster still has. @param nowMs the wall clock.
 * @param waits whether it has begun anew, and members of its cluster may be left.
 */
export const ownHello = (
  settings: CoreSettings,
  view: View,
  url: string | null,
  size: number,
  nowMs: number,
  waits: boolean,
): Hello => ({
  type: 'hello',
  protocol: PROTOCOL_RANGE,
  cluster: settings.cluster,
  clusterId: view.clusterId,
  formedAt: view.formedAt,
  size,
  joined: view.joined,
  admittedBy: view.admittedBy,
  nodeId: settings.nodeId,
  origin: view.origin,
  instance: settings.instance,
  url,
  clock: nowMs,
  ...(waits && { waits }),
});

export interface Objection {
  readonly code: 'protocol' | 'cluster' | 'clock';
  /** A sentence for the logs of both sides. */
  readonly reason: string;
}

/** @returns null if the two may talk. */
export function objectionTo(hello: Hello, settings: CoreSettings, nowMs: number): Objection | null {
  const [lowest, highest] = PROTOCOL_RANGE;
  const [theirLowest, theirHighest] = hello.protocol;
  const { nodeId, cluster, maxClockSkewMs } = settings;
  if (theirLowest > highest || theirHighest < lowest)
    return {
      code: 'protocol',
      reason: `${hello.nodeId} speaks protocol ${theirLowest} to ${theirHighest}, ${nodeId} speaks ${lowest} to ${highest}`,
    };
  if (hello.cluster !== cluster)
    return {
      code: 'cluster',
      reason: `${hello.nodeId} is of cluster ${hello.cluster}, ${nodeId} is of cluster ${cluster}: the nodes of one cluster have the same --cluster (CLUSTER)`,
    };
  const aheadMs = hello.clock - nowMs;
  if (aheadMs > maxClockSkewMs)
    return {
      code: 'clock',
      reason: `the clock of ${hello.nodeId} is ${Math.round(aheadMs / 1000)} s ahead of that of ${nodeId}, more than max-clock-skew allows`,
    };
  return null;
}
