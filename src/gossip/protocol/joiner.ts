/**
 * The membership of this node itself (rules 8 and 12): the one sponsor that it asks to join, forming a
 * cluster, being welcomed, and orders to rejoin.
 */
import { includes } from '../../words/vector.ts';
import { ourSideGivesWay } from './admission.ts';
import { type CoreState, partyOf } from './coreState.ts';
import type { OutputOf } from './inputOutput.ts';
import type { RejoinMessage } from './messages.ts';
import { type Greeted, isAnswer } from './peer.ts';
import type { RejoinClaims } from './rejoinClaims.ts';

/** The wait, in milliseconds, after a cluster could not be formed for want of room. */
const JOIN_RETRY_MS = 2000;
/** An unjoined node asks another peer after so many questions in a row without an answer. */
const LOST_PULLS_TO_TURN_AWAY = 3;
const SPONSOR_GONE =
  'the member that it asked to let it in is gone or silent, and an origin asks one member only';
const FORSAKEN = 'no member is left to send the rest of the log of which this node holds a part';
const lost = (left: string): string =>
  `no member of its cluster answers${left}: this node waits until one does, with its entries set aside; where ` +
  'the others are lost for good, restore the database under aside/ into an empty directory and start on that';

export class Joiner {
  readonly #state: CoreState;
  readonly #claims: RejoinClaims;
  /** Whether `form` or `welcome` was put out and is not yet committed. */
  #isJoining = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  /** The time at which this core's node joined; null if it had joined before, or has not yet. */
  #joinedAt: number | null = null;
  /** The origin that an unjoined node asks to let it in. */
  #sponsor: string | null = null;
  #sponsorIsSilent = false;
  /** Answers that are being taken in: until they are, no other peer is asked. */
  #answersUnderWay = 0;
  #saidThatLost = false;
  /** Why the sponsor lets this node in later; null if it has said nothing of the kind. */
  #obstacle: string | null = null;
  /** Members that this node has left. */
  #left: ReadonlySet<string> = new Set();

  constructor(state: CoreState, claims: RejoinClaims) {
    this.#state = state;
    this.#claims = claims;
  }

  /**
   * Whether an unjoined node may ask the peer. An origin asks one sponsor only: the sponsor may have logged its
   * `join` although its answer never came. If another let it in, members would count it by the `join` of the
   * first, and it would hold less than that one had acknowledged.
   */
  mayAsk({ hello }: Greeted): boolean {
    const { ownUrl, addresses } = this.#state;
    // The `join` that a sponsor logs holds this node's URL, so that should be known by then.
    if (ownUrl === null && !addresses.allTried()) return false;
    if (this.#isJoining && this.#answersUnderWay === 0) return false;
    if (this.#left.has(hello.origin) && this.#mayOthersCome()) return false;
    return this.#sponsor === null || this.#sponsor === hello.origin;
  }

  /** This node has left these members, which may have to rejoin too. */
  hasLeft(members: readonly string[]): void {
    this.#left = new Set(members);
  }

  asks(peer: Greeted): void {
    this.#sponsor = peer.hello.origin;
  }

  /**
   * The peer has not answered in time. An unjoined node asks its sponsor only. One that never answers may run on a copy of
   * the log that this node has begun to take: then the two hold different ops of its origin.
   */
  wasLeftWaiting({ pull }: Greeted): void {
    const { standing, nowMs, settings } = this.#state;
    if (standing.phase !== 'unjoined' || pull.lostInARow < LOST_PULLS_TO_TURN_AWAY) return;
    this.#sponsorIsSilent = true;
    pull.postpone(nowMs + LOST_PULLS_TO_TURN_AWAY * settings.pullTimeoutMs);
  }

  /** The peer answers later. @param reason why it does not let this node in now; undefined if it said none. */
  isPutOff({ hello }: Greeted, reason: string | undefined): void {
    if (this.#state.standing.phase !== 'unjoined') return;
    if (reason === undefined || reason === this.#obstacle) return;
    this.#obstacle = reason;
    const text = `${hello.nodeId} lets it in later: ${reason}`;
    this.#state.out({ kind: 'waits', reason: text });
    this.#state.warnRarely(`this node has not joined yet, because ${text}`, {
      event: 'join-postponed',
      ...partyOf({ hello }),
      reason,
    });
  }

  answerComes(): void {
    this.#answersUnderWay++;
  }

  answerIsOver(): void {
    this.#answersUnderWay--;
  }

  /**
   * An unjoined node holds all ops of the sponsor's answer: it has joined, if its own `join` was among
   * them.
   */
  holdsAnswerOf({ hello }: Greeted): void {
    const { view } = this.#state;
    const { clusterId, formedAt, origin: sponsor } = hello;
    if (clusterId === null || this.#isJoining || !view.members.has(view.origin)) return;
    this.#join({ kind: 'welcome', sponsor, clusterId, formedAt });
  }

  /** Checks whether a starting member has caught up, or a fresh node forms the cluster. */
  tick(): void {
    const { standing, peers, addresses, view, nowMs } = this.#state;
    if (standing.phase === 'ready') return;
    const greeted = peers.greeted();
    if (standing.phase === 'starting') {
      const isCaughtUp = standing.isCaughtUp(this.#state.otherMembers(), greeted, addresses, nowMs);
      const awaitsRound = this.#state.isMesh && standing.awaitsRound(view.vector, nowMs);
      if (isCaughtUp && !awaitsRound) this.#ready();
      return;
    }
    if (this.#isJoining || nowMs < this.#notBefore || this.#wasRefused()) return;
    if (this.#hasLostSponsor(greeted)) {
      this.#state.rejoin(SPONSOR_GONE, view.lastLsn > 0);
      return;
    }
    if (view.lastLsn > 0) {
      // A node that holds a part of another's log must not form a cluster with it.
      if (standing.isForsaken(greeted, nowMs)) this.#state.rejoin(FORSAKEN);
      return;
    }
    if (standing.forms(view.origin, greeted, addresses, nowMs))
      this.#join({ kind: 'form', value: this.#state.ownValue() });
    else if (!this.#saidThatLost && standing.isLost(greeted, nowMs)) {
      this.#saidThatLost = true;
      const left = standing.mayBeLeft(greeted).map(({ nodeId }) => nodeId);
      const names = left.length === 0 ? '' : `, and these may be left: ${left.join(', ')}`;
      this.#state.note('warn', lost(names), { event: 'not-joined' });
    }
  }

  /** `form` or `welcome` is committed. */
  joined(): void {
    this.#isJoining = false;
    this.#joinedAt = this.#state.nowMs;
    this.#ready();
  }

  /** `form` or `welcome` found no room and is not committed. */
  failed(): void {
    this.#isJoining = false;
    this.#notBefore = this.#state.nowMs + JOIN_RETRY_MS;
  }

  /** A peer says that this node must rejoin. */
  told(peer: Greeted, message: RejoinMessage): void {
    const { members, origin, vector } = this.#state.view;
    const { hello, pull } = peer;
    // A peer sends `retired` at this node's hello too; the other codes come only in answer to a digest.
    const isUnasked = message.code === 'retired' && message.re === undefined;
    if (!isUnasked && !isAnswer(peer, message.re)) return;
    const askedAt = pull.sentAt;
    pull.ends();
    const text = `${hello.nodeId} says: ${message.reason}`;
    const givesWay = ourSideGivesWay(this.#state.smallestHeard(), message.smallestMember);
    switch (message.code) {
      case 'retired':
        // A side never asks those that it has retired, and so never hears that it is a stranger to them. So they
        // give way to it, unless they have retired one of it themselves.
        if (!members.isRetired(hello.origin) || givesWay) {
          const yields = givesWay || !this.#isRetiredPeerThere();
          this.#claims.claim(hello.origin, text, 'sound', false, yields);
        }
        return;
      case 'stranger':
        // The peer may have judged by the state before another member let this node in.
        if (this.#joinedAt !== null && askedAt !== null && askedAt < this.#joinedAt) return;
        if (vector.size === 0 || members.isRetired(hello.origin)) return;
        // A fresh node loses nothing by starting from nothing.
        if (this.#state.standing.phase === 'unjoined') this.#state.rejoin(text);
        else this.#claims.claim(hello.origin, text, 'sound', true, givesWay);
        return;
      case 'behind':
        if (includes(vector, message.reach)) return;
        // A fresh node holds a part of a history whose rest was compacted away meanwhile: it starts
        // from nothing.
        if (this.#state.standing.phase === 'unjoined') this.#state.rejoin(text, false);
        else if (members.has(origin)) this.#claims.claim(hello.origin, text, 'sound', true);
        return;
    }
  }

  #isRetiredPeerThere(): boolean {
    const { members } = this.#state.view;
    const greeted = this.#state.peers.greeted();
    return greeted.some(({ hello }) => hello.joined && members.isRetired(hello.origin));
  }

  /** Whether the sponsor is gone or silent, and another member can be asked, or a part of a log is held. */
  #hasLostSponsor(peers: readonly Greeted[]): boolean {
    if (this.#sponsor === null || this.#answersUnderWay > 0) return false;
    const isGone = this.#state.peers.ofOrigin(this.#sponsor) === undefined;
    if (!isGone && this.#sponsorIsSilent && this.#state.view.lastLsn > 0) return true;
    const hasOther = peers.some(({ hello }) => hello.joined && hello.origin !== this.#sponsor);
    return (isGone || this.#sponsorIsSilent) && hasOther;
  }

  #mayOthersCome(): boolean {
    const { nowMs, startedAt, settings } = this.#state;
    return nowMs - startedAt < settings.joinTimeoutMs;
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
   * A member that refuses this node for its clock is present all the same: the two would meet again and again, under
   * one origin after another. A fresh node is not waited for, because it can't join before its clock is right.
   */
  #wasRefused(): boolean {
    const { refusedAt, nowMs, settings } = this.#state;
    const waitMs = Math.max(settings.joinTimeoutMs, 2 * settings.maxRedialMs);
    return refusedAt !== null && nowMs - refusedAt < waitMs;
  }
}
