/** One node: the adapters, the engine and the HTTP server, put together. */
import { lookup as lookUp } from 'node:dns/promises';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { maxMessageBytes } from '../gossip/border/bounds.ts';
import type { RingStatus } from '../gossip/protocol/ringStatus.ts';
import { type SocketSettings, SocketTransport } from '../gossip/socket/socket.ts';
import { ClientCertificates } from '../http/access/certificates.ts';
import type { HttpLog, RequestLog } from '../http/exchange.ts';
import type { ClusterSecrets } from '../net/clusterSecrets.ts';
import { PeerTls } from '../net/peerTls.ts';
import type { Replica } from '../replica/replica.ts';
import type { EntryStore } from '../store/entryStore.ts';
import { ReadValues } from '../store/readValues.ts';
import type { WatchHub } from '../watch/hub/hub.ts';
import { BrokenInvariantError } from '../words/errors.ts';
import type { Note, NoteFacts } from '../words/note.ts';
import type { Tracer } from '../words/trace.ts';
import { openAccess, registerAccessMetrics } from './access.ts';
import { AuditLog } from './auditLog.ts';
import { ClusterTokens, registerTokenMetrics } from './clusterTokens.ts';
import { LogDirectory, warnOfReaders } from './dataDirectory.ts';
import { DiskSpace } from './diskSpace.ts';
import { Engine, openLogs } from './engine.ts';
import { engineOptions } from './engineOptions.ts';
import { giveBackHeap } from './leanHeap.ts';
import { NameResolver } from './nameResolver.ts';
import { newEntries } from './newEntries.ts';
import { newOrigin } from './newOrigin.ts';
import { NodeLogs } from './nodeLogs.ts';
import { registerNodeMetrics } from './nodeMetrics.ts';
import { noteSentence } from './noteSentence.ts';
import { openingProgress } from './openingProgress.ts';
import { checkPortOfNewLog } from './portCheck.ts';
import type { NodeSettings } from './settings.ts';
import { peersAlone, type Surface, type SurfaceOptions, surfaceOf } from './surface.ts';
import { Timings } from './timings.ts';
import { NodeTls, registerTlsMetrics } from './tls.ts';
import { openTracer } from './tracing.ts';

/** Gets the node's messages to people. */
export interface NodeLog extends HttpLog {
  /** Without it, such messages are dropped. @param facts the message for machines. */
  debug?(message: string, facts?: NoteFacts): void;
  info(message: string, facts?: NoteFacts): void;
  warn(message: string, facts?: NoteFacts): void;
}

export interface NodeOptions {
  readonly logger: NodeLog;
  /** Gets one line for each request that was answered; absent if nobody reads them. */
  readonly requestLog?: RequestLog | undefined;
  /** Lines of the log that could not be written, since the start; absent if nobody counts them. */
  readonly droppedLogLines?: () => number;
  /** Only for tests: the addresses of a name; by default the machine's own answer. */
  readonly lookup?: (name: string) => Promise<readonly string[]>;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

/** A node that serves clients, or its peers alone, or nobody. */
export interface Member {
  /** The URL at which the node serves clients; null if it does not. */
  readonly url: string | null;
  /** The URL at which it listens for peers alone; null if they come to `url`. */
  readonly peerUrl: string | null;
  readonly origin: string;
  readonly replica: Replica;
  readonly hub: WatchHub;
  /** Values that the program around the node has read. */
  readonly readValues: ReadValues;
  /** For the calls of the program around the node. */
  readonly tracer: Tracer;
  /** The number of peers with which it is connected now: each has shown to be of its cluster. */
  connectedPeers(): number;
  /** The ring after it; null up to `mesh-limit` members, where every node is connected with every other. */
  ring(): RingStatus | null;
  /** Rejects once the node can't go on. */
  readonly failure: Promise<never>;
  /** The metrics, as Prometheus reads them. */
  metrics(): Promise<string>;
  /** Reads the files of tokens and certificates again. */
  reload(): void;
  /** Stops serving, tells peers, closes the log. */
  close(): Promise<void>;
}

export interface RunningNode extends Member {
  /** The URL at which the node listens. */
  readonly url: string;
}

const DIAL_TIMEOUT_MS = 2000;
const PROOF_TIMEOUT_MS = 5000;
const PING_INTERVAL_MS = 5000;

/** As this machine knows the name, its file of hosts included. */
const addressesOf = async (name: string): Promise<readonly string[]> =>
  (await lookUp(name, { all: true })).map(({ address }) => address);

/**
 * Starts a node and listens.
 *
 * @throws LockedDirectoryError, WrongDirectoryError, DamagedLogError, and the errors of listening.
 */
export async function startNode(
  settings: NodeSettings,
  options: NodeOptions,
): Promise<RunningNode> {
  const node = await start(settings, options, surfaceOf);
  if (servesClients(node)) return node;
  throw new BrokenInvariantError('a node with a port for clients has a URL');
}

const servesClients = (node: Member): node is RunningNode => node.url !== null;

/**
 * Starts a node without a port for clients: it listens for peers at `peerPort`, and nowhere without one.
 *
 * @throws the errors of `startNode`.
 */
export const startMember = (settings: NodeSettings, options: NodeOptions): Promise<Member> =>
  start(settings, options, peersAlone);

async function start(
  settings: NodeSettings,
  { logger, requestLog, losePush, droppedLogLines = () => 0, lookup = addressesOf }: NodeOptions,
  makeSurface: (options: SurfaceOptions) => Surface,
): Promise<Member> {
  const audit =
    settings.auditLog === null
      ? null
      : new AuditLog(settings.auditLog, settings, (text) => logger.warn(text));
  const note: Note = (level, text, facts) => {
    if (facts === undefined) {
      logger[level]?.(text);
      return;
    }
    const sentence = noteSentence(text, facts);
    logger[level]?.(sentence, facts);
    audit?.note(sentence, facts);
  };
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // callers who wait for `failure` get the error
  await using undo = new AsyncDisposableStack();
  undo.defer(() => audit?.close());
  const tokens = new ClusterTokens(settings, note);
  undo.defer(() => tokens.stop());
  const { secrets } = tokens;
  await checkPortOfNewLog(settings, makeSurface !== peersAlone);
  const tls = new NodeTls(settings, note, Date.now);
  undo.defer(() => tls.stop());
  const tracer = await openTracer(note);
  const registry = new Registry();
  const timings = new Timings(registry, Date.now());
  const directory = new LogDirectory({
    ...directoryOptions(settings),
    committed: (times) => timings.stored(times),
  });
  const logs = new NodeLogs(directory);
  undo.defer(() => logs.close());
  const { nodeId, limits } = settings;
  const place = resolve(settings.dataDir);
  const opened = await openLogs({
    logs,
    nodeId,
    place,
    limits,
    note,
    tracer,
    newEntries: () => newEntries(settings.maxMemory),
    clock: Date.now,
    times: {
      endOfTurn: () => new Promise(setImmediate),
      steadyMs: () => performance.now(),
    },
    onProgress: openingProgress(note),
  });
  const { lastLsn, restoredLsn } = opened.replica;
  giveBackHeap(lastLsn - (restoredLsn ?? 0));
  warnOfReaders(place, (text) => note('warn', text));
  const disk = new DiskSpace(place);
  const options = engineOptions(settings);
  const { instance } = options.settings;
  const peerTls = new PeerTls({
    cluster: settings.cluster,
    material: () => tls.peers,
    isMutual: settings.peerAuth === 'mtls',
    isRequired: settings.peerAuth === 'mtls' || settings.tls === 'require',
  });
  const transport = new SocketTransport(socketSettings(settings, secrets, peerTls), {
    life: () => ({ origin: opened.replica.origin, instance }),
    note,
    refused: (address) => audit?.wrongToken(address),
  });
  tokens.onChange(() => transport.closeUnknown());
  tls.onChange(() => transport.closeUncertified());
  const engine = new Engine({
    ...opened,
    ...options,
    transport,
    note,
    tracer,
    isLogInPlace: () => directory.isInPlace,
    freeBytes: () => disk.freeBytes,
    fail: failure.reject,
    pulled: (durationMs) => timings.pulled(durationMs),
    ...(losePush && { losePush }),
  });
  undo.defer(() => engine.stop().catch(() => {}));
  undo.defer(() => engine.quiesce());
  engine.replica.onCommit((committed) => timings.committed(committed));
  const readValues = readValuesOf(engine.replica.map, settings);
  registerNodeMetrics(registry, { engine, transport, disk, readValues, droppedLogLines });
  const certificates =
    settings.tlsClientCa === null
      ? null
      : new ClientCertificates(() => tls.clients.authorities, Date.now);
  undo.defer(() => certificates?.stop());
  const access = await openAccess(settings, secrets, note, certificates);
  undo.defer(() => access.stop());
  access.callers.onWrong = (address) => audit?.wrongToken(address);
  registerTlsMetrics(registry, tls);
  registerTokenMetrics(registry, tokens);
  registerAccessMetrics(registry, access, () => audit?.dropped ?? 0);
  const surface = makeSurface({
    settings,
    tls,
    callers: access.callers,
    audit: audit && ((entry) => audit.write(entry)),
    engine,
    transport,
    disk,
    registry,
    log: logger,
    note,
    requestLog,
    tracer,
  });
  undo.defer(() => surface.close());
  const names = new NameResolver({
    urls: settings.nodes,
    lookup,
    resolved: (url, addresses) => {
      peerTls.resolved(url, addresses);
      engine.driver.resolved(url, addresses);
    },
  });
  await surface.listen();
  if (surface.url !== null) access.serves(surface.url);
  names.start();
  engine.start();
  undo.move(); // the node closes itself from here on
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    surface.leave();
    names.stop();
    if (settings.leaveDelayMs > 0) await wait(settings.leaveDelayMs);
    engine.quiesce();
    await surface.drain(); // peers are still there for the pushes of the last writes
    await engine.stop();
    await surface.close();
    access.stop();
    certificates?.stop();
    tls.stop();
    tokens.stop();
    await logs.close();
    await audit?.close();
  };
  return {
    url: surface.url,
    peerUrl: surface.peerUrl,
    get origin() {
      return engine.replica.origin;
    },
    replica: engine.replica,
    hub: engine.hub,
    readValues,
    tracer,
    connectedPeers: () =>
      engine.driver.status().filter(({ state }) => state === 'connected').length,
    ring: () => engine.driver.ring,
    failure: failure.promise,
    metrics: () => registry.metrics(),
    reload: () => {
      access.reload();
      tls.reload();
      tokens.reload();
      audit?.reopen();
    },
    close: () => (closing ??= close()),
  };
}

/** Where memory has a bound, a value in it twice would take the place of another one. */
function readValuesOf(map: EntryStore, { maxMemory, limits }: NodeSettings): ReadValues {
  return new ReadValues(map, maxMemory === null ? limits.maxReadValueBytes : 0);
}

const directoryOptions = (
  settings: NodeSettings,
): ConstructorParameters<typeof LogDirectory>[0] => ({
  directory: settings.dataDir,
  durability: settings.durability,
  clusterName: settings.cluster,
  newOrigin: () => newOrigin(settings.nodeId),
});

const socketSettings = (
  settings: NodeSettings,
  secrets: ClusterSecrets,
  tls: PeerTls,
): SocketSettings => ({
  peerAuth: settings.peerAuth,
  secrets,
  tls,
  cluster: settings.cluster,
  maxMessageBytes: maxMessageBytes(settings.limits),
  maxMessagesPerSecond: settings.limits.maxPeerMessagesPerSecond,
  maxConnections: settings.limits.maxPeerConnections,
  maxUnproved: settings.limits.maxUnprovedPeers,
  proofTimeoutMs: PROOF_TIMEOUT_MS,
  dialTimeoutMs: DIAL_TIMEOUT_MS,
  pingIntervalMs: PING_INTERVAL_MS,
});
