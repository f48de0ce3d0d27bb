/**
 * Long work for peers on the thread that answers clients, in slices: a client waits for one slice at most.
 *
 * Invariant: a slice ends with the first step after `SLICE_MS`, and after `maxSteps` of them even if the clock stands
 * still. So it is as long on a slow machine, and with long values, as on a fast one with short values.
 */

/** Some two answers to a GET: a slice more than doubles the wait of none that comes behind another one. */
export const SLICE_MS = 0.5;

export interface Turning {
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  /** Settles once other work that waits for the thread has had its turn. */
  readonly pause: () => Promise<void>;
}

export class Slices {
  readonly #turning: Turning;
  readonly #maxSteps: number;
  #stepsLeft: number;
  #endsAt: number;

  /**
   * The first slice begins now.
   *
   * @param maxSteps of one slice, at least 1.
   */
  constructor(turning: Turning, maxSteps: number) {
    this.#turning = turning;
    this.#maxSteps = maxSteps;
    this.#stepsLeft = maxSteps;
    this.#endsAt = turning.steadyMs() + SLICE_MS;
  }

  /** Counts a step. @returns whether the slice is over, so that `pause` is due. */
  step(): boolean {
    this.#stepsLeft--;
    return this.#stepsLeft <= 0 || this.#turning.steadyMs() >= this.#endsAt;
  }

  /** Lets others have their turn, and begins the next slice. */
  async pause(): Promise<void> {
    await this.#turning.pause();
    this.#stepsLeft = this.#maxSteps;
    this.#endsAt = this.#turning.steadyMs() + SLICE_MS;
  }
}
