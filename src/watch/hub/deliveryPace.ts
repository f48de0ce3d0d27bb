/**
 * When live watchers are told events. At once, while that is quick. Telling a thousand of them takes a system
 * call each, some 15 ms in all; if each commit did that, requests would wait for it behind each commit. So the
 * next time waits a part of the time that the last one took, and tells all that has come meanwhile in one write
 * to each watcher. The busier a node is, the more events share a write. Who wrote does not wait either: after a slow
 * delivery the next comes in a later turn of the event loop, behind the answers of its commit.
 */

export interface DeliveryTimers {
  /** Milliseconds that go on evenly while wall clocks are set. */
  steadyMs(): number;
  /** Calls the function once, after so many milliseconds; 0: in a later turn of the event loop. @returns a function that keeps it from that. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs the function. @returns the milliseconds that it took. */
  took(run: () => void): number;
}

/** Requests have this part of the time that a delivery took to themselves after it, */
const PAUSE_SHARE = 0.5;
/** and all of it once so many events share a write, as a write for more of them leaves more time to all. */
const BUSY_PAUSE_SHARE = 1;
const BUSY_EVENTS = 8;
/** A delivery that takes so long, in milliseconds, is slow. */
const MIN_TOOK_MS = 1;

export class DeliveryPace {
  readonly #timers: DeliveryTimers;
  readonly #deliver: () => number;
  readonly #maxPauseMs: number;
  #pausedUntilMs = 0;
  #isSlow = false;
  #pauses = 0;
  /** Takes back the delivery that is due after the pause; null if none is. */
  #takeBack: (() => void) | null = null;

  /**
   * @param maxPauseMs the longest that an event waits for the sake of requests, in milliseconds.
   * @param deliver tells all that is pending; it may ask for the next delivery. It returns the most events that shared a
   *   write.
   */
  constructor(timers: DeliveryTimers, maxPauseMs: number, deliver: () => number) {
    this.#timers = timers;
    this.#maxPauseMs = maxPauseMs;
    this.#deliver = deliver;
  }

  /** The number of deliveries that had to wait. */
  get pauses(): number {
    return this.#pauses;
  }

  /** Delivers at once; or, while that takes long, in a later turn, at the end of the pause. */
  ask(): void {
    if (this.#takeBack !== null) return;
    if (!this.#isSlow) {
      this.deliverNow();
      return;
    }
    const delayMs = Math.max(0, this.#pausedUntilMs - this.#timers.steadyMs());
    if (delayMs > 0) this.#pauses++;
    this.#takeBack = this.#timers.after(delayMs, () => this.deliverNow());
  }

  /** Delivers within the pause too. */
  deliverNow(): void {
    this.#takeBack?.();
    this.#takeBack = null;
    let shared = 0;
    const tookMs = this.#timers.took(() => {
      shared = this.#deliver();
    });
    this.#isSlow = tookMs >= MIN_TOOK_MS;
    const share = shared < BUSY_EVENTS ? PAUSE_SHARE : BUSY_PAUSE_SHARE;
    const pauseMs = this.#isSlow ? Math.min(this.#maxPauseMs, tookMs * share) : 0;
    this.#pausedUntilMs = this.#timers.steadyMs() + pauseMs;
  }
}
