/** The HTTP server around the app: timeouts, bounds, and which upgrades are none. */
import * as http from 'node:http';
import type Koa from 'koa';
import type { Limits } from '../words/limits.ts';
import { PROBLEM_TYPE } from './answer/answer.ts';
import { problemText } from './answer/problem.ts';
import { answerUnreadable } from './other-unreadable.ts';

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
