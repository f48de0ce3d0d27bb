/**
 * Metrics for Prometheus. Counting a request adds one to a number. prom-client would hash the labels
 * anew at each count, so it gets the sums only when it is scraped.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Replica } from '../replica/replica.ts';
import type { WatchHub } from '../watch/hub/hub.ts';
import { ByRoute } from './byRoute.ts';
import type { WaitingRoom } from './wait/vectorWaits.ts';

/** One more than the greatest status. */
const STATUSES = 600;

export class RequestCounts {
  /** Requests by status. */
  readonly #counts = new ByRoute(() => new Float64Array(STATUSES));

  /** @param route the route's pattern; undefined where none matched. */
  count(route: string | undefined, method: string, status: number): void {
    const counts = this.#counts.of(route, method);
    counts[status] = (counts[status] ?? 0) + 1;
  }

  *sums(): Generator<{ route: string; method: string; status: number; requests: number }> {
    for (const { route, method, value } of this.#counts.all())
      for (const [status, requests] of value.entries())
        if (requests > 0) yield { route, method, status, requests };
  }
}

/** Registers figures that are read at each scrape. */
export class Figures {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  /** @throws Error if the registry holds the name already; so does `total`. */
  gauge(name: string, help: string, read: () => number): void {
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    new Gauge({ name, help, registers: this.#registers, collect });
  }

  /** @param read the values now, by the values of the label; those that it leaves out are told no more. */
  gauges<Label extends string>(
    name: string,
    help: string,
    label: Label,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const collect = function (this: Gauge): void {
      this.reset();
      for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number);
    };
    new Gauge({ name, help, labelNames: [label], registers: this.#registers, collect });
  }

  /** @param read the total since the start of the process. */
  total(name: string, help: string, read: () => number): void {
    const collect = function (this: Counter): void {
      this.reset();
      this.inc(read());
    };
    new Counter({ name, help, registers: this.#registers, collect });
  }

  /** @param read the totals since the start of the process, by the values of the label. */
  totals<Label extends string>(
    name: string,
    help: string,
    label: Label,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const collect = function (this: Counter): void {
      this.reset();
      for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
    };
    new Counter({ name, help, labelNames: [label], registers: this.#registers, collect });
  }
}

/** @throws Error if the registry holds the metrics already: a registry serves one app. */
export function registerMetrics(
  registry: Registry,
  requests: RequestCounts,
  replica: Replica,
): void {
  new Counter({
    name: 'hearsay_http_requests_total',
    help: 'Requests answered, by route, method and status.',
    labelNames: ['route', 'method', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { route, method, status, requests: count } of requests.sums())
        this.inc({ route, method, status }, count);
    },
  });
  const figures = new Figures(registry);
  figures.gauge('hearsay_queued_ops', 'Ops that wait undecided.', () => replica.queuedOps);
  figures.gauge('hearsay_queued_bytes', 'Bytes that wait undecided.', () => replica.queuedBytes);
  figures.gauge(
    'hearsay_recent_ops',
    'Ops kept in memory for peers that are nearly level.',
    () => replica.recent.size,
  );
  figures.gauge(
    'hearsay_recent_bytes',
    'Bytes of the ops kept in memory for peers.',
    () => replica.recent.bytes,
  );
  figures.gauge('hearsay_map_entries', 'Entries, dead ones included.', () => replica.map.size);
  figures.gauge(
    'hearsay_map_dead_entries',
    'Tombstones and swept entries.',
    () => replica.map.deadSize,
  );
  figures.gauge(
    'hearsay_map_bytes',
    'Bytes of entries in the map, without its indexes.',
    () => replica.map.bytes.entries,
  );
  figures.gauge(
    'hearsay_map_hole_bytes',
    'Bytes that overwritten and dropped entries have left, and room for new ones.',
    () => replica.map.bytes.holes,
  );
  figures.gauge(
    'hearsay_map_resident_bytes',
    'Bytes of the map in memory: entries, holes and indexes.',
    () => replica.map.bytes.used,
  );
  figures.gauge(
    'hearsay_map_cold_entries',
    'Entries whose values are only on the disk.',
    () => replica.map.coldSize,
  );
  figures.gauge(
    'hearsay_map_full_of_keys',
    '1 while keys fill the memory, and new ones get 507.',
    () => Number(replica.map.isFullOfKeys),
  );
  figures.total(
    'hearsay_value_hits_total',
    'Values that clients got from memory.',
    () => replica.reads.hits,
  );
  figures.total(
    'hearsay_value_disk_reads_total',
    'Values that were read from the disk.',
    () => replica.coldRows.reads,
  );
  figures.gauge(
    'hearsay_cold_reads',
    'Requests that wait for values from the disk.',
    () => replica.reads.waiting,
  );
  figures.total(
    'hearsay_cold_reads_refused_total',
    'Requests that were refused because too many waited for the disk.',
    () => replica.reads.refused,
  );
  figures.gauge('hearsay_disk_full', '1 while writes find no room on the disk.', () =>
    Number(replica.isDiskFull),
  );
  figures.gauge(
    'hearsay_log_lsn',
    'The last position in the log of this node.',
    () => replica.lastLsn,
  );
}

/** Figures of requests that carry many ops. */
export interface BatchCounts {
  /** Results that were left out because they made the answer too long. */
  leftOut: number;
}

export function registerBatchMetrics(
  registry: Registry,
  streams: { readonly underWay: number },
  batches: BatchCounts,
): void {
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_bulk_requests',
    'Requests of one op a line that are under way.',
    () => streams.underWay,
  );
  figures.total(
    'hearsay_batch_results_left_out_total',
    'Results of batches that were left out because they made the answer too long.',
    () => batches.leftOut,
  );
}

export function registerWatchMetrics(registry: Registry, hub: WatchHub, room: WaitingRoom): void {
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_waiting_requests',
    'Requests that wait for a write to come, or to be confirmed.',
    () => room.waiting,
  );
  figures.gauge(
    'hearsay_recent_events',
    'Events kept for watchers that are nearly level.',
    () => hub.timeline.size,
  );
  figures.gauge(
    'hearsay_recent_event_bytes',
    'Bytes of the events kept for watchers.',
    () => hub.timeline.bytes,
  );
  figures.gauge(
    'hearsay_recent_expiries',
    'Expiries remembered for watchers that connect again.',
    () => hub.record.size,
  );
  figures.gauge(
    'hearsay_watcher_buffer_bytes',
    'Bytes that wait for watchers.',
    () => hub.bufferedBytes,
  );
  figures.gauge('hearsay_watchers', 'Watchers, slow ones included.', () => hub.size);
  figures.gauge(
    'hearsay_watchers_behind',
    'Watchers that have not read to the end.',
    () => hub.behind,
  );
  figures.total(
    'hearsay_delivery_pauses_total',
    'Deliveries to watchers that waited, so that requests were answered between.',
    () => hub.pauses,
  );
  figures.total('hearsay_resets_total', 'Watchers told to start anew.', () => hub.resets);
}
