/** The metrics of a process, in the names and units of Prometheus: figures are read when it is scraped. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Gauges that have the names of counters; others tell the same by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * Figures of how late the event loop comes, from a timer that wakes the process a hundred times a second: more often
 * than all else does in a world where nobody plays.
 */
const WATCHED_EVENT_LOOP = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  (figure) => `nodejs_eventloop_lag_${figure}_seconds`,
);
/** prom-client always sets that timer: an hour leaves the process asleep. */
const SELDOM_MS = 3_600_000;

/** Durations that are not counted yet. */
const MOST_WAITING = 200;

/** Values of one label, such as results, each with its count. */
export type Labelled = Readonly<Record<string, number>>;

export class Metrics {
  readonly #registry = new Registry();
  readonly type = this.#registry.contentType;

  /** @param watchesEventLoop false for a process that measures by itself how late it comes. */
  constructor({ watchesEventLoop = true }: { readonly watchesEventLoop?: boolean } = {}) {
    const precision = watchesEventLoop ? {} : { eventLoopMonitoringPrecision: SELDOM_MS };
    collectDefaultMetrics({ register: this.#registry, ...precision });
    const unwanted = watchesEventLoop ? MISNAMED : [...MISNAMED, ...WATCHED_EVENT_LOOP];
    for (const name of unwanted) this.#registry.removeSingleMetric(name);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  gauge(name: string, help: string, read: () => number): void {
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    new Gauge({ name, help, registers: [this.#registry], collect });
  }

  gauges(name: string, help: string, label: string, read: () => Labelled): void {
    const collect = function (this: Gauge): void {
      this.reset();
      for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number);
    };
    new Gauge({ name, help, labelNames: [label], registers: [this.#registry], collect });
  }

  /** Always 1: its labels tell. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    const labelNames = Object.keys(labels);
    new Gauge({ name, help, labelNames, registers: [this.#registry] }).set({ ...labels }, 1);
  }

  /** @param read the total since the start of the process. */
  total(name: string, help: string, read: () => number): void {
    const collect = function (this: Counter): void {
      this.reset();
      this.inc(read());
    };
    new Counter({ name, help, registers: [this.#registry], collect });
  }

  totals(name: string, help: string, label: string, read: () => Labelled): void {
    const collect = function (this: Counter): void {
      this.reset();
      for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
    };
    new Counter({ name, help, labelNames: [label], registers: [this.#registry], collect });
  }

  /** @returns counts one more, by the values of the labels. */
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): (labels: Readonly<Record<Label, string>>) => void {
    const counter = new Counter({
      name,
      help,
      labelNames: [...labelNames] as string[],
      registers: [this.#registry],
    });
    return (labels) => counter.inc({ ...labels });
  }

  /**
   * @param buckets upper bounds in seconds.
   * @returns takes one more duration, in milliseconds.
   */
  seconds(name: string, help: string, buckets: readonly number[]): (ms: number) => void {
    const histogram = new Histogram({
      name,
      help,
      buckets: [...buckets],
      registers: [this.#registry],
    });
    return (ms) => histogram.observe(ms / 1000);
  }

  /**
   * As `seconds`, for durations that come many times a second: they are counted some hundreds at a time, and when they are
   * read. One by one, that code would not be in the caches of a processor that does other work between.
   */
  secondsOften(name: string, help: string, buckets: readonly number[]): (ms: number) => void {
    const waiting: number[] = [];
    const count = (): void => {
      for (const ms of waiting) histogram.observe(ms / 1000);
      waiting.length = 0;
    };
    const histogram = new Histogram({
      name,
      help,
      buckets: [...buckets],
      registers: [this.#registry],
      collect: count,
    });
    return (ms) => {
      waiting.push(ms);
      if (waiting.length >= MOST_WAITING) count();
    };
  }
}
