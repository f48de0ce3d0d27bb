/**
 * Whether clients may use this node (rules 8 and 12). Before it has joined, they may do nothing,
 * because it does not know the entries of its cluster. Then they read, and they write once it has
 * caught up. After a rejoin, reads and writes also wait until the ops that it set aside are offered, so
 * that a client does not miss its own write; they wait for the offers for at most `joinTimeoutMs`.
 */
import type { Readiness } from '../../replica/readiness.ts';
import type { Offers } from './offers.ts';

const NOT_JOINED = 'it has not joined its cluster yet';
const CATCHING_UP = 'it is catching up with its peers after a start';
const CHANGING = 'it is going on under another origin';
const OFFERING = 'it offers the ops again that it held before it rejoined';

export interface ClientGateOptions {
  readonly readiness: Readiness;
  readonly offers: Offers;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  readonly joinTimeoutMs: number;
}

export class ClientGate {
  readonly #options: ClientGateOptions;
  /** The time since which the node itself may write; null until then. */
  #readyAt: number | null = null;

  constructor(options: ClientGateOptions) {
    this.#options = options;
  }

  /** The node has a log now. @param joined whether the log is a member's. */
  begin(joined: boolean): void {
    const { readiness } = this.#options;
    this.#readyAt = null;
    readiness.refuseWrites(joined ? CATCHING_UP : NOT_JOINED);
    readiness.refuseReads(NOT_JOINED);
    if (joined) this.joined();
  }

  /** The node has not joined. @param reason the cause, as the end of a sentence. */
  waits(reason: string): void {
    const { readiness } = this.#options;
    readiness.refuseWrites(`${NOT_JOINED}: ${reason}`);
    readiness.refuseReads(`${NOT_JOINED}: ${reason}`);
  }

  /** The node goes on under another origin, with its log. */
  change(): void {
    this.#readyAt = null;
    this.#options.readiness.refuseWrites(CHANGING);
  }

  /** The node is about to start with an empty log. */
  giveUp(): void {
    this.#options.readiness.refuseReads(CHANGING);
  }

  joined(): void {
    const { readiness, offers } = this.#options;
    if (offers.isDone) readiness.allowReads();
    else readiness.refuseReads(OFFERING);
  }

  /** The node itself may write. */
  ready(): void {
    const { readiness, steadyMs } = this.#options;
    this.#readyAt = steadyMs();
    readiness.refuseWrites(OFFERING);
    this.openForWrites();
  }

  /** Whether the ops that were set aside may be offered. */
  get isReady(): boolean {
    return this.#readyAt !== null;
  }

  openForWrites(): void {
    const { readiness, offers, steadyMs, joinTimeoutMs } = this.#options;
    if (this.#readyAt === null) return;
    if (!offers.isDone && steadyMs() - this.#readyAt < joinTimeoutMs) return;
    readiness.allowReads();
    readiness.allowWrites();
  }
}
