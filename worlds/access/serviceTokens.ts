/**
 * Tokens between processes: each role has its own key, and a token names one target and lives a minute.
 * A listener that gets one checks the role against the table of grants (rule 11).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { Problem, unauthorized } from '../http/problem.ts';
import { type Action, isRole, mayDo, type Role } from '../rules/grants.ts';
import { hashOf } from './secrets.ts';

const ALGORITHM = 'ES256';
const TTL_SECONDS = 60;
/** A token is used again until it has this long to live. */
const RENEW_SECONDS = 20;
/** Tokens that a guard knows to be good, at most: some callers, each with one or two. */
const MAX_REMEMBERED = 1000;
const PUBLIC_FILE = 'roles.json';

const publicSchema = z.record(z.string(), z.looseObject({ kty: z.literal('EC') }));

/** Makes a key for each role: private ones in files that only their owner may read. */
export async function makeRoleKeys(directory: string, roles: readonly Role[]): Promise<void> {
  const publicKeys: Record<string, JWK> = {};
  for (const role of roles) {
    const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, { extractable: true });
    publicKeys[role] = await exportJWK(publicKey);
    await writeFile(
      join(directory, `${role}.key.json`),
      JSON.stringify(await exportJWK(privateKey)),
      {
        mode: 0o600,
      },
    );
  }
  await writeFile(join(directory, PUBLIC_FILE), JSON.stringify(publicKeys));
}

export interface ServiceSigner {
  /** @param target the one process that takes the token, such as an instance. */
  tokenFor(target: string): Promise<string>;
}

export async function openSigner(directory: string, role: Role): Promise<ServiceSigner> {
  const text = await readFile(join(directory, `${role}.key.json`), 'utf8');
  const key = await importJWK(
    z.looseObject({ kty: z.string() }).parse(JSON.parse(text)),
    ALGORITHM,
  );
  const made = new Map<string, { readonly token: string; readonly untilMs: number }>();
  return {
    tokenFor: async (target) => {
      const nowMs = Date.now();
      const present = made.get(target);
      if (present !== undefined && nowMs < present.untilMs) return present.token;
      for (const [name, { untilMs }] of made) if (nowMs >= untilMs) made.delete(name);
      const nowSeconds = Math.floor(nowMs / 1000);
      const token = await new SignJWT({})
        .setProtectedHeader({ alg: ALGORITHM, kid: role, typ: 'service+jwt' })
        .setIssuer(role)
        .setAudience(target)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(nowSeconds + TTL_SECONDS)
        .sign(key);
      made.set(target, { token, untilMs: nowMs + (TTL_SECONDS - RENEW_SECONDS) * 1000 });
      return token;
    },
  };
}

export interface ServiceGuard {
  /**
   * @param authorization the header.
   * @returns the role that asks.
   * @throws Problem 401 without a valid token for this target, 403 if the role may not do this.
   */
  admit(authorization: string, action: Action): Promise<Role>;
}

interface Admitted {
  readonly role: Role;
  /** UTC milliseconds. */
  readonly untilMs: number;
}

/** @param target the name of this process, as callers know it. */
export async function openGuard(directory: string, target: string): Promise<ServiceGuard> {
  const text = await readFile(join(directory, PUBLIC_FILE), 'utf8');
  const keys = new Map<string, Awaited<ReturnType<typeof importJWK>>>();
  for (const [role, jwk] of Object.entries(publicSchema.parse(JSON.parse(text))))
    keys.set(role, await importJWK(jwk, ALGORITHM));
  const remembered = new Map<string, Admitted>();
  const verified = async (token: string): Promise<Admitted | null> => {
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid = '' }) => {
          const key = keys.get(kid);
          if (key === undefined) throw new Error(`There is no key of ${kid}.`);
          return key;
        },
        { algorithms: [ALGORITHM], audience: target, typ: 'service+jwt', requiredClaims: ['exp'] },
      );
      // The signature proves the key that the header names; the issuer must be the same role.
      const { iss = '', exp = 0 } = payload;
      const isOwn = keys.has(iss) && headerKid(token) === iss;
      return isOwn && isRole(iss) ? { role: iss, untilMs: exp * 1000 } : null;
    } catch {
      return null;
    }
  };
  /** Callers show a token again and again until it ends, and to verify one takes longer than to answer by it. */
  const roleOf = async (token: string): Promise<Role | null> => {
    const tokenHash = hashOf(token);
    const known = remembered.get(tokenHash);
    if (known !== undefined && Date.now() < known.untilMs) return known.role;
    const admitted = await verified(token);
    if (admitted === null) return null;
    for (const [other, { untilMs }] of remembered)
      if (remembered.size >= MAX_REMEMBERED || Date.now() >= untilMs) remembered.delete(other);
    remembered.set(tokenHash, admitted);
    return admitted.role;
  };
  return {
    admit: async (authorization, action) => {
      const role = await roleOf(bearerOf(authorization));
      if (role === null) throw unauthorized('Show a service token for this target.');
      if (!mayDo(role, action))
        throw new Problem(403, 'forbidden', `The role ${role} may not do this.`);
      return role;
    },
  };
}

export const bearerOf = (authorization: string): string =>
  /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization)?.[1] ?? '';

function headerKid(token: string): string | null {
  const header: unknown = JSON.parse(
    Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'),
  );
  return z.object({ kid: z.string() }).safeParse(header).data?.kid ?? null;
}
