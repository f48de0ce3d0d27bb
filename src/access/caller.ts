/** Who sends a request, and what that allows. */
import type { Scope } from './scopes.ts';

/** The thing that a caller showed. All callers with one proof end together, watches included. */
export interface Proof {
  /** Its public name, for the audit log. */
  readonly id: string;
  /** UTC milliseconds from which on it counts no more; null for never. */
  readonly expiresAt: number | null;
  /** All that it allows, as text: after a reload, another text is another proof. */
  readonly grant: string;
  /** Whether it counts only while the table of tokens lists it. */
  readonly isListed: boolean;
}

export interface CallerLimits {
  /** Requests a second; null for no bound. */
  readonly rps: number | null;
  /** Watches at one time; null for no bound. */
  readonly watchers: number | null;
}

export interface Caller {
  readonly proof: Proof;
  readonly scopes: ReadonlySet<Scope>;
  /** It may touch keys that begin with one of these; null for all keys. */
  readonly prefixes: readonly string[] | null;
  readonly limits: CallerLimits;
}

export const NO_LIMITS: CallerLimits = { rps: null, watchers: null };

/**
 * Whether a key, or all keys with a prefix, are within the caller's prefixes.
 *
 * @param keyOrPrefix a key, or the prefix of the keys that are asked for.
 */
export const mayTouch = ({ prefixes }: Caller, keyOrPrefix: string): boolean =>
  prefixes === null || prefixes.some((prefix) => keyOrPrefix.startsWith(prefix));

export const hasExpired = ({ expiresAt }: Proof, nowMs: number): boolean =>
  expiresAt !== null && expiresAt <= nowMs;

/** A caller that showed nothing. */
export const anonymousCaller = (
  scopes: readonly Scope[],
  prefixes: readonly string[] | null = null,
): Caller => ({
  proof: {
    id: 'anonymous',
    expiresAt: null,
    grant: JSON.stringify({ scopes, prefixes }),
    isListed: true,
  },
  scopes: new Set(scopes),
  prefixes,
  limits: NO_LIMITS,
});
