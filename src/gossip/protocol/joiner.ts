/**
 * Membership of this node itself (rules 8 and 12): the one sponsor that it asks to be let in, forming a
 * cluster, being welcomed, and orders to rejoin.
 */
import { includes } from '../../words/vector.ts';
import { rejoinsAfterMutualRetirement } from './admission.ts';
import type { CoreState } from './coreState.ts';
import type { OutputOf } from './inputOutput.ts';
import type { RejoinMessage } from './messages.ts';
import { type Greeted, isAnswer } from './peer.ts';

/** The wait after a cluster could not be formed for want of room. */
const JOIN_RETRY_MS = 2000;
const FORSAKEN = 'no member is left that could bring the rest of what this node has got a part of';
const LOST =
  'no node of its cluster answers: this node waits until one does, with its entries set aside; where ' +
  'the others are lost for good, restore the database under aside/ into an empty directory and start on that';

export class Joiner {
  readonly #state: CoreState;
  /** Whether `form` or `welcome` was put out and is not yet committed. */
  #isJoining = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  /** When this core's node joined; null where it had before, or has not yet. */
  #joinedAt: number | null = null;
  /** The origin that an unjoined node asks to let it in. */
  #sponsor: string | null = null;
  /** Answers that are being taken in: nobody else is asked before they are. */
  #answersUnderWay = 0;
  #saidThatLost = false;

  constructor(state: CoreState) {
    this.#state = state;
  }

  /** Whether an unjoined node may ask the peer: one sponsor at a time, until that is gone. */
  mayAsk(peer: Greeted): boolean {
    const { ownUrl, addresses, peers } = this.#state;
    // The `join` that a sponsor logs holds this node's URL: it should be known by then.
    if (ownUrl === null && !addresses.allTried()) return false;
    // To the others a node that holds something is a stranger still.
    const sponsor = this.#sponsor === null ? undefined : peers.ofOrigin(this.#sponsor);
    if (this.#answersUnderWay > 0) return sponsor === peer;
    return !this.#isJoining && (sponsor === undefined || sponsor === peer);
  }

  asks(peer: Greeted): void {
    this.#sponsor = peer.hello.origin;
  }

  answerComes(): void {
    this.#answersUnderWay++;
  }

  answerIsOver(): void {
    this.#answersUnderWay--;
  }

  /** An unjoined node holds all that the sponsor's answer held: it has joined, if its `join` was in it. */
  holdsAnswerOf({ hello }: Greeted): void {
    const { view } = this.#state;
    const { clusterId, formedAt, origin: sponsor } = hello;
    if (clusterId === null || this.#isJoining || !view.members.has(view.origin)) return;
    this.#join({ kind: 'welcome', sponsor, clusterId, formedAt });
  }

  /** A member that starts has caught up, or a fresh node forms the cluster. */
  tick(): void {
    const { standing, peers, addresses, view, nowMs } = this.#state;
    if (standing.phase === 'ready') return;
    const greeted = peers.greeted();
    if (standing.phase === 'starting') {
      if (standing.isCaughtUp(this.#state.otherMembers(), greeted, addresses, nowMs)) this.#ready();
      return;
    }
    if (this.#isJoining || nowMs < this.#notBefore) return;
    if (view.lastLsn > 0) {
      // Nobody forms a cluster with a part of another's log.
      if (standing.isForsaken(greeted, nowMs)) this.#state.rejoin(FORSAKEN);
      return;
    }
    if (this.#wasRefused()) return;
    if (standing.forms(view.origin, greeted, addresses, nowMs))
      this.#join({ kind: 'form', value: this.#state.ownValue() });
    else if (!this.#saidThatLost && standing.isLost(greeted, nowMs)) {
      this.#saidThatLost = true;
      this.#state.note('warn', LOST);
    }
  }

  /** `form` or `welcome` is committed. */
  joined(): void {
    this.#isJoining = false;
    this.#joinedAt = this.#state.nowMs;
    if (this.#state.standing.phase === 'unjoined') this.#ready();
  }

  /** It is not committed, for want of room. */
  failed(): void {
    this.#isJoining = false;
    this.#notBefore = this.#state.nowMs + JOIN_RETRY_MS;
  }

  /** A peer says that this node must rejoin. */
  told(peer: Greeted, message: RejoinMessage): void {
    const { members, origin, vector } = this.#state.view;
    const { hello, pull } = peer;
    if (message.re !== undefined && !isAnswer(peer, message.re)) return;
    // A retired node is told so at its hello; the rest is for the peer to find in a digest.
    if ((message.code !== 'retired' && !pull.isInFlight) || !this.#isBelieved(peer)) return;
    const askedAt = pull.sentAt;
    pull.ends();
    const text = `${hello.nodeId} says: ${message.reason}`;
    switch (message.code) {
      case 'retired': {
        const mutual = members.isRetired(hello.origin);
        if (!mutual || rejoinsAfterMutualRetirement(members.smallest(), message.smallestMember))
          this.#state.rejoin(text);
        return;
      }
      case 'stranger':
        // It may have judged what this node was before another member let it in.
        if (this.#joinedAt !== null && askedAt !== null && askedAt < this.#joinedAt) return;
        if (vector.size > 0 && !members.isRetired(hello.origin)) this.#state.rejoin(text);
        return;
      case 'behind':
        if (includes(vector, message.reach)) return;
        // A fresh node holds a part of a history whose rest was compacted away meanwhile: from the start.
        if (this.#state.standing.phase === 'unjoined') this.#state.rejoin(text, false);
        else if (members.has(origin)) this.#state.rejoin(text);
        return;
    }
  }

  /** Members say who must rejoin, retired ones among themselves; strangers only where no member is there. */
  #isBelieved({ hello }: Greeted): boolean {
    const { members } = this.#state.view;
    const isKnown = ({ origin }: Greeted['hello']): boolean =>
      members.has(origin) || members.isRetired(origin);
    return (
      isKnown(hello) || !this.#state.peers.greeted().some((one) => members.has(one.hello.origin))
    );
  }

  #join(output: OutputOf<'form' | 'welcome'>): void {
    this.#isJoining = true;
    this.#state.out(output);
  }

  #ready(): void {
    this.#state.standing.becomesReady();
    this.#state.out({ kind: 'ready', value: this.#state.ownValue() });
  }

  /**
   * A member that refuses this node for its clock is there all the same: it would be met again and again. A
   * fresh node is not waited for: it can not join before its clock is right.
   */
  #wasRefused(): boolean {
    const { refusedAt, nowMs, settings } = this.#state;
    const waitMs = Math.max(settings.joinTimeoutMs, 2 * settings.maxRedialMs);
    return refusedAt !== null && nowMs - refusedAt < waitMs;
  }
}
