/**
 * How long a loaded value is kept, and what a call does with the one that it finds. Pure.
 *
 * Invariants: a value is never fresh for longer than `ttlMs`, nor kept for longer than `ttlMs + staleMs`;
 * a value whose tags were invalidated is not used again.
 */
import type { Verdict } from '../tags/tagMarks.ts';
import type { CachedFacts } from './cachedFacts.ts';

/** `use` the value; use it and load a new one meanwhile; or wait for a new one. */
export type Step = 'use' | 'useAndLoad' | 'load';

export interface Moment {
  readonly nowMs: number;
  /** From 0 to less than 1. */
  readonly random: number;
}

/**
 * Fresh values are loaded early with a probability that grows towards their end, so that not all clients
 * load at once (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, 2015).
 *
 * @param facts null for an entry that was put, and so is fresh for as long as it lives.
 * @param verdict of its tags.
 * @param earlyRefresh how early: 0 never, 1 as in the paper.
 */
export function stepOf(
  facts: CachedFacts | null,
  verdict: Verdict,
  earlyRefresh: number,
  { nowMs, random }: Moment,
): Step {
  if (verdict === 'gone') return 'load';
  if (verdict === 'stale') return 'useAndLoad';
  if (facts === null || facts.freshUntilMs === null) return 'use';
  const earlyMs = earlyRefresh === 0 ? 0 : facts.loadMs * earlyRefresh * -Math.log(1 - random);
  return nowMs + earlyMs >= facts.freshUntilMs ? 'useAndLoad' : 'use';
}

export interface Lifetime {
  /** For how long the value is fresh; null: for as long as it lives. */
  readonly freshMs: number | null;
  /** The time to live of the entry; null: it never expires. */
  readonly ttlMs: number | null;
}

const MAX_TTL_MS = 10 ** 13;

/**
 * Values that were loaded together end apart: each is fresh for a random part of `ttlMs`.
 *
 * @param jitter the most of `ttlMs` that is left out, 0 to 1.
 */
export function lifetimeOf(
  ttlMs: number | null,
  staleMs: number,
  jitter: number,
  random: number,
): Lifetime {
  if (ttlMs === null) return { freshMs: null, ttlMs: null };
  const freshMs = Math.max(1, Math.round(ttlMs * (1 - jitter * random)));
  return { freshMs, ttlMs: Math.min(MAX_TTL_MS, freshMs + staleMs) };
}
