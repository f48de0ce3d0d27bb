/**
 * The timer that ends a connection after a silence. Node sets it twice for each request, to the time for a request and
 * to that for the next one, and each read and write begins it anew: four looks at the clock and four changes of its
 * lists, a twentieth of a GET (docs/performance.md). Here a time is noted, and the timer is set once no other has been
 * asked for in a whole interval.
 *
 * Invariant: a silence is noticed as by Node's timer, and late by two intervals at most.
 */
import type { Socket } from 'node:net';

/** Time between two calls of `look`, in milliseconds. */
export const LOOK_INTERVAL_MS = 250;
/** A shorter time is set at once, so that no silence is noticed late by more than a quarter of its time. */
export const LEAST_NOTED_MS = 8 * LOOK_INTERVAL_MS;

export class SilenceTimer {
  readonly #setAtOnce: Socket['setTimeout'];
  /** Milliseconds that are noted and not set; 0 for none. */
  #notedMs = 0;
  /** Whether a look has passed since the time was noted. */
  #isSeen = false;
  /** Node sets the first timer of a connection before anybody is told of it. */
  #isSet = true;

  /** Takes the place of the socket's own `setTimeout`, which Node's server calls. */
  constructor(socket: Socket) {
    this.#setAtOnce = socket.setTimeout.bind(socket);
    socket.setTimeout = (timeoutMs, callback): Socket => {
      if (callback === undefined && timeoutMs >= LEAST_NOTED_MS) this.#note(timeoutMs);
      else this.#set(timeoutMs, callback);
      return socket;
    };
  }

  /** To be called each `LOOK_INTERVAL_MS`. */
  look(): void {
    if (this.#notedMs === 0) return;
    if (this.#isSeen) this.#set(this.#notedMs);
    else this.#isSeen = true;
  }

  #note(timeoutMs: number): void {
    if (this.#isSet) this.#setAtOnce(0);
    this.#isSet = false;
    this.#notedMs = timeoutMs;
    this.#isSeen = false;
  }

  #set(timeoutMs: number, callback?: () => void): void {
    this.#notedMs = 0;
    this.#isSet = timeoutMs > 0;
    this.#setAtOnce(timeoutMs, callback);
  }
}
