/**
 * Whether clients may use this node (rules 8 and 12): not at all before it has joined, since it does not
 * know what exists. They read once it has, and write once it has caught up. Both wait for what a rejoin
 * had set aside to be offered, or a client would miss its own write; but no longer than for peers.
 */
import type { Readiness } from '../../replica/readiness.ts';
import type { Offers } from './offers.ts';

const NOT_JOINED = 'it has not joined its cluster yet';
const CATCHING_UP = 'it is catching up with its peers after a start';
const CHANGING = 'it is going on under another origin';
const OFFERING = 'it offers again what it held before it began anew';

export interface ClientGateOptions {
  readonly readiness: Readiness;
  readonly offers: Offers;
  /** By a clock that is never set. */
  readonly steadyMs: () => number;
  readonly joinTimeoutMs: number;
}

export class ClientGate {
  readonly #options: ClientGateOptions;
  /** Since when the node itself may write; null until then. */
  #readyAt: number | null = null;

  constructor(options: ClientGateOptions) {
    this.#options = options;
  }

  /** The node has a log now. @param joined whether that is a member's. */
  begin(joined: boolean): void {
    const { readiness } = this.#options;
    this.#readyAt = null;
    readiness.refuseWrites(joined ? CATCHING_UP : NOT_JOINED);
    readiness.refuseReads(NOT_JOINED);
    if (joined) this.joined();
  }

  /** It goes on under another origin: what it holds stays. */
  change(): void {
    this.#readyAt = null;
    this.#options.readiness.refuseWrites(CHANGING);
  }

  /** It is about to start with an empty log. */
  giveUp(): void {
    this.#options.readiness.refuseReads(NOT_JOINED);
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

  /** Whether what was set aside may be offered. */
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
