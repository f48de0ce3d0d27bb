/**
 * What clients may do with this node (rules 8 and 12): nothing before it has joined, since it does not
 * know what exists; read once it has; write once it has caught up, and behind what a rejoin had set
 * aside. For that they wait no longer than for peers.
 */
import type { Replica } from '../../replica/replica.ts';
import type { Offers } from './offers.ts';

const NOT_JOINED = 'it has not joined its cluster yet';
const CATCHING_UP = 'it is catching up with its peers after a start';
const CHANGING = 'it is going on under another origin';
const OFFERING = 'it offers again what it held before it began anew';

export interface ClientGateOptions {
  readonly replica: Replica;
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
    const { replica } = this.#options;
    this.#readyAt = null;
    replica.notWritable = joined ? CATCHING_UP : NOT_JOINED;
    replica.notReadable = joined ? null : NOT_JOINED;
  }

  /** It goes on under another origin: what it holds stays. */
  change(): void {
    this.#readyAt = null;
    this.#options.replica.notWritable = CHANGING;
  }

  /** It is about to start with an empty log. */
  giveUp(): void {
    this.#options.replica.notReadable = NOT_JOINED;
  }

  joined(): void {
    this.#options.replica.notReadable = null;
  }

  /** The node itself may write. */
  ready(): void {
    const { replica, steadyMs } = this.#options;
    this.#readyAt = steadyMs();
    replica.notWritable = OFFERING;
    this.openForWrites();
  }

  /** Whether what was set aside may be offered. */
  get isReady(): boolean {
    return this.#readyAt !== null;
  }

  openForWrites(): void {
    const { replica, offers, steadyMs, joinTimeoutMs } = this.#options;
    if (this.#readyAt === null) return;
    if (offers.isDone || steadyMs() - this.#readyAt >= joinTimeoutMs) replica.notWritable = null;
  }
}
