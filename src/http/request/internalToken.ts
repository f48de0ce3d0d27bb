/** Routes for operators and tools are shown the token that nodes show one another. */
import type { IncomingMessage } from 'node:http';
import { TOKEN_HEADER, tokenCheck } from '../../net/internalToken.ts';
import { Problem } from '../answer/problem.ts';

/** @returns what refuses a request that does not show the token. */
export function tokenGuard(token: string): (request: IncomingMessage) => void {
  const isShownBy = tokenCheck(token);
  return (request) => {
    if (isShownBy(request)) return;
    throw new Problem(401, `${TOKEN_HEADER} is missing or wrong: show the token of the cluster.`);
  };
}
