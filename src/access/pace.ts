/**
 * The pace of callers that have a bound on their requests a second (the same meter as for wrong tokens: one
 * instant for each proof). A caller may send the requests of one second at once.
 */
import type { Proof } from './caller.ts';

const SECOND_MS = 1000;

export interface Pacing {
  /** Milliseconds until a request is within the bound again; 0 if this one is. */
  readonly waitMs: number;
  /** Requests that the caller may send at once after this one. */
  readonly remaining: number;
}

export class Pace {
  /** Proof → the instant at which its bucket is full again. */
  readonly #fullAt = new WeakMap<Proof, number>();

  /**
   * Counts a request.
   *
   * @param rps the bound, in requests a second.
   * @param nowMs any clock that goes on evenly, in milliseconds.
   */
  next(proof: Proof, rps: number, nowMs: number): Pacing {
    const stepMs = SECOND_MS / rps;
    const fullAt = Math.max(nowMs, this.#fullAt.get(proof) ?? 0);
    const waitMs = fullAt + stepMs - nowMs - SECOND_MS;
    // Halves of a millisecond are lost in sums of fractions.
    if (waitMs > 0.5) return { waitMs, remaining: 0 };
    this.#fullAt.set(proof, fullAt + stepMs);
    return { waitMs: 0, remaining: Math.round(-waitMs / stepMs) };
  }
}
