/** Routes for operators and tools show the token that nodes show one another. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Problem } from '../answer/problem.ts';

export const TOKEN_HEADER = 'X-Internal-Token';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** @returns what refuses a request that does not show the token. */
export function tokenGuard(token: string): (request: IncomingMessage) => void {
  const expected = digestOf(token);
  return (request) => {
    const shown = request.headers['x-internal-token'];
    // Digests have one length, so that comparing takes the same time whatever was shown.
    if (typeof shown === 'string' && timingSafeEqual(digestOf(shown), expected)) return;
    throw new Problem(401, `${TOKEN_HEADER} is missing or wrong: show the token of the cluster.`);
  };
}
