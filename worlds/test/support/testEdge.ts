/** The edge over real sockets, before services that the test makes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import type { AccessClaims } from '../../access/accessToken.ts';
import { Blocks } from '../../edge/blocks.ts';
import { EdgeLimits, type EdgeRates } from '../../edge/edgeLimits.ts';
import { EDGE_BOUNDS, type EdgeBounds, serveEdge } from '../../edge/edgeServer.ts';
import { UPSTREAM_TIMES, Upstreams, type UpstreamTimes } from '../../edge/upstreams.ts';
import type { TlsFiles } from '../../http/publicServer.ts';
import { loadPage } from '../../page/pageFiles.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A service: it remembers what it was asked. */
class Service implements AsyncDisposable {
  readonly asked: Asked[] = [];
  handler: Handler = (_request, response) => response.end('{}');
  readonly #server = createServer(async (request, response) => {
    const body = await textOf(request).catch(() => '');
    const { method = '', url = '', headers } = request;
    this.asked.push({ method, path: url, headers, body });
    this.handler(request, response, body);
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

/** Rates that no test reaches. */
export const FAST: EdgeRates = {
  requestsPerSecond: 10_000,
  guestsPerMinute: 10_000,
  joinsPerSecond: 10_000,
  refusalsBeforeBlock: 10_000,
  allRequestsPerSecond: 10_000,
  allGuestsPerSecond: 10_000,
  pageFilesPerSecond: 10_000,
};

interface Given {
  readonly rates?: Partial<EdgeRates>;
  readonly bounds?: Partial<EdgeBounds>;
  readonly times?: Partial<UpstreamTimes>;
  readonly blocked?: Map<string, number>;
  readonly memoryBytes?: () => number;
  readonly tls?: TlsFiles;
  /** Between two looks at the certificate files. */
  readonly lookMs?: number;
}

export async function serveTestEdge(given: Given = {}) {
  const { rates, bounds, times, blocked = new Map(), memoryBytes, tls = null, lookMs } = given;
  await using starting = new AsyncDisposableStack();
  const [identity, one, other] = [new Service(), new Service(), new Service()];
  for (const service of [identity, one, other]) starting.use(service);
  const urls = await Promise.all([identity.start(), one.start(), other.start()]);
  const apis = urls.slice(1).map((url, at) => ({ region: at === 0 ? 'eu' : 'us', url }));
  const upstreams = new Upstreams(urls[0], apis, { ...UPSTREAM_TIMES, ...times });
  starting.use(upstreams);
  const table = {
    untilMs: (hash: string) => blocked.get(hash) ?? null,
    block: async (hash: string, untilMs: number) => void blocked.set(hash, untilMs),
  };
  const faults: unknown[] = [];
  const onFailure = (error: unknown) => void faults.push(error);
  const blocks = new Blocks({ table, secret: 'a secret', now: () => Date.now(), onFailure });
  const claimsOf = (player: string): AccessClaims => ({
    player,
    session: 's',
    gen: 1,
    scope: '',
    issuedAtMs: 0,
    expiresAtMs: 0,
  });
  const served = starting.use(
    await serveEdge({
      host: '127.0.0.1',
      port: 0,
      tls,
      upstreams,
      onFault: onFailure,
      page: loadPage({ playSources: [] }),
      limits: new EdgeLimits(blocks, { ...FAST, ...rates }),
      verify: async (token) => (token.startsWith('player-') ? claimsOf(token) : null),
      bounds: { ...EDGE_BOUNDS, ...bounds },
      ...(memoryBytes && { memoryBytes }),
      ...(lookMs !== undefined && { lookMs }),
    }),
  );
  const url = `http://127.0.0.1:${served.port}`;
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
  const ends = starting.move();
  return {
    identity,
    one,
    other,
    faults,
    served,
    upstreams,
    url,
    ask,
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}
