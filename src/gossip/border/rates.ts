/**
 * The number of messages of each type that a connection may still send: a bucket of tokens for each
 * type.
 */
import type { Message } from '../protocol/messages.ts';
import { BURST_SECONDS } from './bounds.ts';

type Type = Message['type'];

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export class Rates {
  readonly #buckets = new Map<Type, Bucket>();

  /** @param nowMs a time on a clock that is never set. @returns whether one more message may come. */
  take(type: Type, maxPerSecond: number, nowMs: number): boolean {
    const most = BURST_SECONDS * maxPerSecond;
    const bucket = this.#buckets.get(type) ?? { tokens: most, filledAtMs: nowMs };
    this.#buckets.set(type, bucket);
    const filled = bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * maxPerSecond;
    bucket.tokens = Math.min(most, filled);
    bucket.filledAtMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
