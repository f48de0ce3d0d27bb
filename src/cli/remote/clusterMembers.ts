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
  /** The number of ops that it has not acknowledged; null before it has acknowledged any. */
  readonly behindOps: number | null;
  readonly holdsBack: boolean;
  readonly acknowledged: Vector | null;
}

export interface ClusterView {
  readonly origin: string;
  readonly members: readonly ClusterMember[];
  /** Origins of the peers that it talks to now. */
  readonly connected: ReadonlySet<string>;
  /** In the form of `formatHash`. */
  readonly mapSum: string;
  readonly mapSumAsOf: string;
  readonly vector: Vector;
}

const clusterSchema = z.object({
  origin: z.string(),
  vector: z.record(z.string(), z.number()),
  map_sum: z.object({ sum: z.string(), as_of: z.string() }),
  peers: z.array(z.object({ origin: z.string().nullable(), state: z.string() })),
  members: z.array(
    z.object({
      origin: z.string(),
      node: z.string(),
      url: z.string().nullable(),
      last_heard_at: z.string().nullable(),
      behind_ops: z.number().nullable(),
      holds_back: z.boolean(),
      acknowledged: z.record(z.string(), z.number()).nullable(),
    }),
  ),
});

/** @throws HearsayError if the node can't be asked, or is too old. */
export async function clusterOf(node: RemoteNode): Promise<ClusterView> {
  const parsed = clusterSchema.safeParse(await node.get('/_cluster'));
  if (!parsed.success)
    throw new HearsayError(`${node.url} does not tell its members: it is an older node.`);
  const { origin, vector, members, peers, map_sum: mapSum } = parsed.data;
  return {
    origin,
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
      behindOps: member.behind_ops,
      holdsBack: member.holds_back,
      acknowledged: member.acknowledged && new Map(Object.entries(member.acknowledged)),
    })),
  };
}

export const membersOf = async (node: RemoteNode): Promise<readonly ClusterMember[]> =>
  (await clusterOf(node)).members;
