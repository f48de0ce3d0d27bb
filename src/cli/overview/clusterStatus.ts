/**
 * The state of a cluster, judged from two observations of it.
 *
 * Invariant: while writes go on, no two nodes hold the same ops at one moment. So a node agrees if it now holds
 * all ops that any node held at the earlier observation, and if no node with the same ops shows another map.
 */
import { compareNodeIds } from '../../words/nodeNames.ts';
import type { Vector } from '../../words/vector.ts';
import type { ClusterMember, ClusterPeer } from '../remote/clusterMembers.ts';
import type { Figures, NodeReport } from './nodeReport.ts';
import {
  heldByAny,
  isOutside,
  lackingOps,
  membersIn,
  type Observation,
  vectorOf,
} from './observation.ts';

/** `heard`: other nodes hear it, but it could not be asked. `missing`: nobody hears it. */
export type NodeState = 'ok' | 'degraded' | 'failing' | 'heard' | 'missing';
/** `behind`: it lacks ops that others held at the earlier observation. */
export type Agreement = 'yes' | 'no' | 'behind' | 'unknown';

export interface NodeStatus {
  readonly nodeId: string;
  /** Null for a node that is named in the settings of others and was never heard. */
  readonly origin: string | null;
  readonly url: string | null;
  readonly state: NodeState;
  readonly agrees: Agreement;
  /** The ops that it lacks now, and that another node holds; null if that is unknown. */
  readonly behindOps: number | null;
  /** The age of the oldest op that it lacks of any other node; null if no node tells it. */
  readonly lagMs: number | null;
  readonly holdsBack: boolean;
  /** UTC milliseconds; null if nobody has heard it. */
  readonly lastHeardAtMs: number | null;
  /** The least time for which a node has not heard it, by the clock of that node; null if nobody tells it. */
  readonly silentMs: number | null;
  readonly figures: Figures | null;
}

export interface ClusterStatus {
  readonly atMs: number;
  readonly clusterName: string;
  readonly clusterId: string | null;
  /** In the order of their names, node2 before node10. */
  readonly nodes: readonly NodeStatus[];
  /** One sentence each. Without any, all nodes are there and agree. */
  readonly faults: readonly string[];
  /** Things that could not be seen from here, and are no faults by themselves; one sentence each. */
  readonly notes: readonly string[];
}

/** @param earlier may be the same as `now`, for a first look. */
export function judge(earlier: Observation, now: Observation): ClusterStatus {
  const first = typicalOf(now);
  const members = membersIn(now);
  const differing = differingNodes(now, members);
  const nodes = [...members.values()].map((member) =>
    memberStatus(member, members, heldByAny(earlier), differing, now),
  );
  const awaited = awaitedNodes(now, members);
  const byName = [...nodes, ...awaited].sort((a, b) => compareNodeIds(a.nodeId, b.nodeId));
  return {
    atMs: now.atMs,
    clusterName: first?.clusterName ?? '',
    clusterId: first?.clusterId ?? null,
    nodes: byName,
    faults: [...faultsOf(byName, now), ...clusterFaults(now), ...linkFaults(now, byName)],
    notes: byName.flatMap((node) => (isOutOfSight(node, now) ? [unseenNote(node, now)] : [])),
  };
}

function memberStatus(
  member: ClusterMember,
  members: ReadonlyMap<string, ClusterMember>,
  earlierHeld: Vector,
  differing: ReadonlySet<string>,
  now: Observation,
): NodeStatus {
  const { origin, nodeId } = member;
  const report = now.reports.find((one) => one.origin === origin);
  const vector = report !== undefined && isOutside(report) ? null : vectorOf(now, origin);
  const lacking = (wanted: Vector): number | null =>
    vector === null ? null : lackingOps(vector, wanted, members);
  const state = report?.health.status ?? (hearersOf(origin, now).length > 0 ? 'heard' : 'missing');
  return {
    nodeId,
    origin,
    url: report?.url ?? member.url,
    state,
    agrees: agreement(differing.has(origin), state === 'missing' ? null : lacking(earlierHeld)),
    behindOps: lacking(heldByAny(now)),
    lagMs: lagOf(nodeId, origin, now),
    holdsBack: now.reports.some((one) =>
      one.members.some((each) => each.origin === origin && each.holdsBack),
    ),
    lastHeardAtMs: report === undefined ? lastHeard(origin, now) : now.atMs,
    silentMs: report === undefined ? silenceOf(origin, now) : 0,
    figures: report?.figures ?? null,
  };
}

function agreement(isDiffering: boolean, lackingOfEarlier: number | null): Agreement {
  if (isDiffering) return 'no';
  if (lackingOfEarlier === null) return 'unknown';
  return lackingOfEarlier > 0 ? 'behind' : 'yes';
}

/** Origins of nodes that hold the same ops as another and show another map, by their sums or by a peer's word. */
function differingNodes(
  now: Observation,
  members: ReadonlyMap<string, ClusterMember>,
): ReadonlySet<string> {
  const differing = new Set<string>();
  for (const a of now.reports)
    for (const b of now.reports)
      if (isComparable(a, b, members) && a.mapSum !== b.mapSum) {
        differing.add(a.origin);
        differing.add(b.origin);
      }
  for (const { origin, peers } of now.reports)
    for (const peer of peers)
      if (peer.agrees === false && peer.origin !== null) {
        differing.add(peer.origin);
        differing.add(origin);
      }
  return differing;
}

/** Map sums can be compared if they are of the same ops and leave out the same entries that will expire. */
const isComparable = (
  a: NodeReport,
  b: NodeReport,
  members: ReadonlyMap<string, ClusterMember>,
): boolean =>
  a.clusterId === b.clusterId &&
  a.mapSumAsOf === b.mapSumAsOf &&
  lackingOps(a.vector, b.vector, members) === 0 &&
  lackingOps(b.vector, a.vector, members) === 0;

/** Nodes named in the settings of others that no member stands for. */
function awaitedNodes(
  { reports }: Observation,
  members: ReadonlyMap<string, ClusterMember>,
): NodeStatus[] {
  const known = new Set([
    ...[...members.values()].map(({ url }) => url),
    ...reports.map(({ url }) => url),
  ]);
  const awaited = new Map<string, ClusterPeer>();
  for (const { peers } of reports)
    for (const peer of peers)
      if (peer.url !== null && !known.has(peer.url) && peer.state !== 'connected')
        if (peer.origin === null || !members.has(peer.origin)) awaited.set(peer.url, peer);
  return [...awaited].map(([url, { nodeId, origin }]) => ({
    nodeId: nodeId ?? url,
    origin,
    url,
    state: 'missing',
    agrees: 'unknown',
    behindOps: null,
    lagMs: null,
    holdsBack: false,
    lastHeardAtMs: null,
    silentMs: null,
    figures: null,
  }));
}

/** Nodes that hear the origin's node: over a connection, or beyond a full mesh by a round too. */
const hearersOf = (origin: string, { reports }: Observation): NodeReport[] =>
  reports.filter(
    ({ ring, peers, members }) =>
      peers.some((peer) => peer.origin === origin && peer.state === 'connected') ||
      (ring !== null && members.some((member) => member.origin === origin && member.isHeard)),
  );

function lastHeard(origin: string, { reports }: Observation): number | null {
  const times = reports.flatMap(({ members }) =>
    members.flatMap((member) =>
      member.origin === origin && member.lastHeardAt !== null
        ? [Date.parse(member.lastHeardAt)]
        : [],
    ),
  );
  return times.length === 0 ? null : Math.max(...times);
}

/** The clock of a node that hears it may be another than ours. */
function silenceOf(origin: string, { reports }: Observation): number | null {
  const silences = reports.flatMap(({ members, clockMs }) =>
    members.flatMap((member) =>
      member.origin === origin && member.lastHeardAt !== null && clockMs !== null
        ? [clockMs - Date.parse(member.lastHeardAt)]
        : [],
    ),
  );
  return silences.length === 0 ? null : Math.min(...silences);
}

function lagOf(nodeId: string, origin: string, { reports }: Observation): number | null {
  const lags = reports.flatMap((report) =>
    report.origin === origin ? [] : (report.figures?.peerLagMs.get(nodeId) ?? []),
  );
  return lags.length === 0 ? null : Math.max(...lags);
}

function faultsOf(nodes: readonly NodeStatus[], now: Observation): string[] {
  return nodes.flatMap((node) => {
    const report = now.reports.find(({ origin }) => origin === node.origin);
    const told = report?.health.reasons.map((reason) => `${node.nodeId}: ${reason}`) ?? [];
    if (told.length === 0 && (node.state === 'degraded' || node.state === 'failing'))
      told.push(`${node.nodeId} says that its health is ${node.state}.`);
    if (node.state === 'missing') told.push(missingFault(node, now));
    if (node.state === 'heard' && !isOutOfSight(node, now)) told.push(unaskedFault(node, now));
    if (node.agrees === 'no')
      told.push(`${node.nodeId} holds the same ops as another node, and another map.`);
    if (node.agrees === 'behind')
      told.push(`${node.nodeId} has not got ${opsText(node.behindOps)} that another node holds.`);
    return told;
  });
}

const opsText = (ops: number | null): string =>
  ops === null || ops === 0 ? 'ops' : ops === 1 ? 'one op' : `${ops} ops`;

function missingFault({ nodeId, url, lastHeardAtMs }: NodeStatus, now: Observation): string {
  const since =
    lastHeardAtMs === null ? '' : ` since ${new Date(lastHeardAtMs).toISOString().slice(0, 19)}Z`;
  const reason = url === null ? undefined : now.failures.get(url);
  const name = nodeId === url ? `The node at ${url}` : nodeId;
  return `${name} is missing: no node hears it${since}${reason === undefined ? '' : ` (${reason})`}.`;
}

/**
 * Whether a node that others hear has no address that works here, as in a network of containers. So nothing was asked
 * of it, and the word of the nodes that hear it counts.
 */
const isOutOfSight = ({ state, url }: NodeStatus, now: Observation): boolean =>
  state === 'heard' && (url === null || now.unresolved.has(url));

function unseenNote({ nodeId, origin, url }: NodeStatus, now: Observation): string {
  const [hearer] = origin === null ? [] : hearersOf(origin, now);
  const why = url === null ? 'it names no URL' : `${url} has no address here`;
  return `${nodeId} was not asked, because ${why}; ${hearer?.nodeId ?? 'another node'} hears it. Add a URL of it that works here to --url.`;
}

/** Its peers may hear a node that hangs for a while, so their word alone is no proof that all is well. */
function unaskedFault({ nodeId, origin, url }: NodeStatus, now: Observation): string {
  const [hearer] = origin === null ? [] : hearersOf(origin, now);
  const heard = hearer === undefined ? '' : `, though ${hearer.nodeId} hears it`;
  if (url === null) return `${nodeId} can't be asked, because it names no URL${heard}.`;
  const reason = now.failures.get(url);
  return `${nodeId} can't be asked at ${url}${reason === undefined ? '' : ` (${reason})`}${heard}: if it can be reached elsewhere, add that URL.`;
}

/** The report that names the cluster: of a node that is in one, if there is any. */
const typicalOf = ({ reports }: Observation): NodeReport | undefined =>
  reports.find((one) => !isOutside(one)) ?? reports[0];

function clusterFaults(now: Observation): string[] {
  const first = typicalOf(now);
  return now.reports
    .filter(({ clusterId }) => first !== undefined && clusterId !== first.clusterId)
    .map(
      ({ nodeId, clusterId }) =>
        `${nodeId} ${clusterId === null ? 'is in no cluster yet' : `is in another cluster, ${clusterId}`}.`,
    );
}

/**
 * Links between nodes that are there, and that do not hear each other; beyond a full mesh, those of the ring. A node
 * that is in no cluster yet tells its refusals by its health.
 */
function linkFaults({ reports }: Observation, nodes: readonly NodeStatus[]): string[] {
  const joined = reports.filter((one) => !isOutside(one));
  const outside = new Set(reports.filter(isOutside).map(({ origin }) => origin));
  const there = nodes.filter(
    ({ state, origin }) => state !== 'missing' && (origin === null || !outside.has(origin)),
  );
  return joined.flatMap(({ nodeId, origin, ring, peers }) => {
    const needed = ring === null ? null : new Set(ring.broken.map((link) => link.origin));
    const isNeeded = (other: string): boolean => needed === null || needed.has(other);
    return there
      .filter((other) => other.origin !== null && other.origin !== origin && isNeeded(other.origin))
      .flatMap((other) => {
        const peer = peers.find((one) => one.origin === other.origin);
        if (peer?.state === 'connected') return [];
        const reason = peer?.reason == null ? '' : `: ${peer.reason.replace(/\.$/, '')}`;
        return [`${nodeId} does not hear ${other.nodeId}${reason}.`];
      });
  });
}
