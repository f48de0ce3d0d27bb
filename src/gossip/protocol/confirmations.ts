/**
 * Confirmations: peers say up to which seq they hold this node's ops, in their digests, and at once if
 * a client waits. This node tells them the same. A confirmed op is committed at the peer.
 */
import { type Hash, sameHash } from '../../words/hash.ts';
import { seqOf } from '../../words/vector.ts';
import type { CoreState } from './coreState.ts';
import { type ConfirmedMessage, PROTOCOL_WITH_NAMED_ANSWERS } from './messages.ts';
import type { Greeted } from './peer.ts';
import type { RejoinClaims } from './rejoinClaims.ts';

/** The node that said so last: another one may run on a copy of the member's log, under its origin. */
interface Confirmed {
  readonly seq: number;
  readonly nodeId: string;
  readonly url: string | null;
}

const OTHER_OPS = 'a peer holds other ops of this very origin';

export class Confirmations {
  readonly #state: CoreState;
  readonly #claims: RejoinClaims;
  /** Member origin → highest seq of our own origin that it holds. It never falls. */
  readonly #held = new Map<string, Confirmed>();

  constructor(state: CoreState, claims: RejoinClaims) {
    this.#state = state;
    this.#claims = claims;
  }

  /**
   * The peer holds ops of our own origin up to the seq. If a log was put back, these may be other ops: only
   * ops with our sum count. If we can't compute our sum any more, the next digest decides.
   *
   * @param sum undefined if a peer of protocol 1 sends none.
   */
  heldBy({ hello }: Greeted, seq: number, sum: Hash | undefined): void {
    const { origin, vector, members, ownSumAt } = this.#state.view;
    if (seq > seqOf(vector, origin)) return;
    const member = members.get(hello.origin);
    if (seq <= (this.#held.get(hello.origin)?.seq ?? 0) || member === undefined) return;
    const ours = ownSumAt(seq);
    if (sum !== undefined && ours === undefined) return;
    if (sum !== undefined && ours !== undefined && !sameHash(sum, ours)) {
      this.#claims.claim(hello.origin, OTHER_OPS, 'forked');
      return;
    }
    const { nodeId } = hello;
    const url = hello.url ?? (member.nodeId === nodeId ? member.url : null);
    this.#held.set(hello.origin, { seq, nodeId, url });
    this.#state.out({ kind: 'heldMore' });
  }

  /** The peer says so in a message of its own. */
  confirmedBy(peer: Greeted, { seq, sum }: ConfirmedMessage): void {
    const { origin, vector } = this.#state.view;
    if (seq > seqOf(vector, origin)) {
      // No fault of the peer where this node's log was put back: its digests tell of that.
      const reason = `it confirms ops of ${origin} that were never born`;
      this.#state.refuse(peer.connection, 'malformed', reason);
    } else if (sum !== undefined || peer.hello.protocol[1] < PROTOCOL_WITH_NAMED_ANSWERS)
      this.heldBy(peer, seq, sum);
  }

  /**
   * A node that has begun anew is a member under both origins, until the old one is retired. So is one that was
   * started on a copy of another's log, until the copy is found out. Either counts once.
   *
   * @returns the number of other nodes that hold the op of that seq.
   */
  count(seq: number): number {
    const { members } = this.#state.view;
    const urlsOfNodes = new Map<string, Set<string>>();
    for (const [origin, held] of this.#held) {
      if (held.seq < seq || !members.has(origin)) continue;
      const urls = urlsOfNodes.get(held.nodeId) ?? new Set();
      urlsOfNodes.set(held.nodeId, held.url === null ? urls : urls.add(held.url));
    }
    // Nodes may share a name; those at different URLs are different nodes.
    let count = 0;
    for (const urls of urlsOfNodes.values()) count += Math.max(1, urls.size);
    return count;
  }

  /** Sends `confirmed` to the peer as soon as this node holds the seq that it asked about. */
  confirm(peer: Greeted): void {
    const { connection, confirmSeq, hello } = peer;
    const { vector, sumOf } = this.#state.view;
    const seq = seqOf(vector, hello.origin);
    if (confirmSeq === null || seq < confirmSeq) return;
    peer.wasConfirmed();
    this.#state.send(connection, { type: 'confirmed', seq, sum: sumOf(hello.origin) });
  }

  confirmAll(): void {
    for (const peer of this.#state.peers.greeted()) this.confirm(peer);
  }
}
