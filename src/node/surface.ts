/** Everything that listens on the node's ports: REST, watches, and the WebSockets of peers. */
import type { Registry } from 'prom-client';
import type { Audit } from '../access/audit.ts';
import type { HostRule } from '../access/hosts.ts';
import { GOSSIP_PATH } from '../gossip/socket/opening.ts';
import type { SocketTransport } from '../gossip/socket/socket.ts';
import type { Callers } from '../http/access/callers.ts';
import { createApp } from '../http/app.ts';
import type { HttpLog, RequestLog } from '../http/exchange.ts';
import { Bounds } from '../http/limits/bounds.ts';
import { RequestCounts } from '../http/metrics.ts';
import { PageFiles } from '../http/page/pageFiles.ts';
import { STEP_MS } from '../http/recentRates.ts';
import { AllowedPages } from '../http/request/pages.ts';
import type { NodeFigures } from '../http/routes/figuresRoutes.ts';
import type { PageRouteOptions } from '../http/routes/pageRoutes.ts';
import { WATCH_PATH } from '../http/routes/watchRoute.ts';
import { createServer, drain, takeUpgrades, type UpgradeTaker } from '../http/server.ts';
import { WatchService } from '../http/watch/service.ts';
import { LineThread } from '../log/files/lineThread.ts';
import { Networks } from '../net/networks.ts';
import type { Replica } from '../replica/replica.ts';
import type { Note } from '../words/note.ts';
import type { Tracer } from '../words/trace.ts';
import { connectionsNote, noteFewFiles } from './connectionNotes.ts';
import type { DiskSpace } from './diskSpace.ts';
import type { Engine } from './engine.ts';
import { type Health, healthOf, LEAVING } from './health.ts';
import { collectGarbage, heapShare } from './leanHeap.ts';
import { listen, urlOf } from './listening.ts';
import { isLoopback } from './loopback.ts';
import { nodeFigures, recentRates } from './nodeFigures.ts';
import { maxOpenFiles } from './openFiles.ts';
import { pagePlaceOfPackage } from './pagePlaceOfPackage.ts';
import { peerSurfaceOf } from './peerSurface.ts';
import { clientPort, followCertificates, serverTls } from './serverTls.ts';
import type { NodeSettings } from './settings.ts';
import { shedNote } from './shedNote.ts';
import type { NodeTls } from './tls.ts';
import { packageVersion } from './version.ts';

export interface Surface {
  /** The URL at which the node serves clients; null if it does not. */
  readonly url: string | null;
  /** The URL at which it listens for peers alone; null if they come to `url`. */
  readonly peerUrl: string | null;
  /** @throws the errors of listening: a port is taken, or not allowed. */
  listen(): Promise<void>;
  /** Still serves, and sends its clients elsewhere. */
  leave(): void;
  /** Takes no more requests and waits a moment for those under way. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface SurfaceOptions {
  readonly settings: NodeSettings;
  readonly tls: NodeTls;
  readonly callers: Callers;
  readonly audit: Audit | null;
  readonly engine: Engine;
  readonly transport: SocketTransport;
  readonly disk: DiskSpace;
  readonly registry: Registry;
  readonly log: HttpLog;
  readonly note: Note;
  readonly requestLog: RequestLog | undefined;
  readonly tracer: Tracer;
}

/**
 * File descriptors that the node needs for other things than clients' connections: the log, its
 * threads, peers.
 */
const OWN_FILES = 128;
/** After this part of the drain, waits of requests are given up, so that their answers still go out. */
const WAITS_END_AT = 0.75;

export function surfaceOf(options: SurfaceOptions): Surface {
  const { settings, engine, transport, callers, tls } = options;
  const { replica } = engine;
  const reader = new LineThread(settings.dataDir, () => replica.origin);
  const stopping = new AbortController();
  const urls = settings.url === null ? settings.nodes : [...settings.nodes, settings.url];
  const nodeOrigins = () => nodeOriginsOf(urls, engine);
  const pages = new AllowedPages(settings.allowedOrigins, urls, nodeOrigins);
  const bounds = boundsOf(settings, replica, options.note);
  const { connections } = bounds;
  const watches = watchesOf(options, pages, bounds);
  const requests = new RequestCounts();
  const rates = recentRates(engine, requests);
  const steps = setInterval(() => rates.step(Date.now()), STEP_MS);
  steps.unref();
  const { listener } = createApp({
    ...appOptions(options, bounds),
    bounds,
    watches,
    pages,
    callers,
    audit: options.audit,
    auditsWrites: settings.auditWrites,
    page: pageOf(nodeOrigins),
    requests,
    figures: { rates, figures: () => figuresOf(options, connections.size) },
    tools: {
      reader,
      stopping: stopping.signal,
      members: () => engine.driver.members(),
      compact: (retentionMs) => compacted(engine, retentionMs),
    },
  });
  const hosts = hostRule(settings, settings.host);
  const peerHosts = hostRule(settings, settings.peerHost ?? settings.host);
  const peers = peerSurfaceOf({ settings, transport, bounds, tls, hosts: peerHosts });
  const secure = serverTls(tls, clientPort);
  const server = createServer(listener, connections, settings.limits, { hosts, tls: secure });
  followCertificates(server, tls, clientPort);
  const gossip: UpgradeTaker = {
    take: (...upgrade) => transport.upgrade(...upgrade),
    isForPeers: true,
  };
  takeUpgrades(server, bounds, hosts, {
    ...(peers === null && { [GOSSIP_PATH]: gossip }),
    [WATCH_PATH]: { take: (...upgrade) => watches.upgrade(...upgrade) },
  });
  return {
    get url() {
      return urlOf(server, settings.host, secure === null ? 'http' : 'https');
    },
    get peerUrl() {
      return peers?.url ?? null;
    },
    listen: async () => {
      await peers?.listen();
      await listen(server, settings);
    },
    leave: () => {
      connections.isLeaving = true;
    },
    drain: async () => {
      stopping.abort();
      watches.endWatches();
      const { drainTimeoutMs } = settings;
      const endWaits = setTimeout(() => watches.stop(), drainTimeoutMs * WAITS_END_AT);
      await drain(server, connections, drainTimeoutMs);
      clearTimeout(endWaits);
    },
    close: async () => {
      clearInterval(steps);
      bounds.stop();
      watches.stop();
      server.closeAllConnections();
      await peers?.close();
      await reader.close();
    },
  };
}

/** The surface of a node without clients: the port for its peers, if it has one. */
export function peersAlone(options: SurfaceOptions): Surface {
  const { settings, engine, transport, tls } = options;
  const bounds = boundsOf(settings, engine.replica, options.note);
  const hosts = hostRule(settings, settings.peerHost ?? settings.host);
  const peers = peerSurfaceOf({ settings, transport, bounds, tls, hosts });
  return {
    url: null,
    get peerUrl() {
      return peers?.url ?? null;
    },
    listen: async () => peers?.listen(),
    leave: () => {},
    drain: async () => {},
    close: async () => {
      bounds.stop();
      await peers?.close();
    },
  };
}

/** The web origins of the nodes that this one was told of, or that are members. */
const nodeOriginsOf = (urls: readonly string[], { driver }: Engine): readonly string[] => {
  const members = driver.members().flatMap(({ url }) => (url === null ? [] : [url]));
  return [...new Set([...urls, ...members].map((url) => new URL(url).origin))];
};

function pageOf(nodeOrigins: () => readonly string[]): PageRouteOptions | null {
  const place = pagePlaceOfPackage();
  return place === null ? null : { files: new PageFiles(place), nodeOrigins };
}

const figuresOf = ({ engine, disk, settings }: SurfaceOptions, connections: number): NodeFigures =>
  nodeFigures({ engine, disk, maxMemory: settings.maxMemory, connections });

const watchesOf = (
  { settings, engine, callers }: SurfaceOptions,
  pages: AllowedPages,
  { connections, addressOf }: Bounds,
): WatchService =>
  new WatchService({
    replica: engine.replica,
    hub: engine.hub,
    pages,
    callers,
    acks: engine.driver,
    limits: settings.limits,
    waitTimeoutMs: settings.waitTimeoutMs,
    watchPingIntervalMs: settings.watchPingIntervalMs,
    connections,
    addressOf,
  });

/** The options of the app that the engine gives. */
const appOptions = (
  { settings, engine, registry, log, requestLog, tracer }: SurfaceOptions,
  { connections, fullConnections, shedding }: Bounds,
) => {
  const { replica, driver } = engine;
  return {
    replica,
    peers: () => driver.status(),
    ring: () => driver.ring,
    health: () => {
      if (connections.isLeaving) return LEAVING;
      const health = healthOf(replica, driver, engine.settings, engine.isDiskLow);
      const told = withNote(health, fullConnections.fault);
      return { ...withFault(told, shedding.fault), ...provedOf(engine) };
    },
    maxClockSkewMs: settings.maxClockSkewMs,
    version: packageVersion(),
    log,
    requestLog,
    tracer,
    registry,
  };
};

/** A node that sheds requests is no longer of use to its clients. */
const withFault = (health: Health, fault: string | null): Health =>
  fault === null ? health : { status: 'failing', reasons: [fault, ...health.reasons] };

/** The clients that are connected are served, so a person should look, and no balancer act. */
const withNote = ({ status, reasons }: Health, fault: string | null): Health =>
  fault === null
    ? { status, reasons }
    : { status: status === 'ok' ? 'degraded' : status, reasons: [...reasons, fault] };

function boundsOf(settings: NodeSettings, replica: Replica, note: Note): Bounds {
  const { limits } = settings;
  const files = maxOpenFiles();
  const taken = Math.max(1, Math.min(limits.maxConnections, files - OWN_FILES));
  noteFewFiles(note, taken, limits.maxConnections, files);
  return new Bounds({
    limits: { ...limits, maxConnections: taken },
    sendTimeoutMs: settings.sendTimeoutMs,
    trustedProxies: new Networks(settings.trustedProxies),
    load: {
      heap: heapShare,
      queue: () =>
        Math.max(
          replica.queuedOps / limits.maxQueuedOps,
          replica.queuedBytes / limits.maxQueuedBytes,
        ),
      collectGarbage,
    },
    shedChanged: shedNote(note),
    connectionsChanged: connectionsNote(note),
  });
}

/** On loopback, a page of another site could ask by that site's name. */
function hostRule({ allowedHosts, nodes, url }: NodeSettings, host: string): HostRule {
  const isAnyAllowed = allowedHosts.length === 0 ? !isLoopback(host) : allowedHosts.includes('*');
  if (isAnyAllowed) return { allowed: null };
  const own = (url === null ? nodes : [...nodes, url]).map((one) => new URL(one).hostname);
  return { allowed: new Set([...own, ...allowedHosts]) };
}

const provedOf = ({ proving }: Engine): { readonly proved?: number } =>
  proving.isDone ? {} : { proved: Math.floor(proving.share * 1000) / 1000 };

/** @returns the number of compacted rows; null while another run goes on. */
async function compacted(
  { compactor }: Engine,
  retentionMs: number | null,
): Promise<number | null> {
  if (compactor.isRunning) return null;
  return (await compactor.run(retentionMs ?? undefined)).rows;
}
