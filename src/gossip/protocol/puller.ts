/**
 * The schedule of pulls (rules 7 and 8). One pull to each peer is in flight; each peer is asked once
 * before any is asked twice; while digests are equal, the wait between pulls grows.
 */

import { sameHash } from '../../words/hash.ts';
import { nextRandom } from '../../words/random.ts';
import type { CoreState } from './coreState.ts';
import { type Digest, type Listing, levelHash } from './digest.ts';
import { digestChanges } from './digestChanges.ts';
import type { Joiner } from './joiner.ts';
import type { AskMessage, DigestMessage, LevelMessage } from './messages.ts';
import { type Greeted, knowsClosing, knowsDifferences } from './peer.ts';

/** The factor by which each wait is longer than the last while digests are equal. */
const BACK_OFF = 1.1;
/** The longest back-off with eight peers or fewer, as a multiple of the interval. */
const MAX_BACK_OFF = 1.25;
const PEERS_A_BACK_OFF = 8;

/** The longest wait between pulls, as a multiple of the interval, jitter included. */
export const longestPullWait = (peers: number): number =>
  MAX_BACK_OFF * Math.max(1, peers / PEERS_A_BACK_OFF);

export class Puller {
  readonly #state: CoreState;
  readonly #joiner: Joiner;
  #nextPullAt = 0;
  #backOff = 1;

  constructor(state: CoreState, joiner: Joiner) {
    this.#state = state;
    this.#joiner = joiner;
  }

  mayPull(peer: Greeted): boolean {
    const { standing, nowMs, view } = this.#state;
    const { hello, pull } = peer;
    if (!hello.joined || !pull.mayBegin(nowMs) || view.members.isRetired(hello.origin))
      return false;
    return standing.phase !== 'unjoined' || this.#joiner.mayAsk(peer);
  }

  /** Pulls now, or as soon as the pull in flight has ended. */
  pull(peer: Greeted): void {
    const { standing, nowMs } = this.#state;
    if (peer.pull.isInFlight) {
      peer.pull.wantAgain();
      return;
    }
    if (standing.phase === 'unjoined') this.#joiner.asks(peer);
    const digest = this.digestFor(peer);
    const re = peer.pull.begins(nowMs, digest);
    this.#state.send(peer.connection, this.#questionOf(peer, digest, re));
    peer.isTold(digest);
  }

  pullIfFree(peer: Greeted): void {
    if (this.mayPull(peer)) this.pull(peer);
  }

  /**
   * Beyond a full mesh, differences from the last digest that the peer has sent; before its first one, none from the digest
   * that it would send now, if it holds the same.
   */
  #questionOf(
    peer: Greeted,
    digest: Digest,
    re: number,
  ): AskMessage | DigestMessage | LevelMessage {
    const base = peer.lastShown ?? (peer.mayHoldTheSame ? digest : null);
    if (base !== null && this.tellsDifferences(peer))
      return { type: 'ask', changes: digestChanges(base, digest), re };
    return questionOf(peer, digest, re);
  }

  tellsDifferences(peer: Greeted): boolean {
    return this.#state.isMesh && knowsDifferences(peer);
  }

  /** The digest for a peer; undefined: for one that is gone. */
  digestFor(peer: Greeted | undefined): Digest {
    return this.#state.digest(this.#listingFor(peer), peer !== undefined && knowsClosing(peer));
  }

  /** The retired origins that digests to the peer list. */
  #listingFor(peer: Greeted | undefined): Listing {
    // An unjoined node reads no digests, and so never learns that a peer's retired origins differ.
    const lists = this.#state.standing.phase === 'unjoined' || (peer?.listRetired ?? false);
    if (!lists) return 'none';
    const leavesOut = peer !== undefined && knowsClosing(peer) && !peer.closesOthers;
    return leavesOut ? 'open' : 'all';
  }

  /** At most one pull in each tick. */
  tick(): void {
    const { nowMs, peers, random, settings } = this.#state;
    if (nowMs < this.#nextPullAt) return;
    this.#catchUp();
    const next = peers.nextOfRound((peer) => this.mayPull(peer) && this.#isLink(peer), random);
    if (next !== undefined) this.pull(next);
    const spread = 0.75 + nextRandom(random) / 2;
    const intervals = Math.min(this.#backOff * spread, this.#maxBackOff());
    this.#nextPullAt = nowMs + settings.pullIntervalMs * intervals;
  }

  /** A member that this node only visits holds what links bring. */
  #isLink({ link, hello }: Greeted): boolean {
    return !link.isVisit || !this.#state.view.members.has(hello.origin);
  }

  /**
   * A member that starts asks all members that it has not caught up with, because clients' writes wait
   * for that.
   */
  #catchUp(): void {
    const { standing, peers } = this.#state;
    if (standing.phase !== 'starting') return;
    for (const peer of peers.greeted())
      if (!standing.hasCaughtUpWith(peer.hello.origin)) this.pullIfFree(peer);
  }

  /** A digest was equal to ours, so the next pull may wait longer. */
  slowDown(): void {
    this.#backOff = Math.min(this.#maxBackOff(), this.#backOff * BACK_OFF);
  }

  /** Beyond a full mesh ops are always under way between two members, and lazy links tell of those that do not come. */
  speedUp(): void {
    if (!this.#state.isMesh) this.#backOff = 1;
  }

  #maxBackOff(): number {
    return longestPullWait(this.#state.peers.size);
  }
}

/** The digest; only its hash if the peer has answered by `same` what it says. */
function questionOf(peer: Greeted, digest: Digest, re: number): DigestMessage | LevelMessage {
  const known = peer.levelHash;
  const hash = known === null ? null : levelHash(digest);
  return known !== null && hash !== null && sameHash(known, hash)
    ? { type: 'level', hash, clock: digest.clock, re }
    : { type: 'digest', digest, re };
}
