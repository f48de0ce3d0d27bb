/**
 * Decisions of rule 8: who may join, which of two clusters that meet gives way, who forms one.
 */
import type { Members } from '../../rules/members.ts';

/** The clusters of two nodes, as each knows them. */
export interface ClusterStanding {
  readonly clusterId: string;
  /** Members of that cluster, as its node counts them. */
  readonly size: number;
  /** When it was formed, UTC milliseconds. */
  readonly formedAt: number;
}

/**
 * Only an empty log joins, or one that was admitted by an origin that our own log counts as a member:
 * any other has a history that may be of another cluster.
 */
export const admits = (
  members: Members,
  peer: { readonly origin: string; readonly empty: boolean; readonly admittedBy: string | null },
): boolean =>
  members.has(peer.origin) ||
  peer.empty ||
  (peer.admittedBy !== null && members.has(peer.admittedBy));

/**
 * Two clusters meet: one of a single member rejoins the other; of two such, the one formed later; two
 * larger ones refuse each other.
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

/** Of two sides that retired each other, the one whose smallest member origin is greater rejoins. */
export const rejoinsAfterMutualRetirement = (
  ourSmallest: string | null,
  theirSmallest: string | null,
): boolean => (ourSmallest ?? '') > (theirSmallest ?? '');
