/**
 * When a node of `hearsay cluster` is ready: it takes reads and writes, and is connected with every other
 * node, each of which has shown to be of its cluster. Beyond a full mesh it counts all of them as members in place of
 * that, and is connected with the next one on the ring.
 *
 * The node tells it over the channel to the command: a command that asked by HTTP might need a token.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { RingStatus } from '../../gossip/protocol/ringStatus.ts';
import type { NodeSettings } from '../../node/settings.ts';
import type { RunningNode } from '../../node/startNode.ts';
import { tellParent } from './parent.ts';

const POLL_INTERVAL_MS = 50;

/** The facts of a node that decide. */
export interface NodeFacts {
  /** Null if it takes reads and writes. */
  readonly whyUnwritable: string | null;
  readonly connectedPeers: number;
  /** Null up to `mesh-limit` members. */
  readonly ring: RingStatus | null;
  /** Members that it counts, without itself. */
  readonly otherMembers: number;
  /** Without itself. */
  readonly otherNodes: number;
}

/** @returns what the node waits for, as the end of a sentence that begins with its name; null if it is ready. */
export function waitsFor(facts: NodeFacts): string | null {
  const { whyUnwritable, connectedPeers, ring, otherMembers, otherNodes } = facts;
  if (whyUnwritable !== null) return `takes no writes yet (${whyUnwritable})`;
  if (ring !== null) {
    const [next] = ring.broken;
    if (next !== undefined) return `is not connected to ${next.nodeId}, the next one on the ring`;
    return otherMembers >= otherNodes
      ? null
      : `counts ${otherMembers} of ${otherNodes} other members`;
  }
  if (connectedPeers >= otherNodes) return null;
  return `is connected to ${connectedPeers} of ${otherNodes} peers`;
}

/** Tells the command each new reason to wait, and at last that the node is ready. Never rejects. */
export async function tellUntilReady(
  { replica, connectedPeers, ring }: Pick<RunningNode, 'replica' | 'connectedPeers' | 'ring'>,
  { nodes }: Pick<NodeSettings, 'nodes'>,
): Promise<void> {
  let told: string | null = null;
  for (;;) {
    const reason = waitsFor({
      whyUnwritable: replica.readiness.whyUnwritable,
      connectedPeers: connectedPeers(),
      ring: ring(),
      otherMembers: replica.members.size - 1,
      otherNodes: nodes.length - 1,
    });
    const isNew = reason === null || reason !== told;
    if (
      isNew &&
      !(await tellParent(reason === null ? { kind: 'ready' } : { kind: 'waiting', reason }))
    )
      return;
    if (reason === null) return;
    told = reason;
    await wait(POLL_INTERVAL_MS, undefined, { ref: false });
  }
}
