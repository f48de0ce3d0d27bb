/**
 * Confirmations: peers say up to which seq they hold this node's ops, in their digests, and at once if
 * a client waits. This node tells them the same. A confirmed op is committed at the peer. Of members without a link a
 * certificate tells it (rule 9): each member that it names held all of `min`.
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
  /** Member origin → highest seq of our own origin that it held by a certificate. */
  readonly #reported = new Map<string, number>();
  /** The highest seq up to which some member has shown by a sum that it holds our very ops. */
  #shownSeq = 0;

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
    if (sum !== undefined) this.#shownSeq = Math.max(this.#shownSeq, seq);
    this.#state.out({ kind: 'heldMore' });
  }

  /**
   * By a certificate these members held our own ops up to the seq. It has no sum, and their ops may be others if this
   * log was put back: so it counts as far as a link has shown a sum.
   */
  reportedBy(reporters: ReadonlySet<string>, seq: number): void {
    const { origin, vector, members } = this.#state.view;
    for (const known of this.#reported.keys())
      if (!members.has(known)) this.#reported.delete(known);
    if (seq === 0 || seq > seqOf(vector, origin)) return;
    for (const reporter of reporters)
      this.#reported.set(reporter, Math.max(seq, this.#reported.get(reporter) ?? 0));
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
    return this.#nodesOf((origin) => this.#holds(origin, seq));
  }

  /** The number of other nodes that are members; each counts once, as in `count`. */
  others(): number {
    return this.#nodesOf(() => true);
  }

  /** Whether every member that this node counts holds the op of that seq. */
  isHeldByAll(seq: number): boolean {
    return this.#state.otherMembers().every((origin) => this.#holds(origin, seq));
  }

  #holds(origin: string, seq: number): boolean {
    if ((this.#held.get(origin)?.seq ?? 0) >= seq) return true;
    return seq <= this.#shownSeq && (this.#reported.get(origin) ?? 0) >= seq;
  }

  #nodesOf(isCounted: (origin: string) => boolean): number {
    const { members, origin: own } = this.#state.view;
    const counted: { readonly nodeId: string; readonly url: string | null }[] = [];
    for (const member of members.all())
      if (member.origin !== own && isCounted(member.origin))
        counted.push(this.#held.get(member.origin) ?? member);
    const names = new Set(counted.map(({ nodeId }) => nodeId));
    if (names.size === counted.length) return names.size;
    const urlsOfNodes = new Map<string, Set<string>>();
    for (const { nodeId, url } of counted) {
      const urls = urlsOfNodes.get(nodeId) ?? new Set();
      urlsOfNodes.set(nodeId, url === null ? urls : urls.add(url));
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
