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
/** The longest that an event waits for the sake of requests, in milliseconds. */
export const MAX_PAUSE_MS = 50;
/** After a shorter delivery, in milliseconds, there is no pause. */
const MIN_TOOK_MS = 1;

export class DeliveryPace {
  readonly #timers: DeliveryTimers;
  readonly #deliver: () => void;
  #pausedUntilMs = 0;
  /** Takes back the delivery that is due after the pause; null if none is. */
  #takeBack: (() => void) | null = null;

  /** @param deliver tells all that is pending; it may ask for the next delivery. */
  constructor(timers: DeliveryTimers, deliver: () => void) {
    this.#timers = timers;
    this.#deliver = deliver;
  }

  /** Delivers at once, or at the end of the pause. */
  ask(): void {
    if (this.#takeBack !== null) return;
    const delayMs = this.#pausedUntilMs - this.#timers.steadyMs();
    if (delayMs > 0) this.#takeBack = this.#timers.after(delayMs, () => this.deliverNow());
    else this.deliverNow();
  }

  /** Delivers within the pause too. */
  deliverNow(): void {
    this.#takeBack?.();
    this.#takeBack = null;
    const tookMs = this.#timers.took(this.#deliver);
    const pauseMs = tookMs < MIN_TOOK_MS ? 0 : Math.min(MAX_PAUSE_MS, tookMs * PAUSE_SHARE);
    this.#pausedUntilMs = this.#timers.steadyMs() + pauseMs;
  }
}
