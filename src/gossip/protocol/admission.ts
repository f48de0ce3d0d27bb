/** Decisions of rule 8: who may join, and which of two clusters gives way when they meet. */
import type { Members } from '../../rules/members.ts';
import type { OpId } from '../../words/op.ts';
import { includes, type Vector } from '../../words/vector.ts';

/** The clusters of two nodes, as each knows them. */
export interface ClusterStanding {
  readonly clusterId: string;
  /** The number of members that the node counts in its cluster. */
  readonly size: number;
  /** The time at which it was formed, in UTC milliseconds. */
  readonly formedAt: number;
}

/**
 * A member admits an origin whose log is empty, or which was admitted by an origin that our own log
 * counts as a member. The history of any other may be that of another cluster.
 */
export const admits = (
  members: Members,
  peer: { readonly origin: string; readonly empty: boolean; readonly admittedBy: string | null },
): boolean =>
  members.has(peer.origin) ||
  peer.empty ||
  (peer.admittedBy !== null && members.has(peer.admittedBy));

/**
 * Rule 10: whether a node still has every op that a peer lacks. Of nobody else is a `join` logged or taken (ADR 31).
 *
 * @param lackedClosed an op of a closed origin that it lacks. @param vector that of the peer. @param reach that of the node.
 */
export const canBeCompleted = (
  { lackedClosed }: { readonly lackedClosed: OpId | null },
  vector: Vector,
  reach: Vector,
): boolean => lackedClosed === null && includes(vector, reach);

/**
 * Decides when two clusters meet: a cluster of one member rejoins the other; if both have one member,
 * the one formed later rejoins; two larger ones refuse each other.
 */
export function whoGivesWay(
  ours: ClusterStanding,
  theirs: ClusterStanding,
): 'we' | 'they' | 'nobody' {
  if (ours.size > 1 && theirs.size > 1) return 'nobody';
  if (ours.size > 1) return 'they';
  if (theirs.size > 1) return 'we';
  if (ours.formedAt !== theirs.formedAt) return ours.formedAt > theirs.formedAt ? 'we' : 'they';
  return ours.clusterId > theirs.clusterId ? 'we' : 'they';
}

/**
 * If two sides of a cluster do not count each other, the side whose smallest member origin is greater rejoins. They may
 * have retired each other, or be strangers.
 */
export const ourSideGivesWay = (
  ourSmallest: string | null,
  theirSmallest: string | null,
): boolean => (ourSmallest ?? '') > (theirSmallest ?? '');
