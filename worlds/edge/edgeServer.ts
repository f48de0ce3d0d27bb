/**
 * The one public port of HTTP: it lets listed requests through to the services, within the limits, and answers
 * all others itself.
 *
 * Invariant: nothing of a client reaches a service before all limits have let it through, and only the parts
 * of it that are named here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import rawBody from 'raw-body';
import type { Dispatcher } from 'undici';
import type { AccessClaims } from '../access/accessToken.ts';
import { bearerOf } from '../access/serviceTokens.ts';
import { type Around, MAX_BODY_BYTES, plainly } from '../http/jsonApp.ts';
import { PROBLEM_TYPE, Problem, problemText, retryAfter } from '../http/problem.ts';
import { listenPublic, type PublicServer, type PublicServerOptions } from '../http/publicServer.ts';
import type { PageFile } from '../page/pageFiles.ts';
import { traceHeaders } from '../process/spans.ts';
import { limitAddress } from '../rules/clientAddress.ts';
import { type EdgeRoute, findRoute } from '../rules/edgeRoutes.ts';
import type { EdgeLimits } from './edgeLimits.ts';
import type { Upstreams } from './upstreams.ts';

export interface EdgeBounds {
  /** At a time; beyond it, the first request gets 429, and beyond twice as many, connections are cut. */
  readonly connectionsOfAddress: number;
  /** Of all addresses. */
  readonly connections: number;
  /** Under way at a time; beyond it, 503. */
  readonly requests: number;
  /** Streams under way at a time; beyond it, 503. */
  readonly streams: number;
  /** Resident memory of the process beyond which requests get 503. */
  readonly memoryBytes: number;
  /** For a request and its answer, but for streams. */
  readonly requestMs: number;
}

export const EDGE_BOUNDS: EdgeBounds = {
  connectionsOfAddress: 50,
  connections: 5000,
  requests: 1000,
  streams: 2000,
  memoryBytes: 512 * 1024 * 1024,
  requestMs: 10_000,
};

export interface EdgeOptions extends PublicServerOptions {
  readonly upstreams: Upstreams;
  readonly limits: EdgeLimits;
  readonly verify: (token: string) => Promise<AccessClaims | null>;
  /** Files by their paths. */
  readonly page?: ReadonlyMap<string, PageFile>;
  readonly around?: Around;
  readonly bounds?: EdgeBounds;
  /** Resident memory of the process, in bytes. */
  readonly memoryBytes?: () => number;
}

/** These are passed on; addresses of clients are not. */
const REQUEST_HEADERS = [
  ...['accept', 'authorization', 'content-type', 'cookie', 'idempotency-key', 'if-match'],
  ...['if-none-match', 'last-event-id'],
] as const;
const RESPONSE_HEADERS = [
  ...['cache-control', 'content-length', 'content-type', 'etag', 'retry-after', 'set-cookie'],
  ...['www-authenticate'],
] as const;
const SAFE_HEADERS = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' };
/** Whether the edge runs, and nothing else. */
const HEALTH = '/_health';
const NO_PAGE: ReadonlyMap<string, PageFile> = new Map();
const MEMORY_LOOK_MS = 250;

export interface Edge extends PublicServer {
  /** Requests, streams and connections at the moment. */
  readonly load: () => Readonly<Record<'requests' | 'streams' | 'connections', number>>;
  /** Answers that the edge gave itself, by their reasons. */
  readonly refusals: ReadonlyMap<string, number>;
}

export async function serveEdge(options: EdgeOptions): Promise<Edge> {
  const { upstreams, limits, verify, onFault, bounds = EDGE_BOUNDS } = options;
  const { page = NO_PAGE, around = plainly } = options;
  const memoryBytes = options.memoryBytes ?? process.memoryUsage.rss;
  const connections = new Map<string, number>();
  const surplus = new WeakSet<Socket>();
  const refusals = new Map<string, number>();
  let [requests, streams] = [0, 0];
  let isShortOfMemory = false;
  const looking = setInterval(() => {
    isShortOfMemory = memoryBytes() > bounds.memoryBytes;
  }, MEMORY_LOOK_MS);
  looking.unref();

  /** @returns a route to a service, or a path that the edge answers itself. */
  const admit = async (request: IncomingMessage): Promise<EdgeRoute | string> => {
    const address = limitAddress(request.socket.remoteAddress ?? '');
    if (surplus.has(request.socket))
      throw new Problem(429, 'connections', 'Close some of your connections.', retryAfter(1));
    if (isShortOfMemory)
      throw new Problem(503, 'memory', 'Too much is under way: try again.', retryAfter(2));
    const path = request.url?.split('?', 1)[0] ?? '';
    if (request.method === 'GET' && page.has(path)) {
      await limits.pageFile(address);
      return path;
    }
    await limits.request(address);
    if (request.method === 'GET' && path === HEALTH) return path;
    const verdict = findRoute(request.method ?? '', path);
    if (verdict.type === 'unknown')
      throw new Problem(404, 'route', 'There is nothing at this path.');
    if (verdict.type === 'other methods')
      throw new Problem(405, 'method', 'This path does not take this method.', {
        Allow: verdict.methods.join(', '),
      });
    const { route } = verdict;
    if (requests > bounds.requests || (route.isStream && streams >= bounds.streams))
      throw new Problem(503, 'busy', 'Too much is under way: try again.', retryAfter(1));
    if (route.limit === 'guests') await limits.guest(address);
    if (route.limit === 'joins') {
      // A token that does not count is the api's to refuse: it spends nobody's joins.
      const claims = await verify(bearerOf(request.headers.authorization ?? ''));
      if (claims !== null) await limits.join(claims.player, address);
    }
    return route;
  };

  const pass = async (
    route: EdgeRoute,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const body = await rawBody(request, {
      length: request.headers['content-length'] ?? null,
      limit: MAX_BODY_BYTES,
    });
    const answer = await upstreams.send(route, {
      method: route.method,
      path: request.url ?? '/',
      body,
      signal: gone.signal,
      headers: { ...headersOf(request), ...traceHeaders() },
    });
    copyHead(answer, response);
    if (!route.isStream) {
      await pipeline(answer.body, response);
      return;
    }
    streams += 1;
    // Before its first event too, the client is to know that it is connected.
    response.flushHeaders();
    await pipeline(answer.body, response).finally(() => {
      streams -= 1;
    });
  };

  /** @returns the path of the route. */
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<string> => {
    let route: EdgeRoute | null = null;
    requests += 1;
    const limit = setTimeout(() => {
      if (route?.isStream !== true || !response.headersSent) request.socket.destroy();
    }, bounds.requestMs);
    try {
      const admitted = await admit(request);
      if (typeof admitted === 'string') {
        answerPlainly(admitted, request, response);
        return admitted;
      }
      route = admitted;
      if (route.isStream) requests -= 1;
      await pass(route, request, response);
    } catch (error) {
      if (response.destroyed || response.headersSent) response.destroy();
      else {
        const problem = problemOf(error);
        if (problem === null) onFault(error);
        const told = problem ?? new Problem(500, 'failed', 'The server failed: try again later.');
        refusals.set(told.reason, (refusals.get(told.reason) ?? 0) + 1);
        refuse(request, response, told);
      }
    } finally {
      clearTimeout(limit);
      if (route?.isStream !== true) requests -= 1;
    }
    return route?.path ?? 'none';
  };

  const answerPlainly = (
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void => {
    const file = page.get(path);
    // The rest of its body counts for nothing.
    const headers = request.complete ? {} : { Connection: 'close' };
    if (file === undefined) {
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers, ...SAFE_HEADERS });
      response.end('{"status":"ok"}');
      return;
    }
    const isKnown = request.headers['if-none-match'] === file.headers.ETag;
    response.writeHead(isKnown ? 304 : 200, {
      ...file.headers,
      ...headers,
      'Content-Type': file.type,
      ...(!isKnown && { 'Content-Length': file.body.byteLength }),
    });
    response.end(isKnown ? undefined : file.body);
  };

  const aroundOf = (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { traceparent = '' } = request.headers;
    const setHeader = (name: string, value: string): void => void response.setHeader(name, value);
    const about = {
      method: request.method ?? '',
      setHeader,
      traceparent: typeof traceparent === 'string' ? traceparent : '',
    };
    return around(about, async () => {
      const route = await handle(request, response);
      return { route, status: response.statusCode };
    });
  };

  const edge = await listenPublic((request, response) => void aroundOf(request, response), options);
  edge.server.maxConnections = bounds.connections;
  edge.server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    const address = limitAddress(socket.remoteAddress ?? '');
    const count = (connections.get(address) ?? 0) + 1;
    connections.set(address, count);
    socket.once('close', () => {
      const left = (connections.get(address) ?? 1) - 1;
      if (left === 0) connections.delete(address);
      else connections.set(address, left);
    });
    if (count > 2 * bounds.connectionsOfAddress) socket.destroy();
    else if (count > bounds.connectionsOfAddress) surplus.add(socket);
  });
  edge.server.on('secureConnection', (socket: Socket) => {
    const address = limitAddress(socket.remoteAddress ?? '');
    if ((connections.get(address) ?? 0) > bounds.connectionsOfAddress) surplus.add(socket);
  });
  return {
    ...edge,
    refusals,
    load: () => ({
      requests,
      streams,
      connections: [...connections.values()].reduce((sum, count) => sum + count, 0),
    }),
    [Symbol.asyncDispose]: async () => {
      clearInterval(looking);
      await edge[Symbol.asyncDispose]();
    },
  };
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of REQUEST_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

function copyHead(answer: Dispatcher.ResponseData, response: ServerResponse): void {
  response.statusCode = answer.statusCode;
  for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value);
  for (const name of RESPONSE_HEADERS) {
    const value = answer.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
}

/** Errors that are no client's have none. */
function problemOf(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error) || !('status' in error)) return null;
  if (error.status === 413)
    return new Problem(413, 'too large', `A body may have ${MAX_BODY_BYTES} bytes.`);
  return error.status === 400
    ? new Problem(400, 'request', 'The request could not be read.')
    : null;
}

function refuse(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  const text = problemText(problem);
  // A body that nobody has read would be taken for the next request.
  const isUnread = !request.complete;
  response.writeHead(problem.status, {
    'Content-Type': PROBLEM_TYPE,
    'Cache-Control': 'no-store',
    ...SAFE_HEADERS,
    'Content-Length': Buffer.byteLength(text),
    ...problem.headers,
    ...((isUnread || problem.reason === 'connections') && { Connection: 'close' }),
  });
  response.end(text);
}
