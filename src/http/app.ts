/**
 * The REST interface over a replica: a koa app, and the short path before it. The order of routes
 * matters: nearly all requests are for single keys, so their routes are tried first.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { RouterContext } from '@koa/router';
import Koa from 'koa';
import type { Registry } from 'prom-client';
import type { Audit } from '../access/audit.ts';
import type { PeerStatus } from '../gossip/protocol/peerStatus.ts';
import type { RingStatus } from '../gossip/protocol/ringStatus.ts';
import type { Replica } from '../replica/replica.ts';
import { NO_TRACER, type Tracer } from '../words/trace.ts';
import { type Callers, openCallers } from './access/callers.ts';
import { type WriteAudit, writeAudit } from './access/writeAudit.ts';
import { answer, answerJson } from './answer/answer.ts';
import { OutcomeTexts } from './answer/outcomeText.ts';
import { Tokens } from './answer/tokens.ts';
import { Frame, type HttpLog, type RequestLog } from './exchange.ts';
import { type Bounds, registerBoundsMetrics } from './limits/bounds.ts';
import {
  type BatchCounts,
  RequestCounts,
  registerBatchMetrics,
  registerMetrics,
  registerWatchMetrics,
} from './metrics.ts';
import { BodyReader } from './request/body.ts';
import { AllowedPages } from './request/pages.ts';
import { PlainOps } from './request/plainOps.ts';
import { createSchemas } from './request/schemas.ts';
import { pathOf } from './request/target.ts';
import { RequestDurations } from './requestDurations.ts';
import { RequestTraces, tracedWait } from './requestTraces.ts';
import { BatchAnswers } from './routes/batchAnswers.ts';
import { addBatchRoute } from './routes/batchRoute.ts';
import { BulkStreams } from './routes/bulkStream.ts';
import { addClusterRoutes, type Health } from './routes/clusterRoutes.ts';
import { EntryAnswers } from './routes/entryAnswers.ts';
import { addEntryRoutes } from './routes/entryRoutes.ts';
import { addFiguresRoute, addWatchersRoute, type FiguresOptions } from './routes/figuresRoutes.ts';
import { addGetManyRoute } from './routes/getManyRoute.ts';
import { addListRoutes } from './routes/listRoutes.ts';
import { addLogRoutes, type LogRouteOptions } from './routes/logRoutes.ts';
import { addMemberRoutes, type MemberView } from './routes/memberRoutes.ts';
import { addPageRoutes, type PageRouteOptions } from './routes/pageRoutes.ts';
import { addProbeRoutes, type Checks } from './routes/probeRoutes.ts';
import { answerNoRoute, Routes } from './routes/route.ts';
import { addTicketRoute } from './routes/ticketRoute.ts';
import { addWatchRoute } from './routes/watchRoute.ts';
import { ShortPath } from './shortPath.ts';
import { namesTokens, waitAfter } from './wait/after.ts';
import type { WatchService } from './watch/service.ts';

export interface AppOptions {
  readonly replica: Replica;
  readonly peers: () => readonly PeerStatus[];
  /** Null up to `mesh-limit` members. */
  readonly ring: () => RingStatus | null;
  readonly health: () => Health;
  /** The greatest difference between the clocks of two nodes, in milliseconds. */
  readonly maxClockSkewMs: number;
  readonly log: HttpLog;
  readonly requestLog?: RequestLog | undefined;
  readonly bounds: Bounds;
  /** The version of the package, for the description. */
  readonly version: string;
  /** Gets this app's metrics; `GET /metrics` shows it. */
  readonly registry: Registry;
  /** Routes for operators and the tools of the log. A node whose log is in memory has none. */
  readonly tools?: Omit<LogRouteOptions, 'replica'> & {
    readonly members: () => readonly MemberView[];
  };
  /** Without it there is no watch, and no request waits. */
  readonly watches?: WatchService;
  /** Tells who sends a request; by default nobody needs a token but for the scope `admin`. */
  readonly callers?: Callers;
  /** Gets the acts of operators; absent if nobody reads them. */
  readonly audit?: Audit | null;
  /** Whether `audit` gets each write, too. */
  readonly auditsWrites?: boolean;
  /** Web origins whose pages may call this node; by default only its own. */
  readonly pages?: AllowedPages;
  /** The counts of requests, if another reads them too. */
  readonly requests?: RequestCounts;
  /** Figures that only the wiring of a node knows; without them there is no `GET /_figures`. */
  readonly figures?: Pick<FiguresOptions, 'figures' | 'rates'>;
  /** The page for people; without it there is none. */
  readonly page?: PageRouteOptions | null;
  /** By default nothing is traced. */
  readonly tracer?: Tracer;
}

/** The name of the log in messages to clients. */
const PUBLIC_PLACE = 'of this node';

export interface App {
  /** Answers plain requests for single keys by the short path, and all others by koa. */
  readonly listener: RequestListener;
  /** Answers every request by koa: the short path is held to its answers. */
  readonly general: RequestListener;
}

export function createApp(options: AppOptions): App {
  const { replica, log, requestLog, registry, watches, pages, bounds } = options;
  const { limits } = replica;
  const { tracer = NO_TRACER } = options;
  const traces = tracer.isOn ? new RequestTraces(tracer) : null;
  const requests = options.requests ?? new RequestCounts();
  registerMetrics(registry, requests, replica);
  registerBoundsMetrics(registry, bounds);
  const bodies = new BodyReader(limits, bounds);
  const durations = new RequestDurations(registry);
  const frame = new Frame({ bounds, requests, durations, limits, log, requestLog, traces });
  const callers = options.callers ?? openCallers(limits, () => replica.nowMs());
  const { audit = null, auditsWrites = false } = options;
  const writes = audit === null || !auditsWrites ? null : writeAudit(audit, bounds.addressOf);
  const entries = new EntryAnswers(replica, watches?.acks ?? null, writes, traces);
  const plainOps = new PlainOps(limits);
  const parts = { bodies, plainOps, answers: entries, callers, writes, traces };
  const routes = routesOf(options, parts);

  const koa = new Koa();
  Object.defineProperties(koa.context, targetGetters);
  koa.on('error', (error: unknown) => {
    if (!isDisconnect(error)) log.error({ err: error }, 'An answer failed.');
  });
  koa.use(async (ctx: RouterContext, next) => {
    // Each answer is written to Node's response (answer/answer.ts).
    ctx.respond = false;
    const beganAtMs = performance.now();
    try {
      frame.begin(ctx, ctx.path);
      await next();
    } catch (error) {
      frame.fail(ctx, error);
    }
    frame.end(ctx, routeOf(ctx), beganAtMs);
  });
  koa.use(guarded(pages ?? new AllowedPages([])));
  koa.use(routes.entries.middleware());
  koa.use(routes.rest.middleware());
  koa.use(answerNoRoute);
  const general = koa.callback();
  const { maxKeyBytes } = limits;
  const { batches } = routes;
  const taken = { frame, entries, batches, bodies, plainOps, maxKeyBytes, callers };
  const shortPath = new ShortPath(taken);
  const listener: RequestListener = (request, response) =>
    shortPath.take(request, response) || general(request, response);
  return { listener, general };
}

interface RouteParts {
  readonly bodies: BodyReader;
  readonly plainOps: PlainOps;
  readonly answers: EntryAnswers;
  readonly callers: Callers;
  readonly writes: WriteAudit | null;
  readonly traces: RequestTraces | null;
}

interface AllRoutes {
  /** Those of single keys, apart from all others, so that they are tried alone. */
  readonly entries: Routes;
  readonly rest: Routes;
  readonly batches: BatchAnswers;
}

function routesOf(
  options: AppOptions,
  { bodies, plainOps, answers, callers, writes, traces }: RouteParts,
): AllRoutes {
  const { replica, registry, tools, watches, version, bounds } = options;
  const { limits } = replica;
  const { connections, slowRequests: slow } = bounds;
  const schemas = createSchemas(limits);
  const common = {
    bodies,
    maxKeyBytes: limits.maxKeyBytes,
    callers,
    audit: options.audit ?? null,
    addressOf: bounds.addressOf,
    wait: (request: IncomingMessage) => {
      const { after } = watches ?? {};
      if (after === undefined || !namesTokens(request)) return undefined;
      return tracedWait(traces, request, 'after', () => waitAfter(request, after));
    },
  };
  const entries = new Routes(common);
  const past = tools === undefined ? null : { place: PUBLIC_PLACE, reader: tools.reader, slow };
  addEntryRoutes(entries, { entries: answers, bodies, past, nowMs: () => replica.nowMs() });
  const rest = new Routes(common);
  addListRoutes(rest, { replica, limits, schemas, callers, slow, audit: writes, traces });
  addGetManyRoute(rest, { replica, limits, schemas, callers, past });
  const texts = new OutcomeTexts(replica.nodeId, new Tokens(replica));
  const bulk = { replica, limits, schemas, plainOps, texts, callers, audit: writes, traces };
  const streams = new BulkStreams({ ...bulk, connections });
  const counts: BatchCounts = { leftOut: 0 };
  registerBatchMetrics(registry, streams, counts);
  const batches = new BatchAnswers({ ...bulk, bodies, counts });
  addBatchRoute(rest, { schemas, batches, streams });
  if (watches !== undefined) {
    addWatchRoute(rest, { ...watches, connections, callers, addressOf: bounds.addressOf });
    addTicketRoute(rest, callers, () => replica.nowMs());
    addWatchersRoute(rest, replica.nodeId, watches.hub);
    registerWatchMetrics(registry, watches.hub, watches.room);
  }
  const members = tools?.members ?? (() => []);
  addClusterRoutes(rest, { ...options, members });
  addProbeRoutes(rest, readyChecks(replica, bounds));
  if (tools !== undefined) {
    addMemberRoutes(rest, { replica, members, peers: options.peers });
    addLogRoutes(rest, { ...tools, replica, callers, slow });
  }
  addMetricsRoute(rest, registry);
  if (options.figures)
    addFiguresRoute(rest, {
      ...options.figures,
      nodeId: replica.nodeId,
      nowMs: () => replica.nowMs(),
      health: options.health,
    });
  if (options.page) addPageRoutes(rest, options.page);
  // Loaded and made when it is first asked for: it takes as long as a third of a node's start.
  let made: Promise<string> | null = null;
  const describe = async (): Promise<string> => {
    const { describeApi } = await import('./openapi/openapi.ts');
    return JSON.stringify(describeApi([...entries.rows, ...rest.rows], schemas.key, version));
  };
  rest.add({
    method: 'GET',
    path: '/openapi.json',
    needs: 'nothing',
    touches: 'none',
    summary: null,
    answers: {},
    handler: async ({ ctx }) => {
      made ??= describe();
      answerJson(ctx, await made);
    },
  });
  return { entries, rest, batches };
}

const readyChecks = (replica: Replica, { connections, shedding }: Bounds): Checks => ({
  joined: () => (replica.header.facts.joined ? null : 'it has not joined its cluster yet'),
  readable: () => replica.readiness.whyUnreadable,
  writable: () => replica.readiness.whyUnwritable,
  staying: () => (connections.isLeaving ? 'the node is about to stop' : null),
  roomy: () =>
    shedding.reason === null ? null : `it sheds requests, because of its ${shedding.reason}`,
});

/**
 * Making the metrics takes a while, so one text is made at a time, and shown for a second to all who ask. So they
 * need no place in the slow class, where clients could keep out the one who scrapes.
 */
const METRICS_AGE_MS = 1000;

function addMetricsRoute(routes: Routes, registry: Registry): void {
  let shown: Promise<string> | null = null;
  const metrics = (): Promise<string> => {
    if (shown === null) {
      const made = registry.metrics();
      shown = made;
      const forget = (): void => {
        if (shown === made) shown = null;
      };
      made.catch(forget);
      setTimeout(forget, METRICS_AGE_MS).unref();
    }
    return shown;
  };
  routes.add({
    method: 'GET',
    path: '/metrics',
    needs: 'metrics',
    touches: 'none',
    summary: 'Metrics for Prometheus',
    answers: { '200': { description: 'Text.', content: { 'text/plain': {} } } },
    handler: async ({ ctx }) => answer(ctx, 200, registry.contentType, await metrics()),
  });
}

/** Runs before any route: it checks the page that sent the request. Most requests come from none. */
const guarded =
  (pages: AllowedPages) =>
  (ctx: RouterContext, next: () => Promise<unknown>): Promise<unknown> =>
    ctx.req.headers.origin === undefined ? next() : pages.guard(ctx, next);

/**
 * The router reads both of these for every request. koa's own path differs from the path that was sent,
 * and throws for some targets. Only routers that are bound to hosts need its host, and ours are not.
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

/**
 * The pattern of the route that took the request, or of the route whose path does not know the method.
 */
function routeOf(ctx: RouterContext): string | undefined {
  const route = ctx._matchedRoute ?? ctx.matched?.[0]?.path;
  return route === undefined ? undefined : String(route);
}

/** A client that goes away, or ends in the middle of a message (HPE_…), is no error of the node. */
const isDisconnect = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^(ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE|HPE_\w+)$/.test(String(error.code));
