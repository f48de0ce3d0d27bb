/**
 * The time that this node takes to answer, by route and method. Counting a request adds to two numbers: a
 * histogram of prom-client would hash its labels anew each time, which costs as much as reading an entry. So the
 * registry gets the numbers when it is scraped, as those of prom-client's own histograms.
 */
import { Histogram, type Registry } from 'prom-client';
import { ByRoute } from './byRoute.ts';

const NAME = 'hearsay_http_request_duration_seconds';
const HELP =
  'Time from the head of a request until its answer was handed over, by route and method; a stream ends when it begins.';

/** Seconds: from a GET out of memory to a write that waits for a busy disk, or for other nodes. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Durations {
  /** Requests by the first bucket that they fit in; the last number is of those longer than all. */
  readonly requests: Float64Array;
  seconds: number;
}

type Labels = 'route' | 'method';

export class RequestDurations extends Histogram<Labels> {
  readonly #durations = new ByRoute<Durations>(() => ({
    requests: new Float64Array(BUCKETS.length + 1),
    seconds: 0,
  }));

  /** @throws Error if the registry holds the histogram already. */
  constructor(registry: Registry) {
    super({
      name: NAME,
      help: HELP,
      labelNames: ['route', 'method'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** prom-client's registry asks this of each histogram. */
  getForPromString() {
    const values = [...this.#values()];
    return Promise.resolve({
      name: NAME,
      help: HELP,
      type: 'histogram',
      aggregator: 'sum',
      values,
    });
  }

  /** @param route the route's pattern; undefined where none matched. */
  count(route: string | undefined, method: string, durationMs: number): void {
    const durations = this.#durations.of(route, method);
    const seconds = durationMs / 1000;
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] ?? 0)) bucket++;
    durations.requests[bucket] = (durations.requests[bucket] ?? 0) + 1;
    durations.seconds += seconds;
  }

  *#values() {
    for (const { route, method, value } of this.#durations.all()) {
      const { requests, seconds } = value;
      const labels = { route, method };
      let sum = 0;
      for (const [index, count] of requests.entries()) {
        sum += count;
        const le = BUCKETS[index] ?? '+Inf';
        yield { metricName: `${NAME}_bucket`, labels: { le, ...labels }, value: sum };
      }
      yield { metricName: `${NAME}_sum`, labels, value: seconds };
      yield { metricName: `${NAME}_count`, labels, value: sum };
    }
  }
}
