/** A proxy before a node that fails as networks and nodes do, and clients through it. */
import * as http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { patience } from '../../scripts/patience.ts';
import type { ClientOptions, HearsayClient } from '../../src/client/index.ts';
import { createClient } from '../../src/client/index.ts';
import { type TestServer, withServer } from '../http/testServer.ts';

/**
 * The fate of one request. `refuse`: the connection breaks before the node has heard of it.
 * `swallow`: the node carries it out, and the connection breaks before the answer. `half`: in the middle
 * of the answer. `hang`: the node never hears of it, and the connection stays. Else an answer that no
 * node gave.
 */
export type Fault =
  | 'pass'
  | 'refuse'
  | 'swallow'
  | 'half'
  | 'hang'
  | { readonly status: number; readonly headers?: http.OutgoingHttpHeaders; readonly body: string };

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export class FaultProxy {
  /** The fault of each request to come, in order; what comes after them passes. */
  readonly faults: Fault[] = [];
  /** Decides where `faults` is empty. */
  faultOf: (request: Seen) => Fault = () => 'pass';
  /** Called between the node's answer and what becomes of it. */
  beforeAnswer: () => Promise<void> = async () => {};
  readonly seen: Seen[] = [];
  readonly #server: http.Server;
  readonly #tunnels = new Set<Socket>();
  /** The node that it stands before; may be changed. */
  target: string;

  private constructor(target: string) {
    this.target = target;
    this.#server = http.createServer((request, response) => {
      this.#handle(request, response).catch(() => request.socket.destroy());
    });
    this.#server.on('upgrade', (request: http.IncomingMessage, socket: Socket) =>
      this.#tunnel(request, socket),
    );
  }

  static async inFrontOf(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** WebSockets that are open. */
  get openTunnels(): number {
    return this.#tunnels.size;
  }

  /** Breaks every WebSocket. */
  cut(): void {
    for (const socket of this.#tunnels) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const seen = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: await textOf(request),
    };
    this.seen.push(seen);
    const fault = this.faults.shift() ?? this.faultOf(seen);
    if (fault === 'refuse') request.socket.destroy();
    else if (typeof fault === 'object')
      response.writeHead(fault.status, fault.headers).end(fault.body);
    else if (seen.headers.accept === 'text/event-stream') this.#stream(seen, response);
    else if (fault !== 'hang') await this.#forward(seen, request, response, fault);
  }

  async #forward(
    { method, path, headers, body }: Seen,
    { socket }: http.IncomingMessage,
    response: http.ServerResponse,
    fault: 'pass' | 'swallow' | 'half',
  ): Promise<void> {
    const answer = await exchange(this.target, method, path, headers, body);
    await this.beforeAnswer();
    if (fault === 'swallow') {
      socket.destroy();
      return;
    }
    response.writeHead(answer.status, answer.headers);
    if (fault === 'pass') response.end(answer.body);
    else response.write(answer.body.slice(0, answer.body.length / 2), () => socket.destroy());
  }

  /** An answer that does not end, as it comes. */
  #stream({ method, path, headers }: Seen, response: http.ServerResponse): void {
    const request = http.request(this.target + path, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.on('error', () => response.destroy()).pipe(response);
    });
    request.on('error', () => response.destroy()).end();
    response.on('close', () => request.destroy());
  }

  #tunnel({ method, url, rawHeaders }: http.IncomingMessage, near: Socket): void {
    const { port, hostname } = new URL(this.target);
    const far = connect(Number(port), hostname, () => {
      const lines = rawHeaders.flatMap((name, index) =>
        index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : [],
      );
      far.write(`${[`${method} ${url} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`);
      far.pipe(near).pipe(far);
    });
    this.#tunnels.add(near);
    const end = () => {
      this.#tunnels.delete(near);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  }
}

/** Runs with a client that is closed afterwards. Its bounds are short: what fails is to fail soon. */
export async function withClient(
  options: ClientOptions,
  run: (client: HearsayClient) => Promise<void>,
): Promise<void> {
  const client = createClient({
    backoffMs: 1,
    maxBackoffMs: 20,
    attemptTimeoutMs: 10_000,
    ...options,
  });
  try {
    await run(client);
  } finally {
    await client.close();
  }
}

/** The tools of a test through proxies. */
export interface ProxyParts {
  readonly client: HearsayClient;
  readonly proxies: readonly [FaultProxy, FaultProxy];
  readonly server: TestServer;
}

/** Runs with a client whose endpoints are two proxies before one server, or those that the options name. */
export const withProxies = (
  run: (parts: ProxyParts) => Promise<void>,
  options: (urls: readonly string[]) => Partial<ClientOptions> = () => ({}),
): (() => Promise<void>) =>
  withServer(async (server) => {
    const url = `http://127.0.0.1:${server.port}`;
    const proxies = [await FaultProxy.inFrontOf(url), await FaultProxy.inFrontOf(url)] as const;
    const endpoints = proxies.map((proxy) => proxy.url);
    try {
      await withClient({ endpoints, ...options(endpoints) }, (client) =>
        run({ client, proxies, server }),
      );
    } finally {
      for (const proxy of proxies) await proxy.close();
    }
  });

export const BUSY: Fault = {
  status: 503,
  headers: { 'Retry-After': '1', 'Content-Type': 'application/problem+json' },
  body: '{"detail":"The node takes no writes yet."}',
};

/** @returns what a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('The promise was expected to be rejected.');
}

/** @returns what a promise is rejected with, which must be of the type. */
export async function rejectedWith<E extends Error>(
  type: abstract new (...words: never[]) => E,
  promise: Promise<unknown>,
): Promise<E> {
  const reason = await rejection(promise);
  if (reason instanceof type) return reason;
  throw new Error(`Expected ${type.name}, not ${String(reason)}.`, { cause: reason });
}

/** Waits until the condition holds, looking at it again whenever there is time; 20 s at most on an idle machine. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > 20_000 * patience())
      throw new Error(`Waited in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function textOf(stream: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function exchange(
  target: string,
  method: string,
  path: string,
  headers: http.IncomingHttpHeaders,
  body: string,
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(target, { method, path, headers, agent: false }, (response) => {
      textOf(response).then((text) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      }, reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
