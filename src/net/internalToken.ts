/** The token that nodes show one another, and operators show to nodes, in one header of the request. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const TOKEN_HEADER = 'X-Internal-Token';
const TOKEN_NAME = 'x-internal-token';

/** @returns whether a request shows the token. */
export function tokenCheck(token: string): (request: IncomingMessage) => boolean {
  const expected = digestOf(token);
  return ({ headers }) => {
    const shown = headers[TOKEN_NAME];
    return typeof shown === 'string' && timingSafeEqual(digestOf(shown), expected);
  };
}

/** Digests have one length, so that the comparison takes the same time for every token. */
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
