/** One picture of a cluster, put together of the answers of its nodes. Pure. */
import { compareNodeIds } from '../../words/nodeNames.ts';
import type { Cluster, Figures, Member, Peer } from '../api/answers.ts';
import { things } from './formats.ts';

/** The answers of one node; null where it gave none. */
export interface Report {
  readonly base: string;
  readonly cluster: Cluster | null;
  readonly figures: Figures | null;
  /** Why there is no answer. */
  readonly fault: string | null;
}

export interface NodeState {
  readonly origin: string;
  readonly name: string;
  readonly url: string | null;
  /** Null if the page could not ask it. */
  readonly report: Report | null;
  /** The names of nodes that hear it: over a connection, or beyond a full mesh by a round too. */
  readonly heardBy: readonly string[];
  /** Ops that others hold and it lacks; null if unknown. */
  readonly lagOps: number | null;
  /** The age of the oldest op that it lacks, in milliseconds; null if unknown. */
  readonly lagMs: number | null;
  /** Null while the maps can't be compared. */
  readonly agrees: boolean | null;
}

export interface Link {
  readonly from: number;
  readonly to: number;
  /** `unknown`: neither of its nodes could be asked. */
  readonly state: 'connected' | 'lagging' | 'cut' | 'unknown';
  readonly reason: string;
}

export interface Picture {
  readonly nodes: readonly NodeState[];
  readonly links: readonly Link[];
}

/** Whether other nodes hear a node that the page could not ask. */
export const isOutOfSight = ({ report, heardBy }: NodeState): boolean =>
  report === null && heardBy.length > 0;

/** Whether nobody that the page could ask hears it. */
export const isSilent = ({ report, heardBy }: NodeState): boolean =>
  report === null && heardBy.length === 0;

/** The slowest member always holds collection back: people need to know it once it is silent for longer. */
const SILENT_MS = 10_000;
/** Beyond a full mesh a member is heard by rounds, one each 10 s. */
const SILENT_BY_ROUNDS_MS = 30_000;

export interface HoldBack {
  readonly node: string;
  /** Since it was last heard; null if it never was. */
  readonly silentMs: number | null;
  readonly behindOps: number | null;
}

/** @returns the members for which all wait with the collection of dead entries, as the first node tells them. */
export function holdBacksOf(reports: readonly Report[], nowMs: number): readonly HoldBack[] {
  const seen = reports.find(({ cluster }) => cluster !== null)?.cluster;
  const limitMs = isSparse(seen) ? SILENT_BY_ROUNDS_MS : SILENT_MS;
  return (seen?.members ?? []).flatMap(({ node, holds_back, last_heard_at, behind_ops }) => {
    const silentMs = last_heard_at === null ? null : Math.max(0, nowMs - Date.parse(last_heard_at));
    const isSlow = silentMs === null || silentMs >= limitMs;
    return holds_back && isSlow ? [{ node, silentMs, behindOps: behind_ops }] : [];
  });
}

/** Whether a node is linked to a part of the others alone. */
const isSparse = (cluster: Cluster | null | undefined): boolean => (cluster?.ring ?? null) !== null;

export function pictureOf(reports: readonly Report[]): Picture {
  const heard = reports.filter((report) => report.cluster !== null);
  const members = new Map<string, Member>();
  for (const { cluster } of heard)
    for (const member of cluster?.members ?? []) {
      const known = members.get(member.origin);
      if (known === undefined || known.url === null) members.set(member.origin, member);
    }
  const newest = newestVector(heard);
  const states = [...members.values()]
    .sort((a, b) => compareNodeIds(a.node, b.node))
    .map((member) => stateOf(member, heard, newest));
  return { nodes: states, links: linksBetween(states) };
}

function newestVector(heard: readonly Report[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { cluster } of heard)
    for (const [origin, seq] of Object.entries(cluster?.vector ?? {}))
      newest.set(origin, Math.max(seq, newest.get(origin) ?? 0));
  return newest;
}

function stateOf(
  { origin, node, url }: Member,
  heard: readonly Report[],
  newest: ReadonlyMap<string, number>,
): NodeState {
  const report = heard.find(({ cluster }) => cluster?.origin === origin) ?? null;
  const seen = heard.flatMap(
    ({ cluster }) => cluster?.members.filter((m) => m.origin === origin) ?? [],
  );
  const vector = report?.cluster?.vector;
  const ownLag =
    vector === undefined
      ? null
      : [...newest].reduce((sum, [of, seq]) => sum + Math.max(0, seq - (vector[of] ?? 0)), 0);
  const seenLags = seen.flatMap(({ behind_ops }) => (behind_ops === null ? [] : [behind_ops]));
  const lags = heard.flatMap(({ figures }) => figures?.peer_lag_ms[origin] ?? []);
  return {
    origin,
    name: report?.cluster?.node ?? node,
    url: url ?? report?.base ?? null,
    report,
    heardBy: heard.flatMap(({ cluster }) =>
      cluster !== null && hears(cluster, origin) ? [cluster.node] : [],
    ),
    lagOps: ownLag ?? (seenLags.length > 0 ? Math.max(...seenLags) : null),
    lagMs: lags.length > 0 ? Math.max(...lags) : null,
    agrees: agreementOf(origin, report, heard),
  };
}

const hears = (cluster: Cluster, origin: string): boolean =>
  cluster.peers.some((peer) => peer.origin === origin && peer.state === 'connected') ||
  (isSparse(cluster) && cluster.members.some((m) => m.origin === origin && m.heard === true));

/** Equal vectors must have equal map sums of the same minute. A node's own peers compare theirs as well. */
function agreementOf(
  origin: string,
  report: Report | null,
  heard: readonly Report[],
): boolean | null {
  const told = heard.flatMap(({ cluster }) =>
    (cluster?.peers ?? []).filter((peer) => peer.origin === origin).map(({ agrees }) => agrees),
  );
  if (told.includes(false)) return false;
  const own = report?.cluster;
  if (own === null || own === undefined) return told.includes(true) ? true : null;
  const alike = heard.flatMap(({ cluster }) =>
    cluster !== null &&
    cluster.origin !== origin &&
    cluster.map_sum.as_of === own.map_sum.as_of &&
    vectorText(cluster) === vectorText(own)
      ? [cluster.map_sum.sum === own.map_sum.sum]
      : [],
  );
  if (alike.includes(false)) return false;
  return alike.length > 0 || told.includes(true) ? true : null;
}

const vectorText = ({ vector }: Cluster): string => JSON.stringify(Object.entries(vector).sort());

function linksBetween(states: readonly NodeState[]): Link[] {
  const isMeshFull = !states.some(({ report }) => isSparse(report?.cluster));
  const links: Link[] = [];
  for (let from = 0; from < states.length; from++)
    for (let to = from + 1; to < states.length; to++) {
      const [a, b] = [states[from], states[to]];
      const link = a === undefined || b === undefined ? null : linkOf(a, b, isMeshFull);
      if (link !== null) links.push({ from, to, ...link });
    }
  return links;
}

/** @returns null where there is no link, and none is needed. */
function linkOf(
  a: NodeState,
  b: NodeState,
  isMeshFull: boolean,
): Pick<Link, 'state' | 'reason'> | null {
  if (a.report === null && b.report === null)
    return isMeshFull ? { state: 'unknown', reason: 'neither node could be asked' } : null;
  const views = [peerIn(a, b), peerIn(b, a)].filter((peer) => peer !== undefined);
  const cut = views.find(({ state }) => state !== 'connected');
  if (views.length === 0 || cut !== undefined) {
    if (!needs(a, b) && !needs(b, a)) return null;
    const why = cut?.reason ?? (cut === undefined ? 'they do not know each other' : cut.state);
    return { state: 'cut', reason: why };
  }
  const lag = Math.max(
    ...views.map((peer) => (peer.peer_lacks_ops ?? 0) + (peer.we_lack_ops ?? 0)),
  );
  return lag > 0
    ? { state: 'lagging', reason: `${things(lag, 'op')} under way` }
    : { state: 'connected', reason: 'connected' };
}

/** Whether a node should be linked to the other: to each in a full mesh, else to those on the ring up to its successor. */
function needs({ report }: NodeState, { origin }: NodeState): boolean {
  const cluster = report?.cluster ?? null;
  if (cluster === null) return false;
  return cluster.ring?.broken.some((link) => link.origin === origin) ?? true;
}

const peerIn = ({ report }: NodeState, { origin }: NodeState): Peer | undefined =>
  report?.cluster?.peers.find((peer) => peer.origin === origin);
