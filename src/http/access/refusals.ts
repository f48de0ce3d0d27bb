/** Refusals of callers (RFC 6750, section 3): 401 asks for a token, 403 for one that allows more. */
import type { Scope } from '../../access/scopes.ts';
import { Problem } from '../answer/problem.ts';

const REALM = 'Bearer realm="hearsay"';

const withChallenge = (status: number, detail: string, parameters: string): Problem =>
  new Problem(status, detail, { headers: ['WWW-Authenticate', REALM + parameters] });

/** @param scopes one of which is needed. */
export const tokenMissing = (scopes: readonly Scope[], advice: string): Problem =>
  withChallenge(401, `This needs the scope ${scopes.join(' or ')}: ${advice}`, '');

export const SHOW_TOKEN = 'show a token as `Authorization: Bearer TOKEN`.';
export const SHOW_ADMIN_TOKEN =
  "show the token that lies as admin-token in the node's data directory, as `Authorization: Bearer TOKEN`.";

export const tokenRefused = (detail: string): Problem =>
  withChallenge(401, detail, ', error="invalid_token"');

export const scopeMissing = (scopes: readonly Scope[]): Problem =>
  withChallenge(
    403,
    `The token lacks the scope ${scopes.join(' or ')}.`,
    `, error="insufficient_scope", scope="${scopes.join(' ')}"`,
  );

/** @param place of the key in the request, such as ops.3; empty for a request of one key or prefix. */
export const prefixRefused = (place = ''): Problem =>
  withChallenge(
    403,
    place === ''
      ? 'The token is for keys with other prefixes.'
      : `The token is for keys with other prefixes than that of ${place}.`,
    ', error="insufficient_scope"',
  );

export const allKeysRefused = (): Problem =>
  withChallenge(
    403,
    'This shows all keys, and the token is for keys with some prefixes.',
    ', error="insufficient_scope"',
  );
