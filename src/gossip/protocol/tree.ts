/**
 * The tree that ops spread along beyond a full mesh. The regular rounds of the smallest member, the root, flood over all
 * links, and tell how many hops they have come. Each node keeps one link to a peer that is nearer to the root; these
 * links and those by which others reach it stay eager, and are a spanning tree, as that of bridges is (Perlman, "An
 * Algorithm for Distributed Computation of a Spanning Tree in an Extended LAN", 1985). It is not deeper than the hops of
 * a round, so that no two nodes are more than twice as far from each other.
 *
 * Invariant: by the hops of one round the link towards the root leads to a peer that has told fewer than this node, so
 * that links of the same round close no circle.
 */
import type { ConnectionId } from '../transport.ts';
import type { CoreState } from './coreState.ts';
import type { Peer } from './peer.ts';

/** The link towards the root stays if it is at most so many hops longer than the shortest: trees change seldom. */
const KEEP_WITHIN_HOPS = 1;

export class Tree {
  readonly #state: CoreState;
  /** The link towards the root; null at the root, and until a round has come by. */
  #towards: ConnectionId | null = null;
  /** The links that were nearer to the root in the last round, the nearest first. */
  #nearer: readonly ConnectionId[] = [];

  constructor(state: CoreState) {
    this.#state = state;
  }

  /**
   * A regular round is over here.
   *
   * @param own the hops that this node told its links; 0 at the root.
   * @param told the hops that links told, in the order in which they came.
   */
  settles(own: number, told: ReadonlyMap<ConnectionId, number>): void {
    const nearer = [...told].filter(([, hops]) => hops < own).sort(([, a], [, b]) => a - b);
    this.#nearer = nearer.map(([connection]) => connection);
    const least = nearer[0]?.[1] ?? 0;
    const kept = this.#towards === null ? undefined : told.get(this.#towards);
    if (kept === undefined || kept >= own || kept > least + KEEP_WITHIN_HOPS) this.#turn();
  }

  /** If the link towards the root is gone, the next nearest by the last round takes its place. */
  tick(): void {
    if (this.#towards !== null && this.#peer(this.#towards) === undefined) this.#turn();
  }

  /** The peer has made the link lazy, or no longer reaches the root by it. It may not know that this node does. */
  prunedBy({ connection, link }: Peer): void {
    if (link.isTowardsRoot) this.#state.send(connection, { type: 'graft', branch: true });
  }

  /** Turns to the nearest link that is there; to none at the root. */
  #turn(): void {
    const before = this.#towards === null ? undefined : this.#peer(this.#towards);
    const next = this.#nearer.map((one) => this.#peer(one)).find((peer) => peer !== undefined);
    this.#towards = next?.connection ?? null;
    if (next === before) return;
    if (next !== undefined) {
      next.link.leadsToRoot();
      this.#state.send(next.connection, { type: 'graft', branch: true });
    }
    if (before === undefined) return;
    before.link.leadsElsewhere();
    this.#state.send(before.connection, { type: 'prune' });
  }

  #peer(connection: ConnectionId): Peer | undefined {
    return this.#state.peers.get(connection);
  }
}
