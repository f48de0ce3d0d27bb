/** How a route is added, and the answer where no route takes a request. */
import type { Router, RouterContext } from '@koa/router';
import type { Replica } from '../../replica/replica.ts';
import type { Limits } from '../../words/limits.ts';
import { answerEmpty } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';
import type { BodyReader } from '../request/body.ts';
import type { Schemas } from '../request/schemas.ts';
import type { Watching } from '../watch/watching.ts';
import type { PastParts } from './pastEntry.ts';

export interface RouteParts {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly bodies: BodyReader;
  readonly schemas: Schemas;
  /** Where the past of a key is read; a node whose log is in memory tells none. */
  readonly past?: PastParts;
  /** Where watches and waits are served; without it there are none. */
  readonly watching?: Watching;
}

export type Handler = (ctx: RouterContext) => void | Promise<void>;

/** For all routes: a path is another one with a slash more at its end, or in another case. */
export const ROUTER_OPTIONS = { strict: true, sensitive: true };

/** Handlers take what they need from the target as sent: the router's own decoding is too lenient. */
export function addRoute(
  router: Router,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  handler: Handler,
): void {
  router.register(path, [method], handler, { ...ROUTER_OPTIONS, ignoreCaptures: true });
}

const ALL_METHODS = 'DELETE, GET, HEAD, OPTIONS, POST, PUT';

/**
 * The last middleware, which runs where no router has answered: OPTIONS, methods that a path does not
 * know (RFC 9110, section 15.5.6), unknown paths.
 *
 * @throws Problem 404, 405
 */
export function answerNoRoute(ctx: RouterContext): void {
  if (ctx.path === '*' && ctx.method === 'OPTIONS') {
    answerEmpty(ctx, 204, ['Allow', ALL_METHODS]);
    return;
  }
  const methods = new Set((ctx.matched ?? []).flatMap((layer) => layer.methods));
  if (methods.size === 0) throw new Problem(404, 'There is nothing at this path.');
  const allow = [...methods.add('OPTIONS')].sort().join(', ');
  if (ctx.method === 'OPTIONS') answerEmpty(ctx, 204, ['Allow', allow]);
  else
    throw new Problem(405, `The path does not know ${ctx.method}; it knows ${allow}.`, {
      headers: ['Allow', allow],
    });
}
