/** A real server on a free port with watches, over a replica whose log is in memory; and its clients. */
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { WebSocket } from 'ws';
import { patience } from '../../../scripts/patience.ts';
import { openCallers } from '../../../src/http/access/callers.ts';
import { createApp } from '../../../src/http/app.ts';
import { Bounds } from '../../../src/http/limits/bounds.ts';
import { AllowedPages } from '../../../src/http/request/pages.ts';
import { WATCH_PATH } from '../../../src/http/routes/watchRoute.ts';
import { createServer, takeUpgrades } from '../../../src/http/server.ts';
import type { Acks } from '../../../src/http/wait/acks.ts';
import { WatchService, type WatchServiceOptions } from '../../../src/http/watch/service.ts';
import type { Log } from '../../../src/log/log.ts';
import { MemoryLog } from '../../../src/log/memory.ts';
import { Networks } from '../../../src/net/networks.ts';
import { nodeTimers } from '../../../src/node/engineOptions.ts';
import { Replica } from '../../../src/replica/replica.ts';
import { SILENT_TICKS, WatchHub } from '../../../src/watch/hub/hub.ts';
import { defaultLimits, type Limits } from '../../../src/words/limits.ts';
import { newEntries } from '../../support/entries.ts';
import type { SeenEvent } from '../../watch/hub/fakeSink.ts';

export interface ServerOptions
  extends Partial<Omit<WatchServiceOptions, 'limits' | 'replica' | 'hub'>> {
  readonly name?: string;
  readonly sendTimeoutMs?: number;
  readonly limits?: Partial<Limits>;
  readonly bookmarkIntervalMs?: number;
  readonly allowed?: readonly string[];
  /** Null: the node has not joined a cluster. */
  readonly clusterId?: string | null;
  /** In memory where it is not given. */
  readonly log?: Log;
  /** UTC milliseconds; that of this machine where it is not given. */
  readonly clock?: () => number;
}

const NO_ACKS: Acks = {
  ask: () => {},
  askAll: () => {},
  count: () => 0,
  isHeldByAll: () => true,
  others: () => 0,
  onConfirmed: () => () => {},
};
const SWEEP_MS = 20;
const PATIENCE_MS = 10_000;

export class WatchServer {
  readonly replica: Replica;
  readonly watching: WatchService;
  readonly #server: http.Server;
  readonly #sweeps: NodeJS.Timeout;
  readonly #bookmarks: NodeJS.Timeout;

  static async start(options: ServerOptions = {}): Promise<WatchServer> {
    const { name = 'node1', clusterId = 'cluster1', clock = Date.now } = options;
    const { bookmarkIntervalMs = 15_000 } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const log =
      options.log ?? new MemoryLog({ clusterName: 'test', newOrigin: () => `${name}.aaaaaa` });
    const replica = await Replica.open({
      nodeId: name,
      log,
      place: name,
      clock,
      limits,
      entries: newEntries(),
    });
    if (clusterId !== null) await replica.membership.form(clusterId, '{}');
    else replica.readiness.refuseReads('it has not joined its cluster yet');
    const pages = new AllowedPages(options.allowed ?? []);
    const defer = (next: () => void): void => {
      setImmediate(next);
    };
    const hub = new WatchHub({
      replica,
      limits,
      maxClockSkewMs: 60_000,
      defer,
      timers: nodeTimers,
    });
    const bounds = new Bounds({
      limits,
      sendTimeoutMs: options.sendTimeoutMs ?? 30_000,
      trustedProxies: new Networks([]),
      load: { heap: () => 0, queue: () => 0, collectGarbage: () => 0 },
    });
    const { connections } = bounds;
    const callers = options.callers ?? openCallers(limits, clock);
    const watching = new WatchService({
      connections,
      addressOf: bounds.addressOf,
      acks: NO_ACKS,
      waitTimeoutMs: 200,
      watchPingIntervalMs: 30_000,
      ...options,
      replica,
      hub,
      limits,
      pages,
      callers,
    });
    const { listener } = createApp({
      bounds,
      replica,
      peers: () => [],
      ring: () => null,
      health: () => ({ status: 'ok', reasons: [] }),
      log: { error: (details) => console.error(details) },
      version: '1.2.3',
      registry: new Registry(),
      maxClockSkewMs: 60_000,
      watches: watching,
      pages,
      callers,
    });
    const server = createServer(listener, connections, limits);
    takeUpgrades(
      server,
      bounds,
      { allowed: null },
      {
        [WATCH_PATH]: { take: (...upgrade) => watching.upgrade(...upgrade) },
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new WatchServer(replica, watching, server, bookmarkIntervalMs);
  }

  private constructor(
    replica: Replica,
    watching: WatchService,
    server: http.Server,
    bookmarkIntervalMs: number,
  ) {
    this.replica = replica;
    this.watching = watching;
    this.#server = server;
    this.#sweeps = setInterval(() => replica.sweep(10_000), SWEEP_MS);
    this.#bookmarks = setInterval(() => watching.hub.tick(), bookmarkIntervalMs / SILENT_TICKS);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async put(key: string, value: unknown, ttlMs: number | null = null): Promise<void> {
    const text = JSON.stringify(value);
    await this.replica.submit([
      { kind: 'put', key, version: 'next', ttlMs, value: text, meta: null },
    ]);
  }

  /** Puts entries in one commit. @param from the number of the first; its key is `k` and that number. */
  async putMany(from: number, count: number, valueBytes: number): Promise<void> {
    const value = JSON.stringify('x'.repeat(valueBytes - 2));
    await this.replica.submit(
      Array.from({ length: count }, (_, index) => ({
        kind: 'put',
        key: `k${from + index}`,
        version: 'next',
        ttlMs: null,
        value,
        meta: null,
      })),
    );
  }

  async delete(key: string): Promise<void> {
    await this.replica.submit([{ kind: 'delete', key, upToVersion: null }]);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init);
  }

  watch(query = '', headers: Record<string, string> = {}): SocketClient {
    return new SocketClient(`ws://127.0.0.1:${this.port}/watch?${query}`, headers);
  }

  stream(query = '', headers: http.OutgoingHttpHeaders = {}): Promise<StreamClient> {
    return StreamClient.open(this.port, `/watch?${query}`, headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeps);
    clearInterval(this.#bookmarks);
    this.watching.hub.stop();
    this.watching.stop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.replica.close();
  }
}

/** The events of a client, and a way to wait for more. */
class Seen {
  readonly events: SeenEvent[] = [];
  /** Keys that puts were told of. */
  readonly keys = new Set<string>();
  #look: () => void = () => {};

  add(event: SeenEvent): void {
    this.events.push(event);
    if (event.type === 'put') this.keys.add(event.key ?? '');
    this.#look();
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  get last(): SeenEvent | undefined {
    return this.events.at(-1);
  }

  /** Resolves with the first event, from the first on, that is so. */
  async until(
    is: (event: SeenEvent) => boolean,
    what = 'an event',
    patienceMs = PATIENCE_MS,
  ): Promise<SeenEvent> {
    const found = Promise.withResolvers<SeenEvent>();
    const timer = setTimeout(
      () => found.reject(new Error(`${what} did not come; ${this.types.slice(-20)}`)),
      patienceMs * patience(),
    );
    this.#look = () => {
      const event = this.events.find(is);
      if (event !== undefined) found.resolve(event);
    };
    this.#look();
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#look = () => {};
    }
  }

  synced(): Promise<SeenEvent> {
    return this.until(({ type }) => type === 'synced', 'synced');
  }
}

export class SocketClient extends Seen {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  /** Code and reason of the close, or the status of the answer that refused the upgrade. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  constructor(url: string, headers: Record<string, string>) {
    super();
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.socket.on('message', (data) => this.add(JSON.parse(String(data))));
    this.opened = new Promise((resolve) => this.socket.on('open', resolve));
    this.closed = new Promise((resolve) => {
      this.socket.on('unexpected-response', (request, { statusCode = 0 }) => {
        request.destroy();
        resolve({ code: statusCode, reason: '' });
      });
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    this.socket.on('error', () => {});
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

export class StreamClient extends Seen {
  readonly response: http.IncomingMessage;
  readonly ended: Promise<void>;
  /** The bytes as they came. */
  text = '';
  #block = '';

  static open(
    port: number,
    path: string,
    headers: http.OutgoingHttpHeaders,
  ): Promise<StreamClient> {
    return new Promise((resolve, reject) => {
      const request = http.get({ port, path, headers, agent: false }, (response) =>
        resolve(new StreamClient(response)),
      );
      request.on('error', reject);
    });
  }

  private constructor(response: http.IncomingMessage) {
    super();
    this.response = response;
    response.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    response.on('error', () => {});
    this.ended = new Promise((resolve) => response.on('close', resolve));
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  #take(text: string): void {
    this.text += text;
    const blocks = (this.#block + text).split('\n\n');
    this.#block = blocks.pop() ?? '';
    for (const block of blocks) this.#takeBlock(block.split('\n'));
  }

  /** As a browser reads it: the lines of `data` are put together again. */
  #takeBlock(lines: readonly string[]): void {
    const named = (name: string) =>
      lines
        .filter((line) => line.startsWith(`${name}: `))
        .map((line) => line.slice(name.length + 2));
    const data = named('data').join('\n');
    if (data === '') return;
    const event: SeenEvent = JSON.parse(data);
    if (named('event')[0] !== event.type || named('id')[0] !== event.cursor)
      throw new Error(`The event and its fields differ: ${lines}`);
    this.add(event);
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }
}
