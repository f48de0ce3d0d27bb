/**
 * The pace of callers that have a bound on their requests a second (the same meter as for wrong tokens: one
 * instant for each proof). A caller may send the requests of one second at once.
 */
import type { Caller, Proof } from './caller.ts';

const SECOND_MS = 1000;

export class Pace {
  /** Proof → the instant at which its bucket is full again. */
  readonly #fullAt = new WeakMap<Proof, number>();

  /**
   * Counts a request.
   *
   * @param nowMs any clock that goes on evenly, in milliseconds.
   * @returns the milliseconds until a request is within the bound again; 0 if this one is.
   */
  next({ proof, limits: { rps } }: Caller, nowMs: number): number {
    if (rps === null) return 0;
    const stepMs = SECOND_MS / rps;
    const fullAt = Math.max(nowMs, this.#fullAt.get(proof) ?? 0);
    const waitMs = fullAt + stepMs - nowMs - SECOND_MS;
    // Halves of a millisecond are lost in sums of fractions.
    if (waitMs > 0.5) return waitMs;
    this.#fullAt.set(proof, fullAt + stepMs);
    return 0;
  }
}
