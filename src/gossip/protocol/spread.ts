/**
 * The spread of ops beyond a full mesh: each commit is pushed on along eager links, ops of others included. Links that
 * bring nothing new become lazy, on both sides, but for the branches of the tree that rounds show (tree.ts). If a lazy
 * link tells of ops that no eager one brings, they are pulled there, and the link is eager again (Leitão, Pereira and
 * Rodrigues, "Epidemic Broadcast Trees", 2007). Pulls stay the guarantee.
 *
 * Invariant: an op that a peer is known to hold is not pushed to it.
 */
import type { Delta } from '../../words/delta.ts';
import { includes, seqOf, type Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { CoreState } from './coreState.ts';
import { type Greeted, isGreeted, knowsDifferences, type Peer } from './peer.ts';
import type { Puller } from './puller.ts';

/** After so many pushes in a row that brought nothing new, the link they came by is lazy. */
const USELESS_TO_PRUNE = 2;
/** Ops that a lazy link tells of are waited for on the eager ones for so long, in milliseconds. */
const GRAFT_AFTER_MS = 500;

/** The connections that an op goes to. */
export interface Targets {
  /** The op itself is pushed to them. */
  readonly eager: readonly ConnectionId[];
  /** They are only told that it is there. */
  readonly lazy: readonly ConnectionId[];
}

export class Spread {
  readonly #state: CoreState;
  readonly #puller: Puller;

  constructor(state: CoreState, puller: Puller) {
    this.#state = state;
    this.#puller = puller;
  }

  /** @param to the seq of the origin up to which this node has just committed. */
  targets(origin: string, to: number): Targets {
    const eager: ConnectionId[] = [];
    const lazy: ConnectionId[] = [];
    for (const peer of this.#state.peers.all()) {
      if (!isGreeted(peer) || !peer.hello.joined || !knowsDifferences(peer)) continue;
      if (isHeldBy(peer, origin, to)) continue;
      (peer.link.isEager ? eager : lazy).push(peer.connection);
    }
    return { eager, lazy };
  }

  /** Whether the peer has shown that it holds the origin's ops up to the seq, or is gone. */
  isHeld(connection: ConnectionId, origin: string, seq: number): boolean {
    const peer = this.#state.peers.get(connection);
    return peer === undefined || isHeldBy(peer, origin, seq);
  }

  /** The peer holds all that it sends, and so none of it is sent back. */
  came({ link }: Peer, { ranges }: Delta): void {
    if (!this.#state.isMesh) return;
    for (const { origin, to } of ranges) link.shows(origin, to);
  }

  /** @param ops the number of ops of a push that were new. */
  pushTaken({ connection, link }: Peer, ops: number): void {
    if (!this.#state.isMesh || !link.isEager || link.isBranch) return;
    if (link.pushBrought(ops) < USELESS_TO_PRUNE) return;
    link.becomes('lazy');
    this.#state.send(connection, { type: 'prune' });
  }

  haveFrom({ link }: Peer, vector: Vector): void {
    for (const [origin, seq] of vector) link.shows(origin, seq);
    if (!includes(this.#state.view.vector, vector)) link.tells(vector, this.#state.nowMs);
  }

  /** The digest of a question shows ops that this node lacks: most of them are on their way. */
  lacks({ link }: Peer, theirs: Vector): void {
    const { vector } = this.#state.view;
    const lacking = new Map([...theirs].filter(([origin, seq]) => seq > seqOf(vector, origin)));
    link.tells(lacking, this.#state.nowMs);
  }

  /**
   * Of the links that told of late ops only the first one becomes eager, since each more would close a
   * circle. The others wait once more.
   */
  tick(): void {
    const [first, ...others] = this.#late();
    if (first === undefined) return;
    for (const { link } of others) link.waitsAgain(this.#state.nowMs);
    first.link.forgetsTold();
    first.link.becomes('eager');
    const branch = first.link.isTowardsRoot && { branch: true as const };
    this.#state.send(first.connection, { type: 'graft', ...branch });
    if (this.#puller.mayPull(first)) this.#puller.pull(first);
    else first.pull.wantAgain();
  }

  /** The peers that told of ops which have not come since, in the order of their words. */
  #late(): Greeted[] {
    const { view, nowMs, peers } = this.#state;
    const late: { peer: Greeted; sinceMs: number }[] = [];
    for (const peer of peers.all()) {
      const { told } = peer.link;
      if (!isGreeted(peer) || told === null) continue;
      if (includes(view.vector, told.vector)) peer.link.forgetsTold();
      else if (nowMs - told.sinceMs >= GRAFT_AFTER_MS) late.push({ peer, sinceMs: told.sinceMs });
    }
    return late.sort((a, b) => a.sinceMs - b.sinceMs).map(({ peer }) => peer);
  }
}

const isHeldBy = ({ link, digest }: Peer, origin: string, seq: number): boolean =>
  link.holds(origin, seq) || (digest?.vector.get(origin) ?? 0) >= seq;
