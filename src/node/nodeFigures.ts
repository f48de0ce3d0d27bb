/** The state of a node in figures, as `GET /_figures` shows it. */
import type { RequestCounts } from '../http/metrics.ts';
import { RecentRates, requestTotals } from '../http/recentRates.ts';
import type { NodeFigures } from '../http/routes/figuresRoutes.ts';
import type { DiskSpace } from './diskSpace.ts';
import type { Engine } from './engine.ts';
import { lagMs } from './peerLag.ts';
import { packageVersion } from './version.ts';

const startedAtMs = Date.now() - Math.round(process.uptime() * 1000);
const version = packageVersion();

export interface FigureSources {
  readonly engine: Engine;
  readonly disk: DiskSpace;
  /** Bytes of the map above which values are dropped; null for no bound. */
  readonly maxMemory: number | null;
  /** Connections that are open. */
  readonly connections: number;
}

export function nodeFigures(sources: FigureSources): NodeFigures {
  const { engine, disk, maxMemory, connections } = sources;
  const { replica, checkpointer, proving, driver } = engine;
  const { map } = replica;
  const { rss, heapUsed } = process.memoryUsage();
  const { stableClock } = replica.header;
  return {
    version,
    startedAtMs,
    memoryBytes: { process: rss, heap: heapUsed, map: map.bytes.used },
    maxMapBytes: maxMemory,
    entries: { live: map.size - map.deadSize, dead: map.deadSize, cold: map.coldSize },
    diskBytes: {
      free: disk.freeBytes,
      database: disk.databaseBytes,
      writeAheadLog: disk.writeAheadLogBytes,
    },
    checkpoint: {
      lagRows: replica.lastLsn - checkpointer.coveredLsn,
      bytes: checkpointer.last?.bytes ?? 0,
      failures: checkpointer.failures,
    },
    proved: proving.share,
    forked: driver.forked(),
    stableAtMs: stableClock < 0 ? null : stableClock,
    peerLagMs: peerLags(engine),
    connections,
  };
}

function peerLags({ replica, driver }: Engine): Record<string, number> {
  const last = { origin: replica.origin, seq: replica.record(replica.origin).seq };
  const lags: Record<string, number> = {};
  for (const { origin, state, confirmedSeq } of driver.status())
    if (origin !== null && confirmedSeq !== null && state === 'connected')
      lags[origin] = Math.round(lagMs(replica.recent, last, confirmedSeq, replica.nowMs()));
  return lags;
}

export function recentRates({ replica, hub }: Engine, requests: RequestCounts): RecentRates {
  const totals = () => ({
    writes: replica.record(replica.origin).seq,
    ...requestTotals(requests),
    watchers: hub.size,
  });
  return new RecentRates(totals, Date.now());
}
