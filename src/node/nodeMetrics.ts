/** The metrics of a node beside those of its surface. */
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { PROTOCOL_RANGE } from '../gossip/protocol/messages.ts';
import type { SocketTransport } from '../gossip/socket/socket.ts';
import { Figures } from '../http/metrics.ts';
import type { ReadValues } from '../store/readValues.ts';
import { registerCheckpointMetrics } from './checkpointMetrics.ts';
import type { DiskSpace } from './diskSpace.ts';
import type { Engine } from './engine.ts';
import { registerGossipMetrics } from './gossipMetrics.ts';
import { packageVersion } from './version.ts';

const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export interface Measured {
  readonly engine: Engine;
  readonly transport: SocketTransport;
  readonly disk: DiskSpace;
  readonly readValues: ReadValues;
  /** Lines of the log that could not be written, since the start. */
  readonly droppedLogLines: () => number;
}

/** @throws Error if the registry holds them already. */
export function registerNodeMetrics(
  registry: Registry,
  { engine, transport, disk, readValues, droppedLogLines }: Measured,
): void {
  const { replica, driver, compactor } = engine;
  collectDefaultMetrics({ register: registry });
  // Gauges whose names are those of counters, which `promtool check metrics` refuses; others tell the same by type.
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  registerBuild(registry);
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_read_value_bytes',
    'Bytes of values that the program around the node has read, kept ready for it.',
    () => readValues.bytes,
  );
  figures.total(
    'hearsay_log_lines_dropped_total',
    'Log lines that could not be written, or that a slow reader left no room for.',
    droppedLogLines,
  );
  registerDiskMetrics(registry, disk);
  registerCheckpointMetrics(registry, engine);
  registerGossipMetrics(registry, {
    replica,
    counts: () => driver.counts,
    rejected: () => transport.refused,
    unproved: () => transport.unproved,
    openBy: () => transport.openBy,
    paused: () => transport.pauses,
    conduct: () => driver.conduct,
    refusedPeers: () => driver.refusals().length,
    logsAside: () => driver.logsAside,
    forked: () => driver.forked().length,
    compactedRows: () => compactor.removedRows,
    peers: () => driver.status(),
    ring: () => driver.ring,
  });
}

function registerBuild(registry: Registry): void {
  const labels = {
    version: packageVersion(),
    node_version: process.version,
    protocol: String(PROTOCOL_RANGE[1]),
  };
  new Gauge({
    name: 'hearsay_build_info',
    help: 'Always 1; its labels tell the version of the package, of Node, and of the protocol.',
    labelNames: Object.keys(labels),
    registers: [registry],
  }).set(labels, 1);
}

function registerDiskMetrics(registry: Registry, disk: DiskSpace): void {
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_disk_free_bytes',
    'Room on the disk of the log; NaN if unknown.',
    () => disk.freeBytes ?? Number.NaN,
  );
  figures.gauge(
    'hearsay_database_bytes',
    'Size of the database, without its write-ahead log.',
    () => disk.databaseBytes,
  );
  figures.gauge(
    'hearsay_write_ahead_log_bytes',
    'Size of the write-ahead log; it grows while a reader keeps it from being cut.',
    () => disk.writeAheadLogBytes,
  );
}
