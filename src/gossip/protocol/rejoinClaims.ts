/**
 * Rule 12: the claims of peers that this node must rejoin. A claim rests on the node's retirement, its absence
 * among the members, compacted ops that it lacks, other ops under its ids, or a copy of its log.
 *
 * Invariants: no peer alone makes this node rejoin at once while another member is present that could
 * confirm the claim; and claims make it rejoin at most once in each pause (`rejoinPauseMs`). A true claim is
 * repeated with each digest, so it loses nothing by waiting. If two histories bear this node's ids, perhaps only one member holds
 * the other history, because the rest took this node's: its claim is followed once it has been repeated long
 * enough. So is that of a peer which was retired here and has retired this node, and of one to whom this node is a
 * stranger. A peer that names a member as the one that let it in is no member here, and confirms nothing. But it may
 * alone hold what all members here lack, so that its `join` never comes: one claim that may be of one alone is followed
 * as a member's is. And a node that hears no member gives way to peers that it has retired, if several do not count it.
 */
import { MINUTE_MS } from '../../words/time.ts';
import { admits, canBeCompleted } from './admission.ts';
import type { CoreState } from './coreState.ts';
import type { OutputOf } from './inputOutput.ts';
import { Repetitions } from './repetitions.ts';

const ALONE =
  'this node hears no member, and several nodes that were retired here take none of its ops, since it is no member there';

/** The shortest time between two doubts in the node's log. */
const TELL_MS = 10 * MINUTE_MS;

export class RejoinClaims {
  readonly #state: CoreState;
  /** Claims by the origin of the peer; copies of this node are under its own origin. */
  readonly #claims: Repetitions;
  /** Claims of strangers before which this node's side gives way, by their origins. */
  readonly #ofOtherSide: Repetitions;
  /** Claims of peers that are no members here, and are followed alone once they repeat them, by their origins. */
  readonly #ofUnknown: Repetitions;
  /** Questions of retired peers that lack their `retire`, by their origins. */
  readonly #ofRetired: Repetitions;
  /** The time at which a claim last made this node rejoin; null if none has. */
  readonly #rejoinedAt: number | null;
  #doubt: { readonly text: string; readonly atMs: number } | null = null;
  #wantsOthers = false;
  /** When the log was last told of a doubt. */
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(state: CoreState, rejoinedAt: number | null) {
    this.#state = state;
    this.#claims = new Repetitions(state.settings);
    this.#ofOtherSide = new Repetitions(state.settings);
    this.#ofUnknown = new Repetitions(state.settings);
    this.#ofRetired = new Repetitions(state.settings);
    this.#rejoinedAt = rejoinedAt;
  }

  /** A claim that this node did not follow, as a sentence; null if there was none lately. */
  get doubt(): string | null {
    return this.#doubt !== null && this.#claims.isFresh(this.#doubt.atMs, this.#state.nowMs)
      ? this.#doubt.text
      : null;
  }

  /** Whether to ask the other members now, because they may confirm a claim. True once for each claim. */
  takeWantsOthers(): boolean {
    const wants = this.#wantsOthers;
    this.#wantsOthers = false;
    return wants;
  }

  /**
   * Takes a peer's claim: this node rejoins, or doubts the claim.
   *
   * @param by the origin of the peer. @param ownOps as for the rejoin.
   * @param isOfOneAlone whether perhaps no second member says so: this node may be a stranger to the peer's side, or the
   *   others may lack what it lacks.
   * @param givesWay whether this node's side gives way to that of the peer, if neither counts the other.
   */
  claim(
    by: string,
    reason: string,
    ownOps: OutputOf<'rejoin'>['ownOps'] = 'sound',
    isOfOneAlone = false,
    givesWay = false,
  ): void {
    // Of two histories under this node's ids, and of two sides that retired each other, perhaps one peer alone tells.
    const mayBeAlone = isOfOneAlone || ownOps !== 'sound' || this.#state.view.members.isRetired(by);
    if (this.#isKnown(by)) this.#claims.note(by, this.#state.nowMs);
    else if (this.#isMemberConnected()) {
      if (mayBeAlone && this.#wasLetIn(by)) this.#claimOfUnknown(by, reason, ownOps);
      else if (givesWay) this.#claimOfOtherSide(by, reason);
      return;
    } else if (isOfOneAlone && this.#lacksWhatIsGoneHere(by)) {
      this.#claimOfUnknown(by, reason, ownOps);
      return;
    }
    if (!this.#isConfirmed(by) && !(mayBeAlone && this.#claims.lasts(by, this.#state.nowMs))) {
      this.#wantsOthers = true;
      this.#doubtsOneAlone(by, reason);
    } else this.#follow(by, reason, ownOps);
  }

  /**
   * A retired peer asks, and lacks its `retire`. If it asks again and again, it takes no ops of this node, which is a
   * stranger to it. Several of them hear one another, and follow no single stranger; nor do they ever say that this node
   * is one, since it does not ask them. So one that hears none of its members gives way.
   */
  lacksItsRetire(by: string): void {
    const { nowMs, standing } = this.#state;
    this.#ofRetired.note(by, nowMs);
    if (standing.phase !== 'ready' || this.#ofRetired.size < 2 || this.#hasOthers(by)) return;
    if (this.#ofRetired.lasts(by, nowMs)) this.#follow(by, ALONE, 'sound', true);
  }

  /**
   * Two sides of one cluster, each of several members, count none of the other: no member ever confirms what the other
   * side says. Two of it must be there, and repeat it.
   */
  #claimOfOtherSide(by: string, reason: string): void {
    this.#ofOtherSide.note(by, this.#state.nowMs);
    const { members } = this.#state.view;
    const retired = this.#state.peers
      .greeted()
      .filter(({ hello }) => hello.joined && members.isRetired(hello.origin));
    if (this.#ofOtherSide.size + retired.length < 2) return;
    if (this.#ofOtherSide.lasts(by, this.#state.nowMs)) this.#follow(by, reason, 'sound', true);
    else
      this.#doubts(
        `Nodes that count other members ask this node to rejoin: ${reason}.`,
        by,
        reason,
      );
  }

  /**
   * The members here may lack the same, and would take this node back: it leaves them. Anybody can name a member that let
   * it in, so that such peers never confirm one another.
   */
  #claimOfUnknown(by: string, reason: string, ownOps: OutputOf<'rejoin'>['ownOps']): void {
    const { nowMs } = this.#state;
    this.#ofUnknown.note(by, nowMs);
    if (this.#ofUnknown.lasts(by, nowMs)) this.#follow(by, reason, ownOps, true);
    else this.#doubtsOneAlone(by, reason);
  }

  #follow(
    by: string,
    reason: string,
    ownOps: OutputOf<'rejoin'>['ownOps'],
    leavesSide = false,
  ): void {
    if (this.#hasJustRejoined() && this.#hasOthers(by))
      this.#doubts(
        `Peers ask this node to rejoin again so soon after the last time, and it waits: ${reason}.`,
        by,
        reason,
      );
    else this.#state.rejoin(reason, true, ownOps, true, this.#toLeave(by, leavesSide));
  }

  /**
   * The members that have not claimed it: they may be strangers to those that have, lack what this node lacks, or be about to
   * give way as well. A copy of this node alone says nothing of the members.
   */
  #toLeave(by: string, leavesSide: boolean): string[] {
    const isOfCopyAlone = by === this.#state.view.origin && this.#claims.size === 1;
    if (isOfCopyAlone && !leavesSide) return [];
    return this.#state.otherMembers().filter((origin) => !this.#claims.has(origin));
  }

  #doubtsOneAlone(by: string, reason: string): void {
    const text = `A peer asks this node to rejoin, and no other member does: ${reason}.`;
    this.#doubts(text, by, reason);
  }

  #doubts(text: string, origin: string, reason: string): void {
    const { nowMs } = this.#state;
    this.#doubt = { text, atMs: nowMs };
    // Each text of a peer may be another one.
    if (nowMs - this.#toldAt < TELL_MS) return;
    this.#toldAt = nowMs;
    this.#state.note('warn', text, { event: 'doubts-rejoin', origin, reason });
  }

  /** Members, retired ones among themselves, and copies of this node: the longer two live, the more they differ. */
  #isKnown(by: string): boolean {
    const { members, origin } = this.#state.view;
    return by === origin || members.has(by) || members.isRetired(by);
  }

  /**
   * The peer would keep entries whose deletes were compacted here, and so it should give way to this node. A member that
   * starts does not wait for that.
   */
  #lacksWhatIsGoneHere(by: string): boolean {
    const { peers, standing, view } = this.#state;
    const peer = peers.ofOrigin(by);
    if (standing.phase !== 'ready' || peer === undefined || peer.digest === null) return false;
    return peer.digestIsExact && !canBeCompleted(peer, peer.digest.vector, view.reach());
  }

  /** As the peer says itself. Its own log, and its sponsor's, hold its `join`. */
  #wasLetIn(by: string): boolean {
    const hello = this.#state.peers.ofOrigin(by)?.hello;
    return hello?.joined === true && admits(this.#state.view.members, { ...hello, empty: false });
  }

  #isMemberConnected(): boolean {
    const { members } = this.#state.view;
    return this.#state.peers.greeted().some(({ hello }) => members.has(hello.origin));
  }

  /** Whether a member beside that one may be present. A node that none of its members hears has nobody to keep it. */
  #hasOthers(by: string): boolean {
    return this.#state.otherMembers().some((origin) => origin !== by && this.#mayBePresent(origin));
  }

  #isConfirmed(by: string): boolean {
    // A member that starts serves no writes yet, and may be about to go on under an origin that nobody knows.
    if (this.#state.standing.phase !== 'ready') return true;
    // A stranger is heard while no member is connected, and then nobody could confirm it.
    if (!this.#isKnown(by)) return true;
    if (!this.#hasOthers(by)) return true;
    return this.#claims.has(by) && this.#claims.size > 1;
  }

  /** At the start nobody was heard yet. */
  #mayBePresent(origin: string): boolean {
    const { nowMs, settings } = this.#state;
    return nowMs - this.#state.lastHeardAt(origin) < settings.hearingMs;
  }

  #hasJustRejoined(): boolean {
    const { nowMs, settings } = this.#state;
    return this.#rejoinedAt !== null && nowMs - this.#rejoinedAt < settings.rejoinPauseMs;
  }
}
