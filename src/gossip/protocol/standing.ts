/**
 * Where this node stands (rule 8): a fresh node is unjoined; a member that starts catches up before it
 * writes anything; then it is ready. Only the wall clock and what was heard decide.
 */
import type { AddressBook } from './addressBook.ts';
import type { Greeted } from './peer.ts';

export type Phase = 'unjoined' | 'starting' | 'ready';

/**
 * The past of a node with an empty log: none; the only one that knew its log; or one of
 * several, whose cluster goes on without it. Of what the last has set aside, others may have deleted
 * a part meanwhile: alone it would offer that to itself as new, and bring it back to them later.
 */
export type Past = 'none' | 'alone' | 'withOthers';

export interface StandingSettings {
  /** How long to wait for peers before going on alone, milliseconds. */
  readonly joinTimeoutMs: number;
}

export class Standing {
  #phase: Phase;
  readonly #settings: StandingSettings;
  readonly #past: Past;
  readonly #startedAt: number;
  /** When a fresh node last saw a peer that has joined. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Origins of members whose vector we have included since the start. */
  readonly #caughtUpWith = new Set<string>();

  constructor(settings: StandingSettings, joined: boolean, startedAt: number, past: Past = 'none') {
    this.#phase = joined ? 'starting' : 'unjoined';
    this.#settings = settings;
    this.#past = past;
    this.#startedAt = startedAt;
  }

  /** Unjoined or starting, then ready; never back. */
  get phase(): Phase {
    return this.#phase;
  }

  becomesReady(): void {
    this.#phase = 'ready';
  }

  hasCaughtUpWith(origin: string): boolean {
    return this.#caughtUpWith.has(origin);
  }

  /** This node holds all that the member was heard to hold since the start. */
  caughtUpWith(origin: string): void {
    this.#caughtUpWith.add(origin);
  }

  /**
   * Whether a member that starts may write: it includes the vector of every member that it reaches, or
   * none answered in time.
   */
  isCaughtUp(
    others: readonly string[],
    peers: readonly Greeted[],
    addresses: AddressBook,
    nowMs: number,
  ): boolean {
    const hasTime = nowMs - this.#startedAt < this.#settings.joinTimeoutMs;
    // Any configured address may be a member's that has not said so yet.
    if (hasTime && !addresses.allTried()) return false;
    // And whoever has joined may be one: the end of this log, and with it the `join`, may be lost.
    const isUnknown = ({ hello: { joined, origin } }: Greeted): boolean =>
      joined && !others.includes(origin) && !this.#caughtUpWith.has(origin);
    if (hasTime && peers.some(isUnknown)) return false;
    if (others.length === 0) return true;
    // One that has not joined holds nothing of its own, and answers nothing.
    const connected = new Set(
      peers.filter(({ hello }) => hello.joined).map(({ hello }) => hello.origin),
    );
    let answered = false;
    for (const origin of others) {
      if (this.#caughtUpWith.has(origin)) {
        answered = true;
        continue;
      }
      if (connected.has(origin) || addresses.isUndecided(origin)) {
        if (connected.has(origin) || hasTime) return false;
      }
    }
    return answered || !hasTime;
  }

  /**
   * Whether a node with an empty log forms the cluster: at once where every configured peer answers and
   * is fresh too, after the join timeout where only fresh ones or none do; always the smallest origin. A
   * peer that has joined and is gone again, as for a new origin, is waited for anew. After a rejoin it is
   * never at once, since whom it gave way to need not be configured; and one of several waits for as
   * long as it hears nobody.
   */
  forms(
    ownOrigin: string,
    peers: readonly Greeted[],
    addresses: AddressBook,
    nowMs: number,
  ): boolean {
    if (this.#hearsMember(peers, nowMs)) return false;
    if (peers.some(({ hello }) => hello.origin < ownOrigin)) return false;
    if (this.#isTimeOver(nowMs)) return this.#past !== 'withOthers' || peers.length > 0;
    return this.#past === 'none' && addresses.allAnswered();
  }

  /** Whether a node waits for others of its cluster, none of which it has heard for the join timeout. */
  isLost(peers: readonly Greeted[], nowMs: number): boolean {
    return this.#past === 'withOthers' && peers.length === 0 && this.#isTimeOver(nowMs);
  }

  /** Whether a node that holds a part of what its sponsor held has heard no member for the join timeout. */
  isForsaken(peers: readonly Greeted[], nowMs: number): boolean {
    return !this.#hearsMember(peers, nowMs) && this.#isTimeOver(nowMs);
  }

  #hearsMember(peers: readonly Greeted[], nowMs: number): boolean {
    const hears = peers.some(({ hello }) => hello.joined);
    if (hears) this.#answeredAt = nowMs;
    return hears;
  }

  #isTimeOver(nowMs: number): boolean {
    return nowMs - Math.max(this.#startedAt, this.#answeredAt) >= this.#settings.joinTimeoutMs;
  }
}
