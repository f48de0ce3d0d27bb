/** A real server on a free port over a real replica, for one test; and clients that send exactly what they are told. */
import type * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Registry } from 'prom-client';
import * as assert from 'uvu/assert';
import { patience } from '../../scripts/patience.ts';
import { tableOf } from '../../src/access/authTable.ts';
import { anonymousCaller } from '../../src/access/caller.ts';
import { SCOPES } from '../../src/access/scopes.ts';
import type { PeerStatus } from '../../src/gossip/protocol/peerStatus.ts';
import type { RingStatus } from '../../src/gossip/protocol/ringStatus.ts';
import { Callers } from '../../src/http/access/callers.ts';
import { createApp } from '../../src/http/app.ts';
import { Bounds } from '../../src/http/limits/bounds.ts';
import type { Load, ShedChange } from '../../src/http/limits/shedding.ts';
import type { Health } from '../../src/http/routes/clusterRoutes.ts';
import type { PageRouteOptions } from '../../src/http/routes/pageRoutes.ts';
import { createServer } from '../../src/http/server.ts';
import { MemoryLog, type MemoryLogOptions } from '../../src/log/memory.ts';
import { Networks } from '../../src/net/networks.ts';
import { Replica } from '../../src/replica/replica.ts';
import { defaultLimits, type Limits } from '../../src/words/limits.ts';
import { newEntries } from '../support/entries.ts';
import { connectTo, newAgent, requestTo, serverTls } from './carrier.ts';

export const ORIGIN = 'node1.abcdef';
export const START_MS = Date.UTC(2026, 10, 24, 12, 0, 0);

/** A connection on which nothing comes for so long is taken for one that the server forgot. */
const CLOSING_LIMIT_MS = 10_000;

export interface TestOptions {
  readonly limits?: Partial<Limits>;
  readonly sendTimeoutMs?: number;
  readonly trustedProxies?: readonly string[];
  /** The address on which it listens; by default 127.0.0.1. */
  readonly host?: string;
  /** The node's load; by default there is none. */
  readonly load?: Omit<Load, 'answers'>;
  readonly shedChanged?: (change: ShedChange) => void;
  readonly log?: Partial<MemoryLogOptions>;
  readonly peers?: readonly PeerStatus[];
  readonly ring?: RingStatus;
  readonly health?: Health;
  /** Bytes of the map above which values are dropped. */
  readonly maxMemory?: number;
  /** By default everybody may do everything. */
  readonly callers?: (limits: Limits, nowMs: () => number) => Callers;
  /** By default it has no page. */
  readonly page?: PageRouteOptions;
  /** Told of errors that nobody planned; without it one fails the test. */
  readonly onError?: (details: object) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Names and values alternate, as they came. */
  readonly rawHeaders: readonly string[];
  readonly text: string;
  /** The body as it came. */
  readonly bytes: Buffer;
  /** The body parsed, without its token; null where there is none. */
  readonly body: unknown;
  /** The token of the write; null where there is none. */
  readonly token: string | null;
  /** The body parsed, with everything in it. */
  readonly whole: unknown;
}

export interface Sent {
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly agent?: http.Agent;
}

type ServerParts = Pick<TestServer, 'replica' | 'log' | 'server'>;

/** Its clock stands still until a test moves it. */
export class TestServer {
  readonly replica: Replica;
  readonly log: MemoryLog;
  readonly server: http.Server;
  readonly #time: { nowMs: number };
  readonly #twin: TestServer | null;
  /** Of a test on both paths: the short path writes heads of its own only where a connection is kept. */
  readonly #agent: http.Agent | false;

  constructor(parts: ServerParts, time: { nowMs: number }, twin: TestServer | null) {
    this.replica = parts.replica;
    this.log = parts.log;
    this.server = parts.server;
    this.#time = time;
    this.#twin = twin;
    this.#agent = twin === null ? false : newAgent({ keepAlive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#agent !== false) this.#agent.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.replica.close();
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  advance(ms: number): void {
    this.#time.nowMs += ms;
  }

  /** @param path sent as it is. */
  async send(method: string, path: string, sent: Sent = {}): Promise<Answer> {
    const answer = await this.#send(method, path, sent);
    if (this.#twin !== null) {
      const { agent: _, ...alone } = sent;
      const byKoa = await this.#twin.#send(method, path, alone);
      assert.equal(
        bytesOf(answer),
        bytesOf(byKoa),
        `${method} ${path}: the paths answer differently`,
      );
    }
    return answer;
  }

  #send(method: string, path: string, { headers = {}, body, agent }: Sent): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { port: this.port, method, path, headers, agent: agent ?? this.#agent };
      const request = requestTo(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve(answerOf(response, Buffer.concat(chunks))));
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  get(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.send('GET', path, { headers });
  }

  delete(path: string): Promise<Answer> {
    return this.send('DELETE', path);
  }

  /** @param body sent as it is where it is text, else as JSON. */
  put(path: string, body: unknown, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.#sendJson('PUT', path, body, headers);
  }

  batch(body: unknown): Promise<Answer> {
    return this.#sendJson('POST', '/cache', body, {});
  }

  /** Sends bytes on a connection of their own. @returns all that comes until the server closes it. */
  exchange(bytes: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTo(this.port, () => socket.write(bytes));
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.setTimeout(CLOSING_LIMIT_MS * patience(), () =>
        socket.destroy(new Error('was not closed')),
      );
      socket.on('error', reject);
      socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    });
  }

  #sendJson(method: string, path: string, body: unknown, headers: http.OutgoingHttpHeaders) {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const typed = { 'Content-Type': 'application/json', ...headers };
    return this.send(method, path, { headers: typed, body: text });
  }
}

const NO_BODY = { body: null, token: null, whole: null };

/** Most tests of a body do not depend on the length of the history. */
function withoutToken(whole: unknown): Pick<Answer, 'body' | 'token' | 'whole'> {
  if (typeof whole !== 'object' || whole === null || !('token' in whole))
    return { body: whole, token: null, whole };
  const { token, ...body } = whole;
  return { body, token: typeof token === 'string' ? token : null, whole };
}

function answerOf(response: http.IncomingMessage, bytes: Buffer): Answer {
  const text = bytes.toString();
  const { statusCode: status = 0, headers, rawHeaders } = response;
  const isJson = /\/(problem\+)?json/.test(headers['content-type'] ?? '') && text !== '';
  return {
    status,
    headers,
    rawHeaders,
    text,
    bytes,
    ...(isJson ? withoutToken(JSON.parse(text)) : NO_BODY),
  };
}

/** All that the server decides of an answer. The time of day differs, and so does keep-alive with the client's agent. */
function bytesOf({ status, rawHeaders, text, bytes }: Answer): unknown {
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (!CLIENT_HEADERS.has(rawHeaders[index] ?? ''))
      headers.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  return TIMED_LINE.test(text)
    ? {
        status,
        headers: headers.filter((one) => !one.startsWith('Content-Length')),
        text: untimed(text),
      }
    : { status, headers, text, bytes };
}

/** A line of the metrics that tells how long requests took. */
const TIMED_LINE = /^hearsay_http_request_duration_seconds_(?:bucket|sum).*\n/m;

const untimed = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !TIMED_LINE.test(`${line}\n`))
    .join('\n');

const CLIENT_HEADERS: ReadonlySet<string> = new Set(['Date', 'Connection', 'Keep-Alive']);

type Test = (server: TestServer) => Promise<void>;

/** Runs a test against a server of its own, and closes everything. */
export const withServer = (run: Test, options: TestOptions = {}) => running(run, options, false);

/**
 * Runs a test against a server of its own, beside which runs a twin over a replica of its own that answers by koa
 * alone. Each request goes to both, one after the other, and the test fails where the bytes of the answers differ.
 */
export const onBothPaths = (run: Test, options: TestOptions = {}) => running(run, options, true);

const running = (run: Test, options: TestOptions, hasTwin: boolean) => async (): Promise<void> => {
  const failures: object[] = [];
  const onError = options.onError ?? ((details: object) => failures.push(details));
  const time = { nowMs: START_MS };
  await using twin = hasTwin ? await open(options, onError, time, { isGeneral: true }) : null;
  await using server = await open(options, onError, time, { twin });
  await run(server);
  if (failures.length > 0) throw new Error(`The server told of errors: ${inspect(failures)}`);
};

interface Place {
  readonly isGeneral?: boolean;
  readonly twin?: TestServer | null;
}

export const NO_LOAD: Omit<Load, 'answers'> = {
  heap: () => 0,
  queue: () => 0,
  collectGarbage: () => 0,
};

const unboundCallers = (limits: Limits, nowMs: () => number): Callers =>
  new Callers({
    table: tableOf(new Map(), anonymousCaller(SCOPES)),
    isOpen: true,
    clusterToken: null,
    verifyJwt: null,
    limits,
    nowMs,
  });

async function open(
  options: TestOptions,
  onError: (details: object) => void,
  time: { nowMs: number },
  { isGeneral = false, twin = null }: Place,
): Promise<TestServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const log = new MemoryLog({ clusterName: 'test', newOrigin: () => ORIGIN, ...options.log });
  const clock = () => time.nowMs;
  const replica = await Replica.open({
    nodeId: 'node1',
    log,
    place: 'memory',
    clock,
    limits,
    entries: newEntries(options.maxMemory),
  });
  const bounds = new Bounds({
    limits,
    sendTimeoutMs: options.sendTimeoutMs ?? 30_000,
    trustedProxies: new Networks(options.trustedProxies ?? []),
    load: options.load ?? NO_LOAD,
    ...(options.shedChanged && { shedChanged: options.shedChanged }),
  });
  const { connections } = bounds;
  const { listener, general } = createApp({
    replica,
    bounds,
    peers: () => options.peers ?? [],
    ring: () => options.ring ?? null,
    health: () => options.health ?? { status: 'ok', reasons: [] },
    log: { error: onError },
    version: '1.2.3',
    registry: new Registry(),
    maxClockSkewMs: 60_000,
    page: options.page ?? null,
    callers: (options.callers ?? unboundCallers)(limits, clock),
  });
  const server = createServer(isGeneral ? general : listener, connections, limits, {
    tls: await serverTls(),
  });
  await new Promise<void>((resolve) => server.listen(0, options.host ?? '127.0.0.1', resolve));
  return new TestServer({ replica, log, server }, time, twin);
}
