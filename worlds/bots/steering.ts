/**
 * When a player steers: twice a second, each at a moment of its own, as people do who know nothing of each other. Players
 * who came together would go on steering together, and a server reads many messages at once for less than one after
 * another: what 50 of them take of it differs by a third.
 */
export const STEER_EVERY_MS = 500;

/** Parts of a circle by which any count of numbers lie apart evenly (Vogel). */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** @param number from 0. @returns milliseconds within `STEER_EVERY_MS`. */
export const steeringMoment = (number: number): number => ((number * GOLDEN) % 1) * STEER_EVERY_MS;

export class Steering implements Disposable {
  readonly #steer: () => void;
  #dueAtMs: number;
  #timer: NodeJS.Timeout;

  /** @param number of the player, from 0. */
  constructor(number: number, steer: () => void) {
    this.#steer = steer;
    const nowMs = performance.now();
    this.#dueAtMs = nowMs - (nowMs % STEER_EVERY_MS) + steeringMoment(number);
    this.#timer = this.#next();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** By the clock, and not that long after the last: a player who comes late once would stay beside others. */
  #next(): NodeJS.Timeout {
    const nowMs = performance.now();
    while (this.#dueAtMs <= nowMs) this.#dueAtMs += STEER_EVERY_MS;
    return setTimeout(() => {
      // Timers may come a little early.
      this.#dueAtMs += STEER_EVERY_MS;
      this.#timer = this.#next();
      this.#steer();
    }, this.#dueAtMs - nowMs);
  }
}
