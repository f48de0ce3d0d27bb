/** One node: the adapters, the replica, the driver and the HTTP server, put together. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { Driver } from '../gossip/driver/driver.ts';
import type { PeerStatus } from '../gossip/protocol/peerStatus.ts';
import { GOSSIP_PATH, SocketTransport } from '../gossip/socket.ts';
import { answerRaw } from '../http/answer/answer.ts';
import { Problem } from '../http/answer/problem.ts';
import { createApp, type HttpLog } from '../http/app.ts';
import { AllowedOrigins } from '../http/request/pages.ts';
import { WATCH_PATH } from '../http/routes/watchRoute.ts';
import { createServer, drainable } from '../http/server.ts';
import { Watching } from '../http/watch/watching.ts';
import { LineThread } from '../log/files/lineThread.ts';
import { Compactor } from '../replica/compact.ts';
import { Replica } from '../replica/replica.ts';
import { HearsayError } from '../words/errors.ts';
import { seeded } from '../words/random.ts';
import { LogDirectory } from './dataDirectory.ts';
import { registerGossipMetrics } from './gossipMetrics.ts';
import type { NodeSettings } from './settings.ts';
import { packageVersion } from './version.ts';

/** What the node tells people; pino's loggers are such. */
export interface NodeLog extends HttpLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface NodeOptions {
  readonly logger: NodeLog;
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
/** Entries swept in one go; the rest follow in the next turn of the event loop. */
const SWEEP_LIMIT = 5000;
const DIAL_TIMEOUT_MS = 2000;
const PING_INTERVAL_MS = 5000;
const PULL_TIMEOUT_MS = 10_000;
const FIRST_REDIAL_MS = 200;
const MAX_REDIAL_MS = 2000;
const HEARING_MS = 15_000;
const MAX_PEER_CONNECTIONS = 256;
/** For the requests under way when the node stops. */
const CLOSE_GRACE_MS = 2000;
const DISK_FULL = 'The disk is full: writes are answered with 507 until space is freed.';
const COMPACT_MAX_INTERVAL_MS = 10 * 60_000;
const COMPACT_MIN_INTERVAL_MS = 1000;

/**
 * Starts a node and listens.
 *
 * @throws LockedDirectoryError, WrongDirectoryError, DamagedLogError, and what listening throws.
 */
export async function startNode(
  settings: NodeSettings,
  options: NodeOptions,
): Promise<RunningNode> {
  const { logger } = options;
  const note = (level: 'info' | 'warn', text: string): void => logger[level](text);
  const directory = new LogDirectory({
    directory: settings.dataDir,
    durability: settings.durability,
    clusterName: settings.cluster,
    newOrigin: () => newOrigin(settings.nodeId),
  });
  const log = await directory.open();
  const undo: (() => Promise<void>)[] = [() => directory.close()];
  try {
    const { nodeId, limits, dataDir: place } = settings;
    const replica = await Replica.open({ nodeId, log, place, clock: Date.now, limits });
    if (log.stoppedUncleanly) replica.membership.markForNewOrigin();
    const setAside = await directory.setAside(replica, (text) => note('warn', text));
    const transport = new SocketTransport(
      {
        token: settings.internalToken,
        maxMessageBytes: maxMessageBytes(settings),
        maxConnections: MAX_PEER_CONNECTIONS,
        dialTimeoutMs: DIAL_TIMEOUT_MS,
        pingIntervalMs: PING_INTERVAL_MS,
      },
      note,
    );
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => {}); // whoever waits for it is told
    replica.onFailure(failure.reject);
    const driver = new Driver({
      replica,
      transport,
      settings: coreSettings(settings),
      random: seeded(randomInt(2 ** 32)),
      steadyMs: () => performance.now(),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      note,
      newId: () => randomBytes(8).toString('hex'),
      newOrigin: () => newOrigin(settings.nodeId),
      logs: directory,
      setAside,
      fail: failure.reject,
      ...(options.losePush && { losePush: options.losePush }),
    });
    undo.push(() => driver.stop());
    const compactor = new Compactor(replica, settings.retentionMs);
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const peersThat = (is: (peer: PeerStatus) => boolean) => (): number =>
      driver.status().filter(is).length;
    registerGossipMetrics(registry, {
      replica,
      counts: () => driver.counts,
      rejected: () => transport.rejected,
      forked: () => driver.forked().length,
      compactedRows: () => compactor.removedRows,
      connectedPeers: peersThat(({ state }) => state === 'connected'),
      disagreeingPeers: peersThat(({ agrees }) => agrees === false),
    });
    const reader = new LineThread(settings.dataDir, () => replica.origin);
    undo.push(() => reader.close());
    const stopping = new AbortController();
    const urls = settings.url === null ? settings.nodes : [...settings.nodes, settings.url];
    const origins = new AllowedOrigins(settings.allowedOrigins, urls);
    const watching = new Watching({ ...settings, replica, origins, acks: driver });
    undo.push(async () => watching.stop());
    const app = createApp({
      replica,
      cluster: () => driver.status(),
      health: () => healthOf(replica, driver),
      maxClockSkewMs: settings.maxClockSkewMs,
      version: packageVersion(),
      log: logger,
      registry,
      watching,
      origins,
      tools: {
        token: settings.internalToken,
        reader,
        stopping: stopping.signal,
        members: () => driver.members(),
        compact: async (retentionMs) =>
          compactor.isRunning ? null : (await compactor.run(retentionMs ?? undefined)).rows,
      },
    });
    const server = createServer(app, limits);
    const drain = drainable(server);
    server.on('upgrade', (request, socket, head) => {
      const path = (request.url ?? '').split('?')[0];
      if (path === GOSSIP_PATH) transport.upgrade(request, socket, head);
      else if (path === WATCH_PATH) watching.upgrade(request, socket, head);
      else answerRaw(socket, new Problem(404, `The only WebSocket is at ${WATCH_PATH}.`));
    });
    await listen(server, settings);
    const compact = (): void => {
      compactor.run().catch((error: unknown) => {
        if (error instanceof HearsayError)
          note('info', `Compaction goes on later: ${error.message}`);
        else failure.reject(error);
      });
    };
    const endTimers = startTimers(replica, driver, compact, diskTeller(replica, note), settings);
    let closing: Promise<void> | null = null;
    const close = async (): Promise<void> => {
      endTimers();
      stopping.abort();
      watching.stop();
      await drain(CLOSE_GRACE_MS); // peers are still there for the pushes of the last writes
      await driver.stop();
      server.closeAllConnections();
      await reader.close();
      await replica.recordMapSum(settings.maxClockSkewMs).catch(() => {});
      await replica.suspend();
      await directory.close();
    };
    return {
      url: urlOf(server, settings),
      get origin() {
        return replica.origin;
      },
      replica,
      failure: failure.promise,
      close: () => (closing ??= close()),
    };
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => {});
    throw error;
  }
}

/** Six random characters keep a digest of three nodes within 200 bytes, and origins of one node apart. */
function newOrigin(nodeId: string): string {
  return `${nodeId}.${randomInt(36 ** 6)
    .toString(36)
    .padStart(6, '0')}`;
}

function coreSettings(settings: NodeSettings): ConstructorParameters<typeof Driver>[0]['settings'] {
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

function healthOf(
  replica: Replica,
  driver: Driver,
): { status: 'ok' | 'degraded' | 'failing'; reasons: string[] } {
  if (!replica.readiness.isWritable)
    return {
      status: 'failing',
      reasons: [`The node takes no writes yet: ${replica.readiness.whyUnwritable}.`],
    };
  const reasons: string[] = [];
  if (replica.isDiskFull) reasons.push(DISK_FULL);
  for (const origin of driver.forked())
    reasons.push(
      `Two different histories of ${origin} exist: nothing of it is taken until its node has rejoined.`,
    );
  for (const peer of driver.status())
    if (peer.agrees === false) reasons.push(`${peer.nodeId} holds the same ops but another map.`);
  return { status: reasons.length > 0 ? 'degraded' : 'ok', reasons };
}

function startTimers(
  replica: Replica,
  driver: Driver,
  compact: () => void,
  tellOfDisk: () => void,
  { retentionMs }: NodeSettings,
): () => void {
  const tick = setInterval(() => {
    driver.tick();
    tellOfDisk();
  }, TICK_MS);
  const sweep = setInterval(() => sweepAll(replica), SWEEP_MS);
  const interval = Math.min(
    COMPACT_MAX_INTERVAL_MS,
    Math.max(COMPACT_MIN_INTERVAL_MS, retentionMs / 4),
  );
  const compacting = setInterval(compact, interval);
  driver.tick();
  return () => {
    clearInterval(tick);
    clearInterval(sweep);
    clearInterval(compacting);
  };
}

/** @returns what is to be called a few times a second: each change is told once. */
function diskTeller(
  replica: Replica,
  note: (level: 'info' | 'warn', text: string) => void,
): () => void {
  let wasFull = false;
  return () => {
    if (replica.isDiskFull === wasFull) return;
    wasFull = replica.isDiskFull;
    if (wasFull) note('warn', DISK_FULL);
    else note('info', 'The disk has room again: writes are stored.');
  };
}

/** Many that expire at once are swept over several turns, so that requests come in between. */
function sweepAll(replica: Replica): void {
  if (replica.sweep(SWEEP_LIMIT).expired.length === SWEEP_LIMIT)
    setImmediate(() => sweepAll(replica));
}

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
