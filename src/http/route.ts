/** What route files share: how a route is added, and what every handler is given. */
import type { Router, RouterContext } from '@koa/router';
import type { Limits } from '../limits.ts';
import type { Replica } from '../replica.ts';
import type { BodyReader } from './body.ts';
import type { PastParts } from './pastEntry.ts';
import type { Schemas } from './schemas.ts';
import type { Watching } from './watching.ts';

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
