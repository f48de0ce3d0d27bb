/**
 * The price of faults: each fault brings its peer points, which are forgiven with time. Enough points
 * bring a refusal for a while.
 *
 * Invariant: only faults of `PEER_FAULTS` cost points, and a refused peer does not prolong its refusal
 * by coming again.
 */
import type { PeerFault } from '../protocol/peerFaults.ts';

/** Points of one fault. A peer that keeps the protocol makes none of them. */
const COSTS: Readonly<Record<PeerFault, number>> = {
  bound: 40,
  rate: 60,
  form: 40,
  order: 40,
  claim: 60,
  // This may be a fault of this node.
  exception: 40,
};

/** The points that bring refusal: three malformed messages in short order, or two floods. */
const LIMIT = 100;
/**
 * The most peers that are remembered. Peers with a new name for each fault push out others' points, but
 * not their refusals.
 */
const MAX_REMEMBERED = 1024;

/** A peer that is refused, and the reason. */
export interface Refusal {
  readonly name: string;
  readonly reason: string;
  readonly forMs: number;
  /** A time on the clock of the faults. */
  readonly untilMs: number;
}

export interface Misdeed {
  /** The name of the peer, for people. */
  readonly name: string;
  readonly fault: PeerFault;
  /** The end of a sentence about the peer. */
  readonly reason: string;
}

/** The record of one peer. */
interface Account {
  points: number;
  atMs: number;
  refusal: Refusal | null;
}

export class Conduct {
  readonly #refusalMs: number;
  readonly #accounts = new Map<string, Account>();

  /** @param refusalMs the time for which a refusal lasts, and in which as many points are forgiven. */
  constructor(refusalMs: number) {
    this.#refusalMs = refusalMs;
  }

  /** The number of peers that are remembered. */
  get size(): number {
    return this.#accounts.size;
  }

  /**
   * @param key names the peer; two peers with one key are one.
   * @param nowMs a time on a clock that is never set.
   * @returns the new refusal that this fault brings; null if it brings none.
   */
  add(key: string, { name, fault, reason }: Misdeed, nowMs: number): Refusal | null {
    const account = this.#accounts.get(key) ?? { points: 0, atMs: nowMs, refusal: null };
    if (isOpen(account, nowMs)) return null;
    const forgiven = (LIMIT * (nowMs - account.atMs)) / this.#refusalMs;
    account.points = Math.max(0, account.points - forgiven) + COSTS[fault];
    account.atMs = nowMs;
    account.refusal = null;
    // The last in the map is the peer whose fault came last.
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    this.#forgetSome(nowMs);
    if (account.points < LIMIT) return null;
    account.points = 0;
    account.refusal = { name, reason, forMs: this.#refusalMs, untilMs: nowMs + this.#refusalMs };
    return account.refusal;
  }

  refusalOf(key: string, nowMs: number): Refusal | null {
    const account = this.#accounts.get(key);
    return account !== undefined && isOpen(account, nowMs) ? account.refusal : null;
  }

  /** The refusals that are in force. */
  refusals(nowMs: number): Refusal[] {
    const open: Refusal[] = [];
    for (const { refusal } of this.#accounts.values())
      if (refusal !== null && nowMs < refusal.untilMs) open.push(refusal);
    return open;
  }

  /** The oldest go first, and refusals last. */
  #forgetSome(nowMs: number): void {
    if (this.#accounts.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#accounts.keys();
    const first = [...this.#accounts].find(([, account]) => !isOpen(account, nowMs))?.[0] ?? oldest;
    if (first !== undefined) this.#accounts.delete(first);
  }
}

const isOpen = ({ refusal }: Account, nowMs: number): boolean =>
  refusal !== null && nowMs < refusal.untilMs;
