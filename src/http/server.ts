/**
 * The HTTP server around the app: timeouts, bounds, upgrades to other protocols, requests that Node
 * can't read, and the end.
 */
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import type Koa from 'koa';
import type { Limits } from '../words/limits.ts';
import { answerRaw, PROBLEM_TYPE } from './answer/answer.ts';
import { Problem, problemText } from './answer/problem.ts';

/** Node answers a longer header block with 431. A key of 1 KiB takes at most 3 KiB of it. */
const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 20_000;
/** For a whole request; Node answers 408 and closes. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than the 60 s for which load balancers commonly keep idle connections, so that they close first. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const TIMEOUT_CHECK_MS = 5_000;

/**
 * A server that is not listening yet. A listener for `upgrade` that is added to it gets WebSocket
 * upgrades only; whoever asks for another protocol (Java's client offers h2c on every request) is
 * answered by the app in HTTP/1.1, as RFC 9110, section 7.8, allows.
 */
export function createServer(app: Koa, { maxBodyBytes }: Limits): http.Server {
  const respond: http.RequestListener = app.callback();
  const server: http.Server = http.createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      shouldUpgradeCallback: (request) =>
        server.listenerCount('upgrade') > 0 && isWebSocketUpgrade(request),
    },
    (request, response) => handle(request, response),
  );
  const noteResponse = answerUnreadable(server);
  const handle = inOrder((request, response) => {
    noteResponse(response);
    return respond(request, response);
  });
  server.on('checkContinue', (request, response) => {
    // Where the body is too long, leave to send it is not given, and Node closes after the answer.
    if (!(Number(request.headers['content-length']) > maxBodyBytes)) response.writeContinue();
    handle(request, response);
  });
  server.on('checkExpectation', (_request, response) => {
    noteResponse(response);
    const text = problemText(417, 'The only Expect that is known is 100-continue.');
    response.writeHead(417, {
      'Content-Type': PROBLEM_TYPE,
      'Content-Length': text.length,
      Connection: 'close',
    });
    response.end(text);
  });
  return server;
}

/**
 * Requests that a client sends without waiting for answers are carried out in the order they came in,
 * not only answered so (RFC 9112, section 9.3.2): a GET after a PUT reads what the PUT wrote.
 */
const inOrder =
  (handle: http.RequestListener): http.RequestListener =>
  (request, response) => {
    // Node gives a response its socket when those before it have been sent.
    if (response.socket === null) response.once('socket', () => handle(request, response));
    else void handle(request, response);
  };

/** Whether the request asks to go on as a WebSocket (RFC 6455, section 4.1). */
export const isWebSocketUpgrade = ({ method, headers }: http.IncomingMessage): boolean =>
  method === 'GET' && /(^|[\s,])websocket($|[\s,])/i.test(headers.upgrade ?? '');

/** Problems by Node's codes of errors, with the statuses that Node itself would answer. */
const PROBLEMS: ReadonlyMap<string, Problem> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    new Problem(431, 'The path and the headers together are too long: send a long key in a batch.'),
  ],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', new Problem(413, 'The extensions of a chunk are too long.')],
  ['ERR_HTTP_REQUEST_TIMEOUT', new Problem(408, 'The request did not come in time.')],
]);
const MALFORMED = new Problem(400, 'What was sent is not HTTP/1.1.');

const HEAD = 'HEAD ';

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');

function beginsWithHead(error: Error): boolean {
  const packet = 'rawPacket' in error ? error.rawPacket : null;
  return Buffer.isBuffer(packet) && packet.toString('latin1', 0, HEAD.length) === HEAD;
}

/**
 * Answers requests that never come to the app as problems.
 *
 * @returns a function that is to be called with every response when it begins.
 */
export function answerUnreadable(server: http.Server): (response: http.ServerResponse) => void {
  const lastResponses = new WeakMap<Duplex, http.ServerResponse>();
  server.on('clientError', (error, socket) => {
    const last = lastResponses.get(socket);
    const pending = last?.writableFinished === false ? last : undefined;
    // An answer within another one would be taken for a part of it.
    if (!socket.writable || pending?.headersSent) socket.destroy();
    else
      answerRaw(
        socket,
        PROBLEMS.get(codeOf(error)) ?? MALFORMED,
        // A client that sent a HEAD takes this for its answer.
        pending?.req.method !== 'HEAD' && !beginsWithHead(error),
      );
  });
  return (response) => {
    if (response.socket !== null) lastResponses.set(response.socket, response);
  };
}

/**
 * Counts the requests of the server from now on.
 *
 * @returns stops listening and resolves once none is under way, or after the limit (milliseconds):
 *   a stream of events never ends by itself.
 */
export function drainable(server: http.Server): (limitMs: number) => Promise<void> {
  let underWay = 0;
  let idle: (() => void) | null = null;
  server.on('request', (_request, response) => {
    underWay++;
    response.once('close', () => {
      underWay--;
      if (underWay === 0) idle?.();
    });
  });
  return async (limitMs) => {
    server.close();
    if (underWay === 0) return;
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, limitMs);
    idle = limit.resolve;
    await limit.promise;
    clearTimeout(timer);
  };
}
