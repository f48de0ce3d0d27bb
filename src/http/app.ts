/**
 * The REST interface: a koa app over a replica. Order matters:
 * the routes of single keys, which nearly all requests are for, are tried before any other.
 */
import { Router, type RouterContext } from '@koa/router';
import Koa from 'koa';
import type { Registry } from 'prom-client';
import { answer, answerProblem } from './answer/answer.ts';
import { Problem, plannedProblem } from './answer/problem.ts';
import { RequestCounts, registerMetrics, registerWatchMetrics } from './metrics.ts';
import { addOpenApiRoute } from './openapi/openapi.ts';
import { BodyReader, dropBody } from './request/body.ts';
import { AllowedOrigins } from './request/pages.ts';
import { createSchemas } from './request/schemas.ts';
import { pathOf } from './request/target.ts';
import { addBatchRoute } from './routes/batchRoute.ts';
import { addClusterRoutes, type ClusterParts } from './routes/clusterRoutes.ts';
import { addEntryRoutes } from './routes/entryRoutes.ts';
import { addListRoutes } from './routes/listRoutes.ts';
import { addLogRoutes, type LogParts } from './routes/logRoutes.ts';
import { addMemberRoutes, type MemberParts } from './routes/memberRoutes.ts';
import { addRoute, answerNoRoute, ROUTER_OPTIONS, type RouteParts } from './routes/route.ts';
import { addWatchRoute } from './routes/watchRoute.ts';
import { waitAfter } from './wait/after.ts';
import type { Watching } from './watch/watching.ts';

/** Where errors that nobody planned are told to people; pino's loggers are such. */
export interface HttpLog {
  error(details: object, message: string): void;
}

export interface AppOptions extends ClusterParts {
  readonly log: HttpLog;
  /** Of the package, for the description. */
  readonly version: string;
  /** Gets this app's metrics, and is what `GET /metrics` shows. */
  readonly registry: Registry;
  /** For operators and the tools of the log; a node whose log is in memory has none of it. */
  readonly tools?: LogParts & Pick<MemberParts, 'members'>;
  /** Without it there is no watch, and nothing waits. */
  readonly watching?: Watching;
  /** Whose pages may use the node; without it, only its own. */
  readonly origins?: AllowedOrigins;
}

/** What clients are told of where the log is. */
const PUBLIC_PLACE = 'of this node';

export function createApp(options: AppOptions): Koa {
  const { replica, log, registry, tools, watching, origins } = options;
  const { limits } = replica;
  const requests = new RequestCounts();
  registerMetrics(registry, requests, replica);
  const parts: RouteParts = {
    replica,
    limits,
    bodies: new BodyReader(limits),
    schemas: createSchemas(limits),
    ...(tools && { past: { place: PUBLIC_PLACE, reader: tools.reader } }),
    ...(watching && { watching }),
  };

  const entries = new Router(ROUTER_OPTIONS);
  addEntryRoutes(entries, parts);
  const rest = new Router(ROUTER_OPTIONS);
  addBatchRoute(rest, parts);
  addListRoutes(rest, parts);
  addClusterRoutes(rest, { ...options, ...tools });
  if (tools !== undefined) {
    addMemberRoutes(rest, parts.bodies, { ...tools, replica });
    addLogRoutes(rest, replica, tools);
  }
  if (watching !== undefined) {
    addWatchRoute(rest, watching.parts);
    registerWatchMetrics(registry, watching.hub);
  }
  addOpenApiRoute(rest, parts.schemas, options.version);
  addRoute(rest, 'GET', '/metrics', async (ctx) => {
    answer(ctx, 200, registry.contentType, await registry.metrics());
  });

  const app = new Koa();
  Object.defineProperties(app.context, targetGetters);
  app.on('error', (error: unknown) => {
    if (!isDisconnect(error)) log.error({ err: error }, 'An answer failed.');
  });
  app.use(async (ctx: RouterContext, next) => {
    try {
      await next();
    } catch (error) {
      answerError(ctx, error, log);
      dropBody(ctx.req, limits);
    }
    requests.count(routeOf(ctx), ctx.method, ctx.res.statusCode);
  });
  app.use(admission(origins ?? new AllowedOrigins([]), watching));
  app.use(entries.routes());
  app.use(rest.routes());
  app.use(answerNoRoute);
  return app;
}

/** Before any route: where the request comes from, and what it waits for. Most come and wait for nothing. */
function admission(origins: AllowedOrigins, watching: Watching | undefined) {
  const wait = (ctx: RouterContext, next: () => Promise<unknown>): Promise<unknown> => {
    const waiting = watching && waitAfter(ctx.req, watching.after);
    return waiting === undefined ? next() : waiting.then(next);
  };
  return (ctx: RouterContext, next: () => Promise<unknown>): Promise<unknown> =>
    ctx.req.headers.origin === undefined
      ? wait(ctx, next)
      : origins.guard(ctx, () => wait(ctx, next));
}

/**
 * The router reads both of these for every request. koa's own path is not the one that was sent, and
 * throws for some targets; its host is needed by routers that are bound to hosts, which ours are not.
 */
const targetGetters: PropertyDescriptorMap & ThisType<RouterContext> = {
  path: {
    get() {
      return pathOf(this.req.url ?? '/');
    },
  },
  host: {
    get() {
      return this.req.headers.host ?? '';
    },
  },
};

function answerError(ctx: RouterContext, error: unknown, log: HttpLog): void {
  let problem = plannedProblem(error);
  if (problem === undefined) {
    const { method, path } = ctx;
    log.error({ err: error, method, path }, 'A request failed in a way that nobody planned.');
    problem = new Problem(500, 'The node could not answer; its log says why.');
  }
  if (ctx.res.headersSent) ctx.req.destroy();
  else answerProblem(ctx, problem);
}

/** The pattern of the route that took the request, or whose method the path does not know. */
function routeOf(ctx: RouterContext): string | undefined {
  const route = ctx._matchedRoute ?? ctx.matched?.[0]?.path;
  return route === undefined ? undefined : String(route);
}

/** Clients go away when they like, or end in the middle of a message (HPE_…): no error of the node. */
const isDisconnect = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^(ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE|HPE_\w+)$/.test(String(error.code));
