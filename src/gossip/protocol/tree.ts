/**
 * The tree that ops spread along beyond a full mesh. The regular rounds of the smallest member, the root, flood over all
 * links, and tell how many hops they have come; who hears of a shorter way tells its links once more. Each node keeps one
 * link to a peer that is nearer to the root; these links and those by which others reach it stay eager, and are a spanning
 * tree, as that of bridges is (Perlman, "An Algorithm for Distributed Computation of a Spanning Tree in an Extended LAN",
 * 1985). No two nodes of it are farther apart than twice the hops to the farthest.
 *
 * Invariants: the link towards the root leads to a peer that told fewer hops in the last round than this node, so that
 * the links of one round close no circle; it stays while that is so.
 */
import type { ConnectionId } from '../transport.ts';
import { linksOf } from './certificates.ts';
import type { CoreState } from './coreState.ts';
import type { Peer } from './peer.ts';

/** Milliseconds from the begin of a round at a node until it chooses: shorter ways have been told by then. */
const SETTLE_MS = 2000;

/** The hops of a regular round, as far as they are known here. */
interface Ways {
  readonly id: string;
  /** The hops from the root to this node. */
  own: number;
  /** The hops that links told. */
  readonly told: Map<ConnectionId, number>;
  readonly settlesAt: number;
}

export class Tree {
  readonly #state: CoreState;
  /** Those of the last round; null once this node has chosen by them. */
  #ways: Ways | null = null;
  /** The link towards the root; null at the root, and until a round has come by. */
  #towards: ConnectionId | null = null;
  /** The links that were nearer to the root in the last round, in the order in which they told. */
  #nearer: readonly ConnectionId[] = [];

  constructor(state: CoreState) {
    this.#state = state;
  }

  /** A regular round comes by first. @param parent the link that it came by; null at the root. @param hops that it told. */
  begins(id: string, parent: ConnectionId | null, hops: number): void {
    const own = parent === null ? hops : hops + 1;
    const settlesAt = this.#state.nowMs + SETTLE_MS;
    this.#ways = { id, own, told: new Map(parent === null ? [] : [[parent, hops]]), settlesAt };
  }

  /** A regular round comes over the link once more. */
  hears(id: string, from: ConnectionId, hops: number): void {
    const ways = this.#ways;
    if (ways?.id !== id) return;
    ways.told.set(from, Math.min(hops, ways.told.get(from) ?? hops));
    if (hops + 1 >= ways.own) return;
    ways.own = hops + 1;
    for (const link of linksOf(this.#state, from))
      this.#state.send(link, { type: 'round', id, timeMs: 0, hops: ways.own });
  }

  tick(): void {
    if (this.#ways !== null && this.#state.nowMs >= this.#ways.settlesAt) this.#choose(this.#ways);
    // Where the link is gone the next one takes its place.
    if (this.#towards !== null && this.#peer(this.#towards) === undefined) this.#turn();
  }

  /** The peer has made the link lazy, or no longer reaches the root by it. It may not know that this node does. */
  prunedBy({ connection, link }: Peer): void {
    if (link.isTowardsRoot) this.#state.send(connection, { type: 'graft', branch: true });
  }

  #choose({ own, told }: Ways): void {
    this.#ways = null;
    this.#nearer = [...told].filter(([, hops]) => hops < own).map(([connection]) => connection);
    if (this.#towards === null || !this.#nearer.includes(this.#towards)) this.#turn();
  }

  /** Turns to the first of the nearer links that is there; to none at the root. */
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
