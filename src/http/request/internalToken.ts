/** Routes for operators and tools ask for the token of the cluster. */
import type { IncomingMessage } from 'node:http';
import { TOKEN_HEADER, tokenCheck } from '../../net/internalToken.ts';
import { Problem } from '../answer/problem.ts';

/** @returns a check that refuses a request without the token. */
export function tokenGuard(token: string): (request: IncomingMessage) => void {
  const isShownBy = tokenCheck(token);
  return (request) => {
    if (isShownBy(request)) return;
    throw new Problem(401, `${TOKEN_HEADER} is missing or wrong: show the token of the cluster.`);
  };
}
