/** The HTTP interface of identity. */
import type { RequestListener } from 'node:http';
import { createLocalJWKSet } from 'jose';
import { z } from 'zod';
import { type AccessClaims, verifyAccess } from '../access/accessToken.ts';
import { bearerOf } from '../access/serviceTokens.ts';
import { type JsonAnswer, type JsonRequest, jsonApp, type SeenRoutes } from '../http/jsonApp.ts';
import { Problem, retryAfter, unauthorized } from '../http/problem.ts';
import type { Identity, Tokens } from './identity.ts';
import type { KeyRotation } from './keyRotation.ts';

export interface IdentityAppOptions {
  readonly identity: Identity;
  readonly keys: KeyRotation;
  readonly issuer: string;
  readonly now: () => number;
  readonly onFault: (error: unknown) => void;
  readonly seen?: SeenRoutes;
  /** Whether an error says that the cache can't be reached. */
  readonly isOutOfReach: (error: unknown) => boolean;
}

const REFRESH_COOKIE = '__Host-refresh';
const REFRESH_SECONDS = 30 * 24 * 3600;

const grantSchema = z.discriminatedUnion('grant', [
  z.strictObject({
    grant: z.literal('secret'),
    player: z.string().max(100),
    secret: z.string().max(200),
  }),
  z.strictObject({ grant: z.literal('refresh'), refresh: z.string().max(200).optional() }),
]);

export function identityApp(options: IdentityAppOptions): RequestListener {
  const { identity, keys, issuer, now, onFault, isOutOfReach, seen } = options;
  const callerOf = async (request: JsonRequest): Promise<AccessClaims> => {
    const { keys: known } = await keys.publicKeys(now());
    const jwks = createLocalJWKSet({ keys: [...known] });
    const token = bearerOf(request.header('Authorization'));
    const claims = await verifyAccess(token, jwks, issuer, now());
    if (claims === null || identity.account(claims.player) === null)
      throw unauthorized('Show an access token that has not ended.');
    return claims;
  };
  const app = jsonApp(
    [
      {
        method: 'POST',
        path: '/identity/guests',
        answer: async () => {
          const guest = await identity.addGuest();
          return withCookie({ status: 201, body: guest }, guest);
        },
      },
      {
        method: 'POST',
        path: '/identity/tokens',
        answer: async (request) => {
          const given = await request.body(grantSchema);
          const tokens =
            given.grant === 'secret'
              ? await identity.loginBySecret(given.player, given.secret)
              : await identity.refresh(given.refresh ?? cookieOf(request.header('Cookie')));
          return withCookie({ status: 200, body: tokens }, tokens);
        },
      },
      {
        method: 'DELETE',
        path: '/identity/session',
        answer: async (request) => {
          const { player, session } = await callerOf(request);
          await identity.logout(player, session);
          return { status: 204, headers: { 'Set-Cookie': cookieText('', 0) } };
        },
      },
      {
        method: 'GET',
        path: '/identity/me',
        answer: async (request) => {
          const account = identity.account((await callerOf(request)).player);
          return { status: 200, body: account ?? {} };
        },
      },
      {
        method: 'DELETE',
        path: '/identity/me',
        answer: async (request) => {
          const goneByMs = await identity.erase((await callerOf(request)).player);
          const headers = { 'Set-Cookie': cookieText('', 0) };
          return { status: 202, body: { goneBy: new Date(goneByMs).toISOString() }, headers };
        },
      },
      {
        method: 'GET',
        path: '/.well-known/jwks.json',
        answer: async () => ({
          status: 200,
          body: await keys.publicKeys(now()),
          headers: { 'Cache-Control': 'public, max-age=300' },
        }),
      },
      ...(seen?.routes ?? []),
    ],
    onFault,
    (error) => (isOutOfReach(error) ? unreachable() : null),
    seen?.around,
  );
  return app.callback();
}

const unreachable = (): Problem =>
  new Problem(503, 'unreachable', 'The cache can not be reached: try again.', retryAfter(2));

const withCookie = (answer: JsonAnswer, { refresh }: Tokens): JsonAnswer => ({
  ...answer,
  headers: { 'Set-Cookie': cookieText(refresh, REFRESH_SECONDS) },
});

/** Pages can't read it, and other sites can't send it. */
const cookieText = (value: string, maxAgeSeconds: number): string =>
  `${REFRESH_COOKIE}=${value}; Max-Age=${maxAgeSeconds}; Path=/; Secure; HttpOnly; SameSite=Strict`;

function cookieOf(header: string): string {
  for (const part of header.split(';')) {
    const [name = '', value = ''] = part.trim().split('=');
    if (name === REFRESH_COOKIE) return value;
  }
  return '';
}
