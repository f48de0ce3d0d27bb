/**
 * How a process is seen from outside: its log, its metrics, its health, and the span of each request. Every
 * process has one, and shows it on its private listener.
 */
import type { Around, SeenRoutes } from '../http/jsonApp.ts';
import type { Cache } from '../tables/cache.ts';
import type { TableName } from '../tables/keys.ts';
import { type Logger, openLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { inSpan, spanAfter, traceparentOf } from './spans.ts';

export interface Health {
  /** `degraded`: it works, but something that it needs is away. */
  readonly status: 'ok' | 'degraded';
  readonly [detail: string]: unknown;
}

/** A copy of a table, as far as its age is told. */
export interface Aged {
  readonly staleMs: number;
}

/** Of requests between processes and of joins. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export class Seen {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly #around: Around;
  readonly #atOnce: SeenRoutes['atOnce'];
  #faults = 0;

  /**
   * @param name of the program, such as `api`.
   * @param options watchesEventLoop: false for a process that measures by itself how late it comes.
   */
  constructor(
    name: string,
    logLevel: string,
    options: { readonly watchesEventLoop?: boolean } = {},
  ) {
    this.log = openLog(name, logLevel);
    this.metrics = new Metrics(options);
    endWithSupervisor();
    this.metrics.total(
      'worlds_faults_total',
      'Errors that the process has logged and gone on after.',
      () => this.#faults,
    );
    const count = this.metrics.counter(
      'worlds_http_requests_total',
      'Requests answered, by route, method and status.',
      ['route', 'method', 'status'],
    );
    const took = this.metrics.seconds(
      'worlds_http_request_seconds',
      'Time until a request was answered.',
      REQUEST_BUCKETS,
    );
    const tell = (method: string, route: string, status: number, ms: number): void => {
      count({ route, method, status: String(status) });
      took(ms);
      const fields = { status, ms: Math.round(ms * 10) / 10 };
      // Readings are many, and change nothing.
      this.log[method === 'GET' ? 'debug' : 'info'](fields, `${method} ${route}`);
    };
    this.#around = async ({ method, traceparent, setHeader }, answer) => {
      const span = spanAfter(traceparent);
      await inSpan(span, async () => {
        const startedAtMs = performance.now();
        setHeader('traceresponse', traceparentOf(span));
        const { route, status } = await answer();
        tell(method, route, status, performance.now() - startedAtMs);
      });
    };
    this.#atOnce = ({ method, route, status, traceparent, startedAtMs }) => {
      const span = spanAfter(traceparent);
      inSpan(span, () => tell(method, route, status, performance.now() - startedAtMs));
      return { traceresponse: traceparentOf(span) };
    };
  }

  /** Logs an error after which the process goes on. */
  readonly onFault = (error: unknown): void => {
    this.#faults += 1;
    this.log.warn({ err: error }, 'failed');
  };

  /** Of the private listener: `GET /metrics` and `GET /_health`. */
  http(health: () => Health): SeenRoutes {
    return {
      around: this.#around,
      atOnce: this.#atOnce,
      routes: [
        {
          method: 'GET',
          path: '/metrics',
          answer: async () => {
            const text = { type: this.metrics.type, body: await this.metrics.text() };
            return { status: 200, text };
          },
        },
        { method: 'GET', path: '/_health', answer: () => ({ status: 200, body: health() }) },
      ],
    };
  }

  /** Tells of the values of the cache that did not parse, and how old the copies of tables are. */
  watchCache(cache: Cache, copies: Readonly<Partial<Record<TableName, Aged>>> = {}): void {
    this.metrics.totals(
      'worlds_malformed_total',
      'Values of the cache that did not parse, by table.',
      'table',
      () => Object.fromEntries(cache.malformed.counts),
    );
    if (Object.keys(copies).length === 0) return;
    this.metrics.gauges(
      'worlds_cache_stale_seconds',
      'How long the copy of a table has not been current, by table; 0 if it is.',
      'table',
      () =>
        Object.fromEntries(
          Object.entries(copies).map(([table, { staleMs }]) => [table, staleMs / 1000]),
        ),
    );
  }
}

/** Ends this process as SIGTERM does once the supervisor that started it has ended, if one has. */
function endWithSupervisor(): void {
  if (process.send === undefined) return;
  const end = (): void => void process.kill(process.pid, 'SIGTERM');
  process.once('disconnect', end);
  // It may have ended while this process was loading.
  if (!process.connected) end();
}

/** @returns the health of a process that needs copies of the cache. */
export const healthOf = (copies: Readonly<Record<string, Aged>>): Health => {
  const stale = Object.entries(copies).flatMap(([table, { staleMs }]) =>
    staleMs > 0 ? table : [],
  );
  return stale.length === 0 ? { status: 'ok' } : { status: 'degraded', stale };
};
