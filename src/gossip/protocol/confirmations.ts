/**
 * Confirmations: peers say up to which seq they hold this node's ops, in their digests, and at once if
 * a client waits. This node tells them the same. A confirmed op is committed at the peer.
 */
import { seqOf } from '../../words/vector.ts';
import type { CoreState } from './coreState.ts';
import type { Greeted } from './peer.ts';

export class Confirmations {
  readonly #state: CoreState;
  /** Member origin → highest seq of our own origin that it holds. It never falls. */
  readonly #held = new Map<string, number>();

  constructor(state: CoreState) {
    this.#state = state;
  }

  /** The peer holds our own ops up to the seq; a seq above our last op counts as that op. */
  heldBy({ hello }: Greeted, seq: number): void {
    const { origin, vector, members } = this.#state.view;
    const held = Math.min(seq, seqOf(vector, origin));
    if (held <= (this.#held.get(hello.origin) ?? 0) || !members.has(hello.origin)) return;
    this.#held.set(hello.origin, held);
    this.#state.out({ kind: 'heldMore' });
  }

  /** The peer says so in a `confirmed` message. */
  confirmedBy(peer: Greeted, seq: number): void {
    const { origin, vector } = this.#state.view;
    if (seq > seqOf(vector, origin)) {
      const reason = `it confirms ops of ${origin} that were never born`;
      this.#state.refuse(peer.connection, 'malformed', reason);
    } else this.heldBy(peer, seq);
  }

  /** @returns the number of the members that hold the op of that seq. */
  count(seq: number): number {
    const { members } = this.#state.view;
    let count = 0;
    for (const [member, held] of this.#held) if (held >= seq && members.has(member)) count++;
    return count;
  }

  /** Sends `confirmed` to the peer as soon as this node holds the seq that it asked about. */
  confirm(peer: Greeted): void {
    const { connection, confirmSeq, hello } = peer;
    const seq = seqOf(this.#state.view.vector, hello.origin);
    if (confirmSeq === null || seq < confirmSeq) return;
    peer.wasConfirmed();
    this.#state.send(connection, { type: 'confirmed', seq });
  }

  confirmAll(): void {
    for (const peer of this.#state.peers.greeted()) this.confirm(peer);
  }
}
