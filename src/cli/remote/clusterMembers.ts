/** The members of a cluster, as GET /_cluster of one node shows them. */
import { z } from 'zod';
import { HearsayError } from '../../words/errors.ts';
import type { Vector } from '../../words/vector.ts';
import type { RemoteNode } from './remoteNode.ts';

export interface ClusterMember {
  readonly origin: string;
  readonly nodeId: string;
  readonly url: string | null;
  /** RFC 3339, or null if it was never heard. */
  readonly lastHeardAt: string | null;
  /** Whether the asked node has heard it lately: over a link, or by a round. */
  readonly isHeard: boolean;
  /** The number of ops that it has not acknowledged; null before it has acknowledged any. */
  readonly behindOps: number | null;
  readonly holdsBack: boolean;
  readonly acknowledged: Vector | null;
}

/** Another node, as the asked one sees it now. */
export interface ClusterPeer {
  /** Null until it has said hello. */
  readonly nodeId: string | null;
  readonly origin: string | null;
  readonly url: string | null;
  readonly state: string;
  /** The reason why it is not connected; else null. */
  readonly reason: string | null;
  /** Whether the maps were equal at the last comparison; null before one. */
  readonly agrees: boolean | null;
}

/** The ring after a node, beyond a full mesh. */
export interface ClusterRing {
  /** Members between the node and its successor, which have no link to it. */
  readonly broken: readonly {
    readonly nodeId: string;
    readonly origin: string;
    readonly reason: string | null;
  }[];
}

export interface ClusterView {
  readonly nodeId: string;
  readonly origin: string;
  readonly clusterName: string;
  /** Null until the node has joined a cluster. */
  readonly clusterId: string | null;
  readonly members: readonly ClusterMember[];
  readonly peers: readonly ClusterPeer[];
  /** Null where the node links every other one. */
  readonly ring: ClusterRing | null;
  /** Origins of the peers that it talks to now. */
  readonly connected: ReadonlySet<string>;
  /** In the form of `formatHash`. */
  readonly mapSum: string;
  readonly mapSumAsOf: string;
  readonly vector: Vector;
}

const clusterSchema = z.object({
  node: z.string(),
  origin: z.string(),
  cluster: z.object({ name: z.string(), id: z.string().nullable() }),
  vector: z.record(z.string(), z.number()),
  map_sum: z.object({ sum: z.string(), as_of: z.string() }),
  // Nodes up to 0.6.0 leave it out.
  ring: z
    .object({
      broken: z.array(
        z.object({ node: z.string(), origin: z.string(), reason: z.string().nullable() }),
      ),
    })
    .nullish(),
  peers: z.array(
    z.object({
      node: z.string().nullable(),
      origin: z.string().nullable(),
      url: z.string().nullable(),
      state: z.string(),
      reason: z.string().nullable(),
      agrees: z.boolean().nullable(),
    }),
  ),
  members: z.array(
    z.object({
      origin: z.string(),
      node: z.string(),
      url: z.string().nullable(),
      last_heard_at: z.string().nullable(),
      // Nodes up to 0.6.0 leave it out.
      heard: z.boolean().optional(),
      behind_ops: z.number().nullable(),
      holds_back: z.boolean(),
      acknowledged: z.record(z.string(), z.number()).nullable(),
    }),
  ),
});

/** @throws HearsayError if the node can't be asked, or is too old. */
export const clusterOf = async (node: RemoteNode): Promise<ClusterView> =>
  clusterViewOf(await node.get('/_cluster'), node.url);

/** @throws HearsayError if it is no answer of `GET /_cluster`. */
export function clusterViewOf(answer: unknown, url: string): ClusterView {
  const parsed = clusterSchema.safeParse(answer);
  if (!parsed.success)
    throw new HearsayError(`${url} does not tell its members: it is an older node.`);
  const { node, origin, cluster, vector, members, ring, peers, map_sum: mapSum } = parsed.data;
  return {
    nodeId: node,
    origin,
    clusterName: cluster.name,
    clusterId: cluster.id,
    peers: peers.map(({ node: nodeId, ...peer }) => ({ nodeId, ...peer })),
    ring: ring
      ? { broken: ring.broken.map(({ node: nodeId, ...link }) => ({ nodeId, ...link })) }
      : null,
    vector: new Map(Object.entries(vector)),
    connected: new Set(
      peers.flatMap((peer) => (peer.state === 'connected' ? (peer.origin ?? []) : [])),
    ),
    mapSum: mapSum.sum,
    mapSumAsOf: mapSum.as_of,
    members: members.map((member) => ({
      origin: member.origin,
      nodeId: member.node,
      url: member.url,
      lastHeardAt: member.last_heard_at,
      isHeard: member.heard ?? false,
      behindOps: member.behind_ops,
      holdsBack: member.holds_back,
      acknowledged: member.acknowledged && new Map(Object.entries(member.acknowledged)),
    })),
  };
}

export const membersOf = async (node: RemoteNode): Promise<readonly ClusterMember[]> =>
  (await clusterOf(node)).members;
