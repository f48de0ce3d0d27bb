/**
 * Refusals of callers (RFC 6750, section 3): 401 asks for a token, 403 for one that allows more. The header
 * tells the reason too, for an answer to HEAD has no body.
 */
import type { Scope } from '../../access/scopes.ts';
import { Problem } from '../answer/problem.ts';

const REALM = 'Bearer realm="hearsay"';

const withChallenge = (status: number, detail: string, parameters: string): Problem =>
  new Problem(status, detail, { headers: ['WWW-Authenticate', REALM + parameters] });

/** A text as the RFC allows it between quotation marks: printable ASCII without two characters. */
const described = (detail: string): string =>
  `, error_description="${detail.replace(/[^\x20-\x7e]|["\\]/g, '?')}"`;

/** @param scopes one of which is needed. */
export const tokenMissing = (scopes: readonly Scope[], advice: string): Problem =>
  withChallenge(401, `This needs the scope ${scopes.join(' or ')}: ${advice}`, '');

export const SHOW_TOKEN = 'show a token as `Authorization: Bearer TOKEN`.';
export const SHOW_ADMIN_TOKEN =
  "show the token that lies as admin-token in the node's data directory, as `Authorization: Bearer TOKEN`.";

export const tokenRefused = (detail: string): Problem =>
  withChallenge(401, detail, `, error="invalid_token"${described(detail)}`);

/** @param more parameters of the challenge. */
const insufficient = (detail: string, more = ''): Problem =>
  withChallenge(403, detail, `, error="insufficient_scope"${more}${described(detail)}`);

export const scopeMissing = (scopes: readonly Scope[]): Problem =>
  insufficient(
    `The token lacks the scope ${scopes.join(' or ')}.`,
    `, scope="${scopes.join(' ')}"`,
  );

/** @param place of the key in the request, such as ops.3; empty for a request of one key or prefix. */
export const prefixRefused = (place = ''): Problem =>
  insufficient(
    place === ''
      ? 'The token is for keys with other prefixes.'
      : `The token is for keys with other prefixes than that of ${place}.`,
  );

export const allKeysRefused = (): Problem =>
  insufficient('This shows all keys, and the token is for keys with some prefixes.');
