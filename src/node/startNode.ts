/** One node: the adapters, the engine and the HTTP server, put together. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { GOSSIP_PATH, SocketTransport } from '../gossip/socket.ts';
import { createApp, type HttpLog } from '../http/app.ts';
import { Connections } from '../http/connections.ts';
import { Figures } from '../http/metrics.ts';
import { AllowedPages } from '../http/request/pages.ts';
import { WATCH_PATH } from '../http/routes/watchRoute.ts';
import { createServer, drainable, takeUpgrades } from '../http/server.ts';
import { WatchService } from '../http/watch/service.ts';
import { LineThread } from '../log/files/lineThread.ts';
import type { Replica } from '../replica/replica.ts';
import { seeded } from '../words/random.ts';
import { LogDirectory } from './dataDirectory.ts';
import { Engine, type EngineOptions, type Note, openLogs, type Timers } from './engine.ts';
import { registerGossipMetrics } from './gossipMetrics.ts';
import { healthOf } from './health.ts';
import { NodeLogs } from './nodeLogs.ts';
import { maxOpenFiles } from './openFiles.ts';
import type { NodeSettings } from './settings.ts';
import { packageVersion } from './version.ts';

/** Where the node tells people; pino's loggers are such. */
export interface NodeLog extends HttpLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface NodeOptions {
  readonly logger: NodeLog;
  /** Lines of the log that could not be written, since the start; absent where nobody counts them. */
  readonly droppedLogLines?: () => number;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

export interface RunningNode {
  /** Where it listens. */
  readonly url: string;
  readonly origin: string;
  readonly replica: Replica;
  /** Rejects once the node can not go on. */
  readonly failure: Promise<never>;
  /** Stops serving, tells peers, closes the log. */
  close(): Promise<void>;
}

const TICK_MS = 50;
const SWEEP_MS = 100;
const SWEPT_AT_ONCE = 5000;
const DIAL_TIMEOUT_MS = 2000;
const PING_INTERVAL_MS = 5000;
const PULL_TIMEOUT_MS = 10_000;
const FIRST_REDIAL_MS = 200;
const MAX_REDIAL_MS = 2000;
const HEARING_MS = 15_000;
const MAX_PEER_CONNECTIONS = 256;
/** Files of the node that are no connections of clients: the log, its threads, peers. */
const OWN_FILES = 128;
/** For the requests under way when the node stops. */
const CLOSE_GRACE_MS = 2000;
const COMPACT_MAX_INTERVAL_MS = 10 * 60_000;
const COMPACT_MIN_INTERVAL_MS = 1000;

/**
 * Starts a node and listens.
 *
 * @throws LockedDirectoryError, WrongDirectoryError, DamagedLogError, and what listening throws.
 */
export async function startNode(
  settings: NodeSettings,
  { logger, losePush, droppedLogLines = () => 0 }: NodeOptions,
): Promise<RunningNode> {
  const note: Note = (level, text) => logger[level](text);
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // whoever waits for it is told
  await using undo = new AsyncDisposableStack();
  const logs = new NodeLogs(new LogDirectory(directoryOptions(settings)));
  undo.defer(() => logs.close());
  const { nodeId, limits, dataDir: place } = settings;
  const opened = await openLogs({ logs, nodeId, place, limits, note, clock: Date.now });
  const transport = transportOf(settings, note);
  const engine = new Engine({
    ...opened,
    ...engineOptions(settings),
    transport,
    note,
    fail: failure.reject,
    ...(losePush && { losePush }),
  });
  undo.defer(() => engine.stop().catch(() => {}));
  undo.defer(() => engine.quiesce());
  const registry = registryOf(engine, transport, droppedLogLines);
  const surface = surfaceOf(settings, engine, transport, registry, logger);
  undo.defer(() => surface.close());
  await listen(surface.server, settings);
  engine.start();
  undo.move(); // the node closes itself from here on
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    engine.quiesce();
    await surface.drain(); // peers are still there for the pushes of the last writes
    await engine.stop();
    await surface.close();
    await logs.close();
  };
  return {
    url: urlOf(surface.server, settings),
    get origin() {
      return engine.replica.origin;
    },
    replica: engine.replica,
    failure: failure.promise,
    close: () => (closing ??= close()),
  };
}

/** Everything that listens on the node's port. */
interface Surface {
  readonly server: Server;
  /** Takes no more requests and waits a moment for those under way. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

function surfaceOf(
  settings: NodeSettings,
  engine: Engine,
  transport: SocketTransport,
  registry: Registry,
  logger: NodeLog,
): Surface {
  const { replica, driver, hub } = engine;
  const reader = new LineThread(settings.dataDir, () => replica.origin);
  const stopping = new AbortController();
  const urls = settings.url === null ? settings.nodes : [...settings.nodes, settings.url];
  const pages = new AllowedPages(settings.allowedOrigins, urls);
  const connections = new Connections({
    limits: { ...settings.limits, maxConnections: maxConnections(settings) },
    sendTimeoutMs: settings.sendTimeoutMs,
  });
  const watches = new WatchService({
    replica,
    hub,
    pages,
    acks: driver,
    limits: settings.limits,
    waitTimeoutMs: settings.waitTimeoutMs,
    watchPingIntervalMs: settings.watchPingIntervalMs,
    connections,
  });
  const app = createApp({
    connections,
    replica,
    peers: () => driver.status(),
    health: () => healthOf(replica, driver, engine.settings),
    maxClockSkewMs: settings.maxClockSkewMs,
    version: packageVersion(),
    log: logger,
    registry,
    watches,
    pages,
    tools: {
      token: settings.internalToken,
      reader,
      stopping: stopping.signal,
      members: () => driver.members(),
      compact: (retentionMs) => compacted(engine, retentionMs),
    },
  });
  const server = createServer(app, connections, settings.limits);
  const drain = drainable(server);
  takeUpgrades(server, connections, {
    [GOSSIP_PATH]: { take: (...upgrade) => transport.upgrade(...upgrade), isForPeers: true },
    [WATCH_PATH]: { take: (...upgrade) => watches.upgrade(...upgrade) },
  });
  return {
    server,
    drain: async () => {
      stopping.abort();
      watches.stop();
      await drain(CLOSE_GRACE_MS);
    },
    close: async () => {
      watches.stop();
      server.closeAllConnections();
      await reader.close();
    },
  };
}

/** Fewer than are set where the process may open fewer files than that and those of the node. */
const maxConnections = ({ limits }: NodeSettings): number =>
  Math.max(1, Math.min(limits.maxConnections, maxOpenFiles() - OWN_FILES));

/** @returns how many rows went; null while another run goes on. */
async function compacted(
  { compactor }: Engine,
  retentionMs: number | null,
): Promise<number | null> {
  if (compactor.isRunning) return null;
  return (await compactor.run(retentionMs ?? undefined)).rows;
}

function registryOf(
  { replica, driver, compactor }: Engine,
  transport: SocketTransport,
  droppedLogLines: () => number,
): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Figures(registry).total(
    'hearsay_log_lines_dropped_total',
    'Log lines that could not be written, or that a slow reader left no room for.',
    droppedLogLines,
  );
  registerGossipMetrics(registry, {
    replica,
    counts: () => driver.counts,
    rejected: () => transport.rejected,
    forked: () => driver.forked().length,
    compactedRows: () => compactor.removedRows,
    connectedPeers: () => driver.status().filter(({ state }) => state === 'connected').length,
    disagreeingPeers: () => driver.status().filter(({ agrees }) => agrees === false).length,
  });
  return registry;
}

const directoryOptions = (
  settings: NodeSettings,
): ConstructorParameters<typeof LogDirectory>[0] => ({
  directory: settings.dataDir,
  durability: settings.durability,
  clusterName: settings.cluster,
  newOrigin: () => newOrigin(settings.nodeId),
});

/** Six random characters keep a digest of three nodes within 200 bytes, and origins of one node apart. */
function newOrigin(nodeId: string): string {
  return `${nodeId}.${randomInt(36 ** 6)
    .toString(36)
    .padStart(6, '0')}`;
}

function transportOf(settings: NodeSettings, note: Note): SocketTransport {
  const options = {
    token: settings.internalToken,
    maxMessageBytes: maxMessageBytes(settings),
    maxConnections: MAX_PEER_CONNECTIONS,
    dialTimeoutMs: DIAL_TIMEOUT_MS,
    pingIntervalMs: PING_INTERVAL_MS,
  };
  return new SocketTransport(options, note);
}

function engineOptions(
  settings: NodeSettings,
): Pick<
  EngineOptions,
  | 'settings'
  | 'retentionMs'
  | 'intervals'
  | 'sweptAtOnce'
  | 'timers'
  | 'random'
  | 'newId'
  | 'newOrigin'
> {
  const { retentionMs, bookmarkIntervalMs } = settings;
  const compactMs = Math.min(
    COMPACT_MAX_INTERVAL_MS,
    Math.max(COMPACT_MIN_INTERVAL_MS, retentionMs / 4),
  );
  return {
    settings: coreSettings(settings),
    retentionMs,
    intervals: {
      tickMs: TICK_MS,
      sweepMs: SWEEP_MS,
      compactMs,
      bookmarkMs: bookmarkIntervalMs,
    },
    sweptAtOnce: SWEPT_AT_ONCE,
    timers: nodeTimers,
    random: seeded(randomInt(2 ** 32)),
    newId: () => randomBytes(8).toString('hex'),
    newOrigin: () => newOrigin(settings.nodeId),
  };
}

const nodeTimers: Timers = {
  steadyMs: () => performance.now(),
  every: (intervalMs, _purpose, run) => {
    const timer = setInterval(run, intervalMs);
    return () => clearInterval(timer);
  },
  defer: (run) => {
    setImmediate(run);
  },
};

function coreSettings(settings: NodeSettings): EngineOptions['settings'] {
  return {
    nodeId: settings.nodeId,
    cluster: settings.cluster,
    instance: randomBytes(8).toString('hex'),
    urls: settings.nodes,
    url: settings.url,
    pullIntervalMs: settings.pullIntervalMs,
    pullTimeoutMs: PULL_TIMEOUT_MS,
    maxClockSkewMs: settings.maxClockSkewMs,
    joinTimeoutMs: settings.joinTimeoutMs,
    memberTimeoutMs: settings.memberTimeoutMs,
    hearingMs: Math.min(HEARING_MS, settings.memberTimeoutMs / 2),
    firstRedialMs: FIRST_REDIAL_MS,
    maxRedialMs: MAX_REDIAL_MS,
  };
}

/** A value on the wire is a JSON string of JSON text: at most twice as long, and one op may be a whole body. */
const maxMessageBytes = ({ limits }: NodeSettings): number =>
  4 * limits.maxBodyBytes + 4 * limits.maxDeltaBytes + 64 * 1024;

function listen(server: Server, { host, port }: NodeSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server, { host }: NodeSettings): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
