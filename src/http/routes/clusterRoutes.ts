/** The node and its cluster, for people and load balancers: GET /_cluster and GET /_health. */

import type { PeerStatus } from '../../gossip/protocol/peerStatus.ts';
import type { RingStatus } from '../../gossip/protocol/ringStatus.ts';
import type { Replica } from '../../replica/replica.ts';
import { minuteAhead } from '../../rules/mapSum.ts';
import { formatHash } from '../../words/hash.ts';
import { MINUTE_MS } from '../../words/time.ts';
import { answer, answerJson, JSON_TYPE } from '../answer/answer.ts';
import { clusterSchema, healthSchema } from '../openapi/answerSchemas.ts';
import { json } from '../openapi/answers.ts';
import { type MemberView, memberJson } from './memberRoutes.ts';
import type { Routes } from './route.ts';

export interface Health {
  /** `failing`: the node can't serve, and the answer is 503. */
  readonly status: 'ok' | 'degraded' | 'failing';
  /** The faults, in one sentence each. */
  readonly reasons: readonly string[];
  /** The part of the log whose rows were checked since the start; absent once that are all. */
  readonly proved?: number;
}

export interface ClusterRouteOptions {
  readonly replica: Replica;
  readonly peers: () => readonly PeerStatus[];
  /** Null up to `mesh-limit` members. */
  readonly ring: () => RingStatus | null;
  readonly members: () => readonly MemberView[];
  readonly health: () => Health;
  /** The milliseconds that the map sum looks ahead (rule 11). */
  readonly maxClockSkewMs: number;
}

export function addClusterRoutes(routes: Routes, options: ClusterRouteOptions): void {
  const { replica, health } = options;

  routes.add({
    method: 'GET',
    path: '/_cluster',
    needs: 'metrics',
    touches: 'none',
    summary: 'What this node knows of itself and its peers',
    answers: { '200': json('The cluster as seen from here.', clusterSchema) },
    handler: ({ ctx }) => answerJson(ctx, JSON.stringify(clusterView(options))),
  });

  routes.add({
    method: 'GET',
    path: '/_health',
    needs: 'nothing',
    touches: 'none',
    summary: 'Whether the node serves',
    description: 'The reasons are told to callers with the scope `metrics`.',
    answers: { '200': json('It does.', healthSchema), '503': json('It does not.', healthSchema) },
    handler: ({ ctx, caller }) => {
      const { status, reasons, proved } = health();
      const isTold = caller.scopes.has('metrics');
      const body = {
        node: replica.nodeId,
        status,
        ...(isTold && reasons.length > 0 && { reasons }),
        ...(isTold && proved !== undefined && { proved }),
      };
      const isFailing = status === 'failing';
      const headers = isFailing ? ['Retry-After', '1'] : [];
      answer(ctx, isFailing ? 503 : 200, JSON_TYPE, JSON.stringify(body), headers);
    },
  });
}

/** In order of origins, so that two nodes that agree show the same text. */
function clusterView(options: ClusterRouteOptions): object {
  const { replica, peers, ring, maxClockSkewMs, members } = options;
  const { origin, header, vector } = replica;
  const asOf = minuteAhead(replica.nowMs(), maxClockSkewMs);
  return {
    node: replica.nodeId,
    origin,
    cluster: { name: header.clusterName, id: header.clusterId },
    vector: Object.fromEntries([...vector].sort(([a], [b]) => (a < b ? -1 : 1))),
    map_sum: { sum: formatHash(replica.mapSum(asOf)), as_of: instant(asOf * MINUTE_MS) },
    ring: ringView(ring()),
    peers: peers().map(peerView),
    members: members().map((member) => memberJson(member, vector)),
  };
}

const peerView = (peer: PeerStatus): object => ({
  node: peer.nodeId,
  origin: peer.origin,
  url: peer.url,
  state: peer.state,
  reason: peer.reason,
  peer_lacks_ops: peer.peerLacksOps,
  we_lack_ops: peer.weLackOps,
  last_heard_at: instant(peer.lastHeardAt),
  agrees: peer.agrees,
});

const ringView = (ring: RingStatus | null): object | null =>
  ring && {
    successor: ring.successor,
    broken: ring.broken.map(({ nodeId, origin, url, reason }) => ({
      node: nodeId,
      origin,
      url,
      reason,
    })),
  };

const instant = (atMs: number | null): string | null =>
  atMs === null ? null : new Date(atMs).toISOString();
