/**
 * Access tokens of players: JWTs (RFC 7519) signed by ES256 alone, so that no token chooses its own
 * algorithm.
 */
import { type CryptoKey, type JWK, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

export const ACCESS_ALGORITHM = 'ES256';
export const ACCESS_TTL_SECONDS = 15 * 60;
const AUDIENCE = 'worlds';

const claimsSchema = z.object({
  sub: z.string().min(1),
  sid: z.string().min(1),
  gen: z.int().min(0),
  scope: z.string(),
  iat: z.int(),
  exp: z.int(),
});

export interface AccessClaims {
  readonly player: string;
  /** The login that the token belongs to. */
  readonly session: string;
  readonly gen: number;
  readonly scope: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export type NewAccess = Pick<AccessClaims, 'player' | 'session' | 'gen' | 'scope'>;

export function signAccess(
  { kid, privateKey }: SigningKey,
  issuer: string,
  { player, session, gen, scope }: NewAccess,
  nowMs: number,
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000);
  return new SignJWT({ sid: session, gen, scope })
    .setProtectedHeader({ alg: ACCESS_ALGORITHM, kid, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setSubject(player)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + ACCESS_TTL_SECONDS)
    .sign(privateKey);
}

/** @returns null if it is no valid token: forged, expired, foreign or malformed. */
export async function verifyAccess(
  token: string,
  keys: JWTVerifyGetKey,
  issuer: string,
  nowMs: number,
): Promise<AccessClaims | null> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [ACCESS_ALGORITHM],
      issuer,
      audience: AUDIENCE,
      typ: 'at+jwt',
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    const { sub, sid, gen, scope, iat, exp } = claimsSchema.parse(payload);
    return {
      player: sub,
      session: sid,
      gen,
      scope,
      issuedAtMs: iat * 1000,
      expiresAtMs: exp * 1000,
    };
  } catch {
    return null;
  }
}

export interface PublicKeys {
  readonly keys: readonly JWK[];
}
