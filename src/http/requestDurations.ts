/** The time that this node takes to answer, by route and method. */
import { Histogram, type Registry } from 'prom-client';
import { NO_ROUTE } from './metrics.ts';

/** Seconds: from a GET out of memory to a write that waits for a busy disk, or for other nodes. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Labels = 'route' | 'method';

export class RequestDurations {
  readonly #histogram: Histogram<Labels>;
  /** Route → method → its histogram: looking the labels up anew for each request would cost as much as counting. */
  readonly #byRoute = new Map<string, Map<string, Histogram.Internal<Labels>>>();

  /** @throws Error if the registry holds the histogram already. */
  constructor(registry: Registry) {
    this.#histogram = new Histogram({
      name: 'hearsay_http_request_duration_seconds',
      help: 'Time from the head of a request until its answer was handed over, by route and method; a stream ends when it begins.',
      labelNames: ['route', 'method'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** @param route the route's pattern; undefined where none matched. */
  count(route: string | undefined, method: string, durationMs: number): void {
    this.#of(route ?? NO_ROUTE, method).observe(durationMs / 1000);
  }

  #of(route: string, method: string): Histogram.Internal<Labels> {
    let byMethod = this.#byRoute.get(route);
    if (byMethod === undefined) {
      byMethod = new Map();
      this.#byRoute.set(route, byMethod);
    }
    let one = byMethod.get(method);
    if (one === undefined) {
      one = this.#histogram.labels({ route, method });
      byMethod.set(method, one);
    }
    return one;
  }
}
