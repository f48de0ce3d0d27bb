/**
 * One connection of a client: the requests that it sends ahead of their answers, and the order of these answers.
 *
 * Invariants: a request is handled once those before it are answered; beyond the bound of unanswered requests the
 * connection is not read; and bytes that are no HTTP are answered in their turn, behind which nothing is read.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Limits } from '../../words/limits.ts';
import { SilenceTimer } from './silenceTimer.ts';

/** Node reads a chunk of 64 KiB to its end before it stops: some 2500 requests. */
const MAX_PARKED_REQUESTS = 4096;

/** The reason why a connection was ended or refused. */
export type EndedFor =
  | 'pipeline'
  | 'stalled'
  | 'idle'
  | 'slow'
  | 'answers'
  | 'dropped'
  | 'full'
  | 'address'
  | 'upgrade';

/** The reason why bytes could not be taken as a request: too long, too late, or no HTTP. */
export type UnreadableFor = 'header' | 'chunk' | 'time' | 'form';

export interface ConnectionEvents {
  /** A request is answered, or given up. */
  readonly answered: () => void;
  readonly ended: (reason: EndedFor) => void;
}

export class Connection {
  readonly isSpare: boolean;
  /** The body under way may take as long as it likes. */
  isStreaming = false;
  readonly #limits: Pick<Limits, 'maxPipelinedRequests'>;
  readonly #events: ConnectionEvents;
  #socket: Socket;
  /** Null until requests are taken. */
  #silence: SilenceTimer | null = null;
  /** Requests that have come and are not answered yet, including the parked ones. */
  #pending = 0;
  /** Requests that wait for those before them. */
  #parked = 0;
  /** Reading is stopped for now. */
  #isHeld = false;
  /** The last answer is under way: bytes behind its request are dropped. */
  #isLast = false;
  #isUpgraded = false;
  /** The response to the latest request. */
  #last: ServerResponse | null = null;
  /** One function for all answers, since there are many. */
  readonly #onAnswered = (): void => {
    this.#pending--;
    this.#events.answered();
    const whenLeft = this.#whenLeft;
    if (whenLeft !== null && this.#pending === whenLeft.pending) whenLeft.call();
  };
  /** Called once, when only `pending` requests are left unanswered. */
  #whenLeft: { readonly pending: number; readonly call: () => void } | null = null;

  /** @param isSpare whether it is above the bound of connections, so that it is closed once room is needed. */
  constructor(
    socket: Socket,
    isSpare: boolean,
    limits: Pick<Limits, 'maxPipelinedRequests'>,
    events: ConnectionEvents,
  ) {
    this.#socket = socket;
    this.isSpare = isSpare;
    this.#limits = limits;
    this.#events = events;
  }

  get pending(): number {
    return this.#pending;
  }

  get isUpgraded(): boolean {
    return this.#isUpgraded;
  }

  /** In TLS that of the network until the handshake has ended, and the secure one from then on. */
  get socket(): Socket {
    return this.#socket;
  }

  /** Takes requests from the socket from now on. */
  serve(socket: Socket): void {
    this.#socket = socket;
    this.#silence = new SilenceTimer(socket);
    // Node itself resumes a socket after each answer.
    socket.on('resume', () => {
      if (this.#isHeld) socket.pause();
    });
  }

  /** To be called each `LOOK_INTERVAL_MS` of the timers of silence. */
  lookForSilence(): void {
    this.#silence?.look();
  }

  /** Takes a request, and calls the handler once the requests before it are answered. */
  take(response: ServerResponse, handle: () => void): void {
    this.#pending++;
    this.#last = response;
    response.on('close', this.#onAnswered);
    // Node gives a response its socket once the responses before it have been sent.
    if (response.socket !== null) {
      handle();
      return;
    }
    this.#parked++;
    this.#bound();
    response.once('socket', () => {
      this.#parked--;
      if (this.#isHeld && this.#parked < this.#limits.maxPipelinedRequests / 2) this.#release();
      if (!this.#isLast) handle();
    });
  }

  /** The answer that is under way is the last. */
  dropBehind(): void {
    this.#isLast = true;
    // The answer has no end, so a refusal of unreadable bytes behind it would never have its turn.
    if (this.#whenLeft !== null) this.#socket.destroy();
  }

  /**
   * Notes an upgrade.
   *
   * @returns false if an answer is still due. It would come in the middle of the other protocol, so the connection is
   *   destroyed.
   */
  upgrade(): boolean {
    this.#isUpgraded = true;
    if (this.#pending === 0) return true;
    this.end('upgrade');
    return false;
  }

  /**
   * Handles bytes that can't be read as HTTP. The requests before them are answered first.
   *
   * @param answer called when its turn has come, with the response that it replaces, if there is one.
   * @returns false if such bytes came before.
   */
  unreadable(answer: (instead: ServerResponse | null) => void): boolean {
    if (this.#whenLeft !== null) return false;
    const last = this.#last;
    const ownBody = this.#pending > 0 && last !== null && !last.req.complete ? last : null;
    const left = ownBody === null ? 0 : 1;
    const isWithinAnswer = this.#pending === 1 && ownBody?.headersSent === true;
    if (this.#isLast || isWithinAnswer) {
      this.#socket.destroy();
      return true;
    }
    const call = (): void => answer(ownBody);
    this.#whenLeft = { pending: left, call };
    this.#hold();
    if (this.#pending === left) call();
    return true;
  }

  /** Ends the connection if it is still open. */
  end(reason: EndedFor): void {
    if (this.#socket.destroyed) return;
    this.#events.ended(reason);
    this.#socket.destroy();
  }

  #bound(): void {
    if (this.#parked > MAX_PARKED_REQUESTS) this.end('pipeline');
    else if (this.#parked > this.#limits.maxPipelinedRequests) this.#hold();
  }

  #hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#socket.pause();
  }

  #release(): void {
    if (this.#whenLeft !== null) return;
    this.#isHeld = false;
    this.#socket.resume();
  }
}
