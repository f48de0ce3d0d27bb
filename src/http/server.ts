/**
 * The HTTP server around the app: timeouts, bounds, upgrades to other protocols, requests that Node
 * can't read, and the stop.
 */
import type * as Http from 'node:http';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { admitsHost, type HostRule } from '../access/hosts.ts';
import { http, https } from '../net/http.ts';
import type { Limits } from '../words/limits.ts';
import { answerRaw, PROBLEM_TYPE } from './answer/answer.ts';
import { OneListenerResponse } from './answer/oneListenerResponse.ts';
import { Problem, problemText } from './answer/problem.ts';
import type { Bounds } from './limits/bounds.ts';
import type { UnreadableFor } from './limits/connection.ts';
import type { Connections } from './limits/connections.ts';
import { TakenRequest } from './request/takenRequest.ts';
import { pathOf } from './request/target.ts';

type ServerLimits = Pick<
  Limits,
  'maxBodyBytes' | 'maxHeaderBytes' | 'headersTimeoutMs' | 'requestTimeoutMs' | 'keepAliveTimeoutMs'
>;

/** The longest time between two looks for requests that did not come in time. */
const TIMEOUT_CHECK_MS = 5_000;
/** A time-out is noticed late by this part of it at most. */
const LATE_SHARE = 1 / 4;

export interface ServerOptions {
  /** By default the server answers whatever host it is asked by. */
  readonly hosts?: HostRule;
  /** Null, the default: it speaks plain HTTP. */
  readonly tls?: TlsOptions | null;
}

/**
 * A server that is not listening yet. A listener for `upgrade` on it gets WebSocket upgrades only. A
 * client that asks for another protocol (Java's offers h2c on every request) gets its answer from the
 * app in HTTP/1.1, as RFC 9110, section 7.8, allows.
 *
 * @param limits beyond `maxBodyBytes`, a client that asks before it sends its body gets no 100 Continue.
 */
export function createServer(
  listener: Http.RequestListener,
  connections: Connections,
  limits: ServerLimits,
  { hosts = ANY_HOST, tls = null }: ServerOptions = {},
): Http.Server {
  const isDirected = hostCheck(hosts);
  const take = (
    request: Http.IncomingMessage,
    response: Http.ServerResponse,
    problem = misshapen(request) ?? (isDirected(request) ? null : MISDIRECTED),
  ): void =>
    connections.take(request, response, () => {
      if (problem === null) listener(request, response);
      else endWith(response, problem);
    });
  const headersTimeoutMs = Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs);
  const options: Http.ServerOptions = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, headersTimeoutMs * LATE_SHARE),
    // Refused here, since Node would refuse it without a body.
    requireHostHeader: false,
    optimizeEmptyRequests: true,
    IncomingMessage: TakenRequest,
    ServerResponse: OneListenerResponse,
    shouldUpgradeCallback: (request) =>
      server.listenerCount('upgrade') > 0 && isWebSocketUpgrade(request),
  };
  const server: Http.Server =
    tls === null
      ? http.createServer(options, (request, response) => take(request, response))
      : https.createServer({ ...options, ...tls }, (request, response) => take(request, response));
  connections.attach(server);
  server.on('clientError', (error, socket) => {
    // Node looks at the time of a request once, and not again after this.
    if (codeOf(error) === REQUEST_TIMEOUT && connections.isStreaming(socket)) return;
    const { problem, reason } = UNREADABLE.get(codeOf(error)) ?? NO_HTTP;
    connections.unreadable(socket, reason, (instead) =>
      answerRaw(
        socket,
        problem,
        // A client that has sent a HEAD takes this for its answer.
        instead?.req.method !== 'HEAD' && !beginsWithHead(error),
      ),
    );
  });
  server.on('checkContinue', (request, response) => {
    // If the body is too long, the client gets no 100 Continue, and Node closes after the answer.
    if (!(Number(request.headers['content-length']) > limits.maxBodyBytes))
      response.writeContinue();
    take(request, response);
  });
  server.on('checkExpectation', (request, response) =>
    take(request, response, misshapen(request) ?? UNKNOWN_EXPECTATION),
  );
  return server;
}

const UNKNOWN_EXPECTATION = new Problem(417, 'The only known Expect is 100-continue.');

/**
 * Refuses shapes that Node's parser lets through and that a proxy in front may read otherwise (RFC
 * 9112, sections 3.2 and 6.1).
 */
function misshapen({ httpVersion, headers, rawHeaders }: Http.IncomingMessage): Problem | null {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked'))
    return new Problem(400, 'The only known Transfer-Encoding is chunked, in HTTP/1.1.');
  if (httpVersion !== '1.0' && httpVersion !== '1.1') return MALFORMED;
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === HOST.length && name.toLowerCase() === HOST) hosts++;
  }
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1'))
    return new Problem(400, 'A request must have one Host header.');
  return null;
}

const HOST = 'host';

const ANY_HOST: HostRule = { allowed: null };

/** @returns whether a request names this node (RFC 9110, section 15.5.20). Nearly all name it alike. */
function hostCheck(rule: HostRule): (request: Http.IncomingMessage) => boolean {
  let admitted: string | undefined;
  return ({ headers: { host } }) => {
    if (host === admitted) return true;
    if (!admitsHost(rule, host)) return false;
    admitted = host;
    return true;
  };
}

const MISDIRECTED = new Problem(
  421,
  'The node does not know itself by the name in Host: ask it by its address, or allow the name by --allowed-hosts.',
);

/** Answers a problem, and closes the connection. */
function endWith(response: Http.ServerResponse, { status, detail }: Problem): void {
  const text = problemText(status, detail);
  response.writeHead(status, {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(text);
}

/** Whether the request asks for a WebSocket and for no other protocol (RFC 6455, section 4.1). */
const isWebSocketUpgrade = ({ method, headers }: Http.IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.trim().toLowerCase() === 'websocket';

const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';

const MALFORMED = new Problem(
  400,
  'The request is not well-formed HTTP/1.1, or begins with no method that the node knows.',
);

interface Unreadable {
  readonly problem: Problem;
  readonly reason: UnreadableFor;
}

/** By Node's error codes, with the statuses that Node itself would answer. */
const UNREADABLE: ReadonlyMap<string, Unreadable> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    {
      problem: new Problem(
        431,
        'The path and the headers together are too long: send a long key in a batch.',
      ),
      reason: 'header',
    },
  ],
  [
    'HPE_CHUNK_EXTENSIONS_OVERFLOW',
    { problem: new Problem(413, 'The extensions of a chunk are too long.'), reason: 'chunk' },
  ],
  [
    REQUEST_TIMEOUT,
    { problem: new Problem(408, 'The request did not come in time.'), reason: 'time' },
  ],
]);
const NO_HTTP: Unreadable = { problem: MALFORMED, reason: 'form' };

const HEAD = 'HEAD ';

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');

function beginsWithHead(error: Error): boolean {
  const packet = 'rawPacket' in error ? error.rawPacket : null;
  return Buffer.isBuffer(packet) && packet.toString('latin1', 0, HEAD.length) === HEAD;
}

export interface UpgradeTaker {
  readonly take: (request: Http.IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Whether it is served on the connections that are reserved for peers. */
  readonly isForPeers?: true;
}

/** @param takers handlers of WebSockets, by path. */
export function takeUpgrades(
  server: Http.Server,
  bounds: Bounds,
  hosts: HostRule,
  takers: Readonly<Record<string, UpgradeTaker>>,
): void {
  const isDirected = hostCheck(hosts);
  server.on('upgrade', (request, socket, head) => {
    if (!bounds.connections.upgrade(socket)) return;
    const path = pathOf(request.url ?? '/');
    const taker = takers[path];
    const paths = Object.keys(takers).filter((known) => !takers[known]?.isForPeers);
    try {
      if (taker === undefined) throw new Problem(404, webSocketsAt(paths));
      const problem = misshapen(request) ?? (isDirected(request) ? null : MISDIRECTED);
      if (problem !== null) throw problem;
      if (!taker.isForPeers) bounds.requireRoom(request, path);
      taker.take(request, socket, head);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      answerRaw(socket, error);
    }
  });
}

const webSocketsAt = (paths: readonly string[]): string =>
  paths.length === 0
    ? 'This port is for nodes alone: watch at the port for clients.'
    : `The only WebSocket is at ${paths.join(' and ')}.`;

/** Stops listening, and resolves once no request is under way or after the limit, in milliseconds: a watch never ends. */
export async function drain(
  server: Http.Server,
  connections: Connections,
  limitMs: number,
): Promise<void> {
  server.close();
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, limitMs);
  await Promise.race([connections.idle(), limit.promise]);
  clearTimeout(timer);
}
