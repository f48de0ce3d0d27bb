/** The caller that a verified JWT makes (RFC 7519; its `scope` as in RFC 9068, section 2.2.3.1). */
import { z } from 'zod';
import { type Caller, NO_LIMITS } from './caller.ts';
import { isScope } from './scopes.ts';

/** Names the key prefixes of the caller; without it, all keys. */
export const PREFIXES_CLAIM = 'hearsay_prefixes';

const MOST_ID_CHARACTERS = 64;

const claimsSchema = z.looseObject({
  sub: z.string().min(1),
  exp: z.number(),
  scope: z.string(),
  [PREFIXES_CLAIM]: z.array(z.string().min(1)).min(1).optional(),
});

/**
 * @param claims of a token whose signature, issuer, audience and times were verified.
 * @returns null if a claim is missing or malformed. Words of `scope` that are no scopes of Hearsay count
 *   for nothing.
 */
export function callerOfClaims(claims: unknown): Caller | null {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) return null;
  const { sub, exp, scope, [PREFIXES_CLAIM]: prefixes = null } = parsed.data;
  const scopes = scope.split(' ').filter(isScope);
  return {
    proof: {
      id: `jwt:${sub.slice(0, MOST_ID_CHARACTERS)}`,
      expiresAt: exp * 1000,
      grant: JSON.stringify({ scopes, prefixes }),
      isListed: false,
    },
    scopes: new Set(scopes),
    prefixes,
    limits: NO_LIMITS,
  };
}
