/**
 * A join that is sent twice with one Idempotency-Key gives one seat. (The IETF draft
 * "The Idempotency-Key HTTP Header Field", httpapi.)
 */
export interface OnceRecord {
  /** Of the request: method, path and body. */
  readonly fingerprint: string;
  readonly region: string;
  readonly world: string;
  readonly instance: string;
}

export const ONCE_TTL_MS = 10 * 60_000;

export type OnceVerdict =
  | { readonly type: 'new' }
  /** Asks the same instance again, which gives the same seat and a new token (rule 2). */
  | { readonly type: 'again'; readonly at: OnceRecord }
  /** The key belongs to another request: 422. */
  | { readonly type: 'other request' };

export function decideOnce(known: OnceRecord | null, fingerprint: string): OnceVerdict {
  if (known === null) return { type: 'new' };
  return known.fingerprint === fingerprint
    ? { type: 'again', at: known }
    : { type: 'other request' };
}
