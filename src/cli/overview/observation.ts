/** All nodes of a cluster at one moment, as far as they could be asked. */
import { missingOps, raise, seqOf, type Vector } from '../../words/vector.ts';
import type { ClusterMember } from '../remote/clusterMembers.ts';
import type { NodeReport } from './nodeReport.ts';

export interface Observation {
  /** UTC milliseconds. */
  readonly atMs: number;
  readonly reports: readonly NodeReport[];
  /** Why nodes gave no answer, by the URL at which they were asked. */
  readonly failures: ReadonlyMap<string, string>;
  /** Of these URLs the name has no address on this machine, which tells nothing of the node. */
  readonly unresolved: ReadonlySet<string>;
}

/**
 * Members by origin, as any of the reports counts them. A node that answers and is in no cluster yet, as one whose
 * clock is refused, stands beside them: it is where the fault is.
 */
export function membersIn({ reports }: Observation): ReadonlyMap<string, ClusterMember> {
  const members = new Map<string, ClusterMember>();
  // A node knows its own address best.
  for (const report of reports)
    for (const member of report.members)
      if (!members.has(member.origin) || member.origin === report.origin)
        members.set(member.origin, member);
  for (const report of reports)
    if (isOutside(report) && !members.has(report.origin))
      members.set(report.origin, asMember(report));
  return members;
}

const asMember = ({ origin, nodeId, url }: NodeReport): ClusterMember => ({
  origin,
  nodeId,
  url,
  lastHeardAt: null,
  behindOps: null,
  isHeard: false,
  holdsBack: false,
  acknowledged: null,
});

/** Whether a node is in no cluster yet: what it holds is to be compared with nobody. */
export const isOutside = ({ clusterId }: NodeReport): boolean => clusterId === null;

/** The ops that any node of the cluster held. */
export function heldByAny({ reports }: Observation): Vector {
  const held = new Map<string, number>();
  for (const { vector } of reports.filter((one) => !isOutside(one)))
    for (const [origin, seq] of vector) raise(held, origin, seq);
  return held;
}

/**
 * The ops of the origin's log that its node holds: by its own word, else by the last acknowledgement that others
 * have of it. Null if nobody knows.
 */
export function vectorOf({ reports }: Observation, origin: string): Vector | null {
  const own = reports.find((report) => report.origin === origin);
  if (own !== undefined) return own.vector;
  let newest: Vector | null = null;
  for (const { members } of reports)
    for (const { origin: of, acknowledged } of members)
      if (of === origin && acknowledged !== null)
        if (newest === null || missingOps(newest, acknowledged) > 0) newest = acknowledged;
  return newest;
}

/**
 * Counts the ops that a node lacks. An origin that it does not know counts only while a member bears it: else the
 * node may have closed it (rule 13), and then it holds all of it.
 *
 * @param vector of the node.
 * @param wanted the ops that it should hold.
 * @param members origins of members.
 */
export function lackingOps(
  vector: Vector,
  wanted: Vector,
  members: { has(origin: string): boolean },
): number {
  let lacking = 0;
  for (const [origin, seq] of wanted)
    if (vector.has(origin) || members.has(origin))
      lacking += Math.max(0, seq - seqOf(vector, origin));
  return lacking;
}
