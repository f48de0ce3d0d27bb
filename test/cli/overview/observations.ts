/** Reports of nodes as tests need them. */
import type { NodeReport } from '../../../src/cli/overview/nodeReport.ts';
import type { Observation } from '../../../src/cli/overview/observation.ts';
import type { ClusterMember, ClusterPeer } from '../../../src/cli/remote/clusterMembers.ts';

export const NOW_MS = Date.UTC(2026, 10, 26, 12);

export const urlOf = (nodeId: string): string => `http://${nodeId}:8000`;
export const originOf = (nodeId: string): string => `${nodeId}.abcdef`;

/** @param ops the seqs that it holds, by node id. */
export function member(nodeId: string, ops: Readonly<Record<string, number>> = {}): ClusterMember {
  return {
    origin: originOf(nodeId),
    nodeId,
    url: urlOf(nodeId),
    lastHeardAt: new Date(NOW_MS - 60_000).toISOString(),
    isHeard: true,
    behindOps: 0,
    holdsBack: false,
    acknowledged: vector(ops),
  };
}

export const peer = (nodeId: string, changed: Partial<ClusterPeer> = {}): ClusterPeer => ({
  nodeId,
  origin: originOf(nodeId),
  url: urlOf(nodeId),
  state: 'connected',
  reason: null,
  agrees: true,
  ...changed,
});

/** A node among others that hear one another. @param ops the seqs that it holds, by node id. */
export function report(
  nodeId: string,
  ops: Readonly<Record<string, number>>,
  others: readonly string[],
  changed: Partial<NodeReport> = {},
): NodeReport {
  return {
    nodeId,
    origin: originOf(nodeId),
    clusterName: 'hearsay',
    clusterId: '0123456789abcdef',
    url: urlOf(nodeId),
    clockMs: NOW_MS,
    members: [member(nodeId, ops), ...others.map((other) => member(other, ops))],
    ring: null,
    peers: others.map((other) => peer(other)),
    connected: new Set(others.map(originOf)),
    mapSum: `sum of ${JSON.stringify(ops)}`,
    mapSumAsOf: new Date(NOW_MS).toISOString(),
    vector: vector(ops),
    health: { status: 'ok', reasons: [] },
    figures: null,
    ...changed,
  };
}

export const observation = (
  reports: readonly NodeReport[],
  failures: Readonly<Record<string, string>> = {},
  atMs = NOW_MS,
  unresolved: readonly string[] = [],
): Observation => ({
  atMs,
  reports,
  failures: new Map(Object.entries(failures)),
  unresolved: new Set(unresolved),
});

export const vector = (ops: Readonly<Record<string, number>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(ops).map(([nodeId, seq]) => [originOf(nodeId), seq]));
