/** What route files share: how a route is added, and what every handler is given. */
import type { Router, RouterContext } from '@koa/router';
import type { Replica } from '../../replica/replica.ts';
import type { Limits } from '../../words/limits.ts';
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
