/**
 * The services behind the edge: identity, and the apis of all regions. A request goes to the first api that
 * answers, beginning with that of the region it is about; one that may be repeated goes on to the next if the first fails in the midst of it.
 */
import { Agent, type Dispatcher } from 'undici';
import { Problem, retryAfter } from '../http/problem.ts';
import { type EdgeRoute, regionOf } from '../rules/edgeRoutes.ts';

export interface UpstreamRequest {
  readonly method: EdgeRoute['method'];
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Of the client's connection. */
  readonly signal: AbortSignal;
}

export interface ApiPlace {
  readonly region: string;
  /** Base URL. */
  readonly url: string;
}

export interface UpstreamTimes {
  /** Until the headers of an answer, of all tries together. */
  readonly answerMs: number;
  /** Until the headers of an answer, while another api is left to try. */
  readonly tryMs: number;
  /** How long an api that has failed comes last. */
  readonly avoidMs: number;
}

export const UPSTREAM_TIMES: UpstreamTimes = { answerMs: 8000, tryMs: 3000, avoidMs: 2000 };

const CONNECT_MS = 1000;
/** To each service. */
const MAX_CONNECTIONS = 128;
/** Errors of a connection that was never made: nothing was sent. */
const UNSENT = new Set([
  ...['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
  'UND_ERR_CONNECT_TIMEOUT',
]);

export class Upstreams implements AsyncDisposable {
  readonly #identity: readonly string[];
  readonly #apis: readonly ApiPlace[];
  readonly #times: UpstreamTimes;
  readonly #failedAtMs = new Map<string, number>();
  readonly #agent = new Agent({
    connections: MAX_CONNECTIONS,
    connect: { timeout: CONNECT_MS },
  });
  /** Each stream has a connection of its own. */
  readonly #streams = new Agent({ connect: { timeout: CONNECT_MS }, bodyTimeout: 0 });
  #retries = 0;

  /** @param apis the preferred one first. */
  constructor(identity: string, apis: readonly ApiPlace[], times: UpstreamTimes = UPSTREAM_TIMES) {
    this.#identity = [identity];
    this.#apis = apis;
    this.#times = times;
  }

  /** Requests that went on to another api. */
  get retries(): number {
    return this.#retries;
  }

  /** @throws Problem 503 if none answers. */
  async send(route: EdgeRoute, request: UpstreamRequest): Promise<Dispatcher.ResponseData> {
    const order = this.#inOrder(route.upstream, regionOf(request.path));
    const untilMs = performance.now() + this.#times.answerMs;
    for (const [at, url] of order.entries()) {
      const isLast = at === order.length - 1;
      const leftMs = untilMs - performance.now();
      const limitMs = isLast ? leftMs : Math.min(leftMs, this.#times.tryMs);
      if (limitMs <= 0) break;
      try {
        const answer = await this.#try(url, route, request, limitMs);
        if (isLast || !route.isRepeatable || answer.statusCode !== 503) return answer;
        // It answers, but lacks something that another api may have.
        await answer.body.dump();
      } catch (error) {
        request.signal.throwIfAborted();
        this.#failedAtMs.set(url, performance.now());
        if (!route.isRepeatable && !isUnsent(error)) break;
      }
      if (!isLast) this.#retries += 1;
    }
    throw new Problem(503, 'unreachable', 'The service does not answer: try again.', retryAfter(2));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#streams.destroy()]);
  }

  /** The limit counts from here, also while a connection is waited for. */
  async #try(
    url: string,
    route: EdgeRoute,
    { method, path, headers, body, signal }: UpstreamRequest,
    limitMs: number,
  ): Promise<Dispatcher.ResponseData> {
    const agent = route.isStream ? this.#streams : this.#agent;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs);
    try {
      return await agent.request({
        origin: url,
        method,
        path,
        headers,
        headersTimeout: 0,
        signal: AbortSignal.any([signal, limit.signal]),
        body: body.byteLength === 0 ? null : body,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #inOrder(upstream: EdgeRoute['upstream'], about: string | null): string[] {
    const near = this.#apis.filter(({ region }) => region === about);
    const far = this.#apis.filter(({ region }) => region !== about);
    const urls = upstream === 'identity' ? this.#identity : [...near, ...far].map(({ url }) => url);
    const nowMs = performance.now();
    const isAvoided = (url: string): boolean =>
      nowMs - (this.#failedAtMs.get(url) ?? Number.NEGATIVE_INFINITY) < this.#times.avoidMs;
    return [...urls.filter((url) => !isAvoided(url)), ...urls.filter(isAvoided)];
  }
}

const isUnsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && UNSENT.has(String(error.code));
