/**
 * The price of a wrong token: each address has a bucket of failures that fills again with time, and all
 * together have one (the leaky bucket as a meter of ITU-T I.371: one instant for each bucket).
 *
 * Invariants: a right token that is known is never looked up here, so nobody's failures keep it out; the
 * table holds a bounded number of addresses, of which the one that failed longest ago makes room.
 */

import { holderOf } from './addressHolder.ts';

export interface GuessLimits {
  /** Wrong tokens that one address may show at once. */
  readonly maxWrongTokens: number;
  /** Wrong tokens a second from all addresses. */
  readonly maxWrongTokensPerSecond: number;
  /** Addresses that are remembered. */
  readonly maxWrongTokenAddresses: number;
}

/** The time after which an address has one more try, in milliseconds. */
export const REFILL_MS = 6000;

export class Guesses {
  /** Wrong tokens that found no room in a bucket. */
  blocked = 0;
  readonly #limits: GuessLimits;
  /** Address → the instant at which its bucket is full again; the last to fail comes last. */
  readonly #fullAt = new Map<string, number>();
  #allFullAt = 0;

  constructor(limits: GuessLimits) {
    this.#limits = limits;
  }

  get addresses(): number {
    return this.#fullAt.size;
  }

  /**
   * Counts a wrong token.
   *
   * @param nowMs any clock that goes on evenly, in milliseconds.
   * @returns the milliseconds until the address has a try again; 0 if the failure was within its bucket.
   */
  failed(address: string, nowMs: number): number {
    const wait = this.waitMs(address, nowMs);
    if (wait > 0) {
      this.blocked++;
      return wait;
    }
    this.#allFullAt =
      Math.max(nowMs, this.#allFullAt) + 1000 / this.#limits.maxWrongTokensPerSecond;
    const bucket = holderOf(address);
    const fullAt = Math.max(nowMs, this.#fullAt.get(bucket) ?? 0) + REFILL_MS;
    this.#fullAt.delete(bucket);
    this.#fullAt.set(bucket, fullAt);
    if (this.#fullAt.size > this.#limits.maxWrongTokenAddresses) {
      const [oldest] = this.#fullAt.keys();
      if (oldest !== undefined) this.#fullAt.delete(oldest);
    }
    return 0;
  }

  /** The milliseconds until the address has a try; 0 if it has one. */
  waitMs(address: string, nowMs: number): number {
    const { maxWrongTokens, maxWrongTokensPerSecond } = this.#limits;
    const ofAll = this.#allFullAt - nowMs - 1000 + 1000 / maxWrongTokensPerSecond;
    const fullAt = this.#fullAt.get(holderOf(address)) ?? 0;
    return Math.max(0, ofAll, fullAt - nowMs - (maxWrongTokens - 1) * REFILL_MS);
  }
}
