/** The answers of one node about itself and its cluster, at one moment. */
import type { ClusterView } from '../remote/clusterMembers.ts';
import { type Samples, sumOf } from './metricsText.ts';

export interface NodeHealth {
  readonly status: 'ok' | 'degraded' | 'failing';
  /** One sentence each. */
  readonly reasons: readonly string[];
}

export interface NodeReport extends ClusterView {
  /** The URL at which it was asked. */
  readonly url: string;
  /** The node's own clock when it told its members, UTC milliseconds; null if it does not tell it. */
  readonly clockMs: number | null;
  readonly health: NodeHealth;
  /** Null if the node told no metrics. */
  readonly figures: Figures | null;
}

/** Figures of a node; null if it is of a release that does not tell it. */
export interface Figures {
  readonly version: string | null;
  /** UTC milliseconds. */
  readonly startedAtMs: number | null;
  /** The time since its start by its own clock, which may be another than that of the asker, in milliseconds. */
  readonly upMs: number | null;
  readonly entries: number | null;
  readonly watchers: number | null;
  readonly memoryBytes: number | null;
  readonly databaseBytes: number | null;
  readonly diskFreeBytes: number | null;
  /** Totals since its start. */
  readonly reads: number | null;
  readonly conflicts: number | null;
  readonly processorSeconds: number | null;
  /** Age of the oldest of its own ops that a peer lacks, by the node id of the peer, in milliseconds. */
  readonly peerLagMs: ReadonlyMap<string, number>;
}

/** @param nowMs the node's clock when it told them, UTC milliseconds; null if it is unknown. */
export function figuresOf(samples: Samples, nowMs: number | null): Figures {
  const of = (name: string): number | null => sumOf(samples, name);
  const requests = (matches: (labels: Readonly<Record<string, string>>) => boolean) =>
    sumOf(
      samples,
      'hearsay_http_requests_total',
      (labels) => isOfEntries(labels.route) && matches(labels),
    );
  const startedSeconds = of('process_start_time_seconds');
  const startedAtMs = startedSeconds === null ? null : startedSeconds * 1000;
  return {
    version: samples.get('hearsay_build_info')?.[0]?.labels.version ?? null,
    startedAtMs,
    upMs: startedAtMs === null || nowMs === null ? null : nowMs - startedAtMs,
    entries: liveEntries(of('hearsay_map_entries'), of('hearsay_map_dead_entries')),
    watchers: of('hearsay_watchers'),
    memoryBytes: of('process_resident_memory_bytes'),
    databaseBytes: of('hearsay_database_bytes'),
    diskFreeBytes: of('hearsay_disk_free_bytes'),
    reads: requests(({ method }) => method === 'GET' || method === 'HEAD'),
    conflicts: requests(({ status }) => status === '409' || status === '412'),
    processorSeconds: of('process_cpu_seconds_total'),
    peerLagMs: new Map(
      (samples.get('hearsay_peer_lag_seconds') ?? []).map(
        ({ labels, value }) => [labels.peer ?? '', value * 1000] as const,
      ),
    ),
  };
}

/** Deleted and expired entries are in the map until they are collected, and are no keys to a client. */
const liveEntries = (all: number | null, dead: number | null): number | null =>
  all === null ? null : all - (dead ?? 0);

const isOfEntries = (route: string | undefined): boolean => route?.startsWith('/cache') === true;
