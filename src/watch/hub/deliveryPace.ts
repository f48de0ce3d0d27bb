/**
 * When live watchers are told events. At once, while that is quick. Telling a thousand of them takes a system
 * call each, some 15 ms in all; if each commit did that, requests would wait for it behind each commit. So the
 * next time waits a part of the time that the last one took, and tells all that has come meanwhile in one write
 * to each watcher. The busier a node is, the more events share a write.
 */

export interface DeliveryTimers {
  /** Milliseconds that go on evenly while wall clocks are set. */
  steadyMs(): number;
  /** Calls the function once, after so many milliseconds. @returns a function that keeps it from that. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs the function. @returns the milliseconds that it took. */
  took(run: () => void): number;
}

/** Requests have this part of the time that a delivery took to themselves after it. */
const PAUSE_SHARE = 0.5;
/** After a shorter delivery, in milliseconds, there is no pause. */
const MIN_TOOK_MS = 1;

export class DeliveryPace {
  readonly #timers: DeliveryTimers;
  readonly #deliver: () => void;
  readonly #maxPauseMs: number;
  #pausedUntilMs = 0;
  #pauses = 0;
  /** Takes back the delivery that is due after the pause; null if none is. */
  #takeBack: (() => void) | null = null;

  /**
   * @param maxPauseMs the longest that an event waits for the sake of requests, in milliseconds.
   * @param deliver tells all that is pending; it may ask for the next delivery.
   */
  constructor(timers: DeliveryTimers, maxPauseMs: number, deliver: () => void) {
    this.#timers = timers;
    this.#maxPauseMs = maxPauseMs;
    this.#deliver = deliver;
  }

  /** The number of deliveries that had to wait. */
  get pauses(): number {
    return this.#pauses;
  }

  /** Delivers at once, or at the end of the pause. */
  ask(): void {
    if (this.#takeBack !== null) return;
    const delayMs = this.#pausedUntilMs - this.#timers.steadyMs();
    if (delayMs <= 0) {
      this.deliverNow();
      return;
    }
    this.#pauses++;
    this.#takeBack = this.#timers.after(delayMs, () => this.deliverNow());
  }

  /** Delivers within the pause too. */
  deliverNow(): void {
    this.#takeBack?.();
    this.#takeBack = null;
    const tookMs = this.#timers.took(this.#deliver);
    const pauseMs = tookMs < MIN_TOOK_MS ? 0 : Math.min(this.#maxPauseMs, tookMs * PAUSE_SHARE);
    this.#pausedUntilMs = this.#timers.steadyMs() + pauseMs;
  }
}
