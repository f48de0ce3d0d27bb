/**
 * An instance as a process of its own: it reads its configuration, tells the cache about itself, and ends
 * by draining, on the order of any of these: the fleet, a signal, a later epoch, or the lack of any fleet.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { openGuard, openSigner } from '../access/serviceTokens.ts';
import { listen } from '../http/jsonApp.ts';
import { listenWithin, type PortRange } from '../http/portRange.ts';
import type { TlsFiles } from '../http/publicServer.ts';
import { regionFetch } from '../http/regionFetch.ts';
import type { Logger } from '../process/log.ts';
import { healthOf, type Seen } from '../process/seen.ts';
import type { WorldMemory } from '../rules/simulation.ts';
import { fleetName } from '../slots/linkMessages.ts';
import { type CacheTokens, openCache } from '../tables/cache.ts';
import { Gathering } from '../tables/gathering.ts';
import { InstanceTables, instanceOf, type WriteResult } from '../tables/instanceTables.ts';
import { keyOf, partsOf } from '../tables/keys.ts';
import { PlayerRecords } from '../tables/playerRecords.ts';
import {
  configurationSchema,
  MAX_PLAYERS,
  revocationSchema,
  type StoredConfiguration,
} from '../tables/schemas.ts';
import { type Row, TableMirror } from '../tables/tableMirror.ts';
import { controlApp } from './controlApp.ts';
import { CountedStore } from './countedStore.ts';
import { displacer } from './displacer.ts';
import { sayFarewell } from './farewell.ts';
import { FleetLink } from './fleetLink.ts';
import { GatheredStore } from './gatheredStore.ts';
import { servePlay } from './playServer.ts';
import { RosterWriter } from './rosterWriter.ts';
import { Publisher, SESSION_PACE } from './sessionPublisher.ts';
import { WorldInstance } from './worldInstance.ts';
import { registerWorldMetrics, worldDurations } from './worldMetrics.ts';

export interface WorldProcessOptions {
  readonly region: string;
  readonly world: string;
  readonly slot: number;
  readonly epoch: number;
  /** Of the configuration: an older copy of it is not enough. */
  readonly configurationVersion: number;
  readonly nodes: readonly string[];
  readonly token: CacheTokens | null;
  /** Directory of the keys between processes. */
  readonly keys: string;
  /** Base URL of the fleet; null: nobody asks for this instance, as in a test. */
  readonly fleetUrl: string | null;
  /** Base URL of the way to other regions; null: they are reached without one. */
  readonly linkUrl: string | null;
  /** Private, for other processes. */
  readonly host: string;
  readonly playHost: string;
  /** The name by which players reach `playHost`. */
  readonly publicHost: string;
  /** Of the play port; null: without TLS. */
  readonly tls: TlsFiles | null;
  readonly playPorts: PortRange;
  readonly controlPort: number;
  readonly seen: Seen;
}

export interface WorldProcess {
  readonly instance: string;
  readonly playUrl: string;
  readonly controlUrl: string;
  /** Resolves at the end: false if gains were left that no node has acknowledged. */
  readonly ended: Promise<boolean>;
  /** @param graceMs how long players may stay; by default half a minute. */
  end(reason: string, graceMs?: number): void;
}

const MEMORY_EVERY_MS = 10_000;
const AGAIN_MS = 500;
/** Beside those who sit, newcomers who replace their own older connections. */
const MAX_CONNECTIONS = 2 * MAX_PLAYERS;

export async function startWorld(options: WorldProcessOptions): Promise<WorldProcess> {
  const { region, world, slot, epoch, keys, host, seen } = options;
  const { log, metrics, onFault } = seen;
  await using starting = new AsyncDisposableStack();
  const cache = starting.use(openCache({ endpoints: options.nodes, token: options.token }));
  const configurations = starting.use(
    new TableMirror(cache, 'config', configurationSchema, region),
  );
  const revoked = starting.use(new TableMirror(cache, 'revoked', revocationSchema));
  const name = instanceOf({ region, world, slot, epoch });
  const tables = new InstanceTables(cache, { region, world, slot, epoch });
  const signer = await openSigner(keys, 'world');
  const key = keyOf('config', region, world);
  const { configuration, version } = await configurationOf(
    configurations,
    key,
    options.configurationVersion,
  );
  let configurationVersion = version;
  const { onTick, onSaved } = worldDurations(metrics);
  const saves = new Gathering();
  const store = new CountedStore(new GatheredStore(new PlayerRecords(cache), saves), onSaved);

  let publisher: Publisher | null = null;
  const instance = starting.use(
    new WorldInstance({
      world,
      instance: name,
      configuration,
      now: () => Date.now(),
      memory: await memoryOf(tables, log),
      store,
      onTick,
      onPlayer: (event, player) => log.info({ player }, event),
      askToLetGo: displacer(signer, regionFetch(region, options.linkUrl)),
      isRevoked: (subject) => revoked.get(keyOf('revoked', subject)) !== undefined,
      onChange: () => publisher?.change(),
      onFault,
    }),
  );
  const play = starting.use(
    await listenWithin(options.playPorts, (port) =>
      servePlay(instance, {
        host: options.playHost,
        port,
        maxConnections: MAX_CONNECTIONS,
        publicHost: options.publicHost,
        tls: options.tls,
        onFault,
      }),
    ),
  );
  const playUrl = play.url;
  const copies = { config: configurations, revoked };
  seen.watchCache(cache, copies);
  registerWorldMetrics(metrics, {
    name: { region, world, slot, epoch },
    instance,
    saves: () => store.saves,
    connections: play.connections,
    refusedConnections: play.refused,
  });
  const control = starting.use(
    await listen(
      controlApp({
        instance,
        name,
        playUrl,
        onFault,
        seen: seen.http(() => healthOf(copies)),
        guard: await openGuard(keys, name),
        onDrain: (graceMs) => end('drain', graceMs),
      }),
      host,
      options.controlPort,
    ),
  );

  const roster = new RosterWriter((players) => tables.writeRoster(players));
  const write = async (): Promise<WriteResult> => {
    const written = await Promise.all([
      tables.writeSession({
        v: 1,
        slot,
        epoch,
        state: instance.state,
        config: configurationVersion,
        max: instance.maxPlayers,
        ...instance.counts,
        playUrl,
        controlUrl: control.url,
        tickLateMs: instance.game.takeLateMs(),
      }),
      roster.write(instance.players),
    ]);
    return written.includes('superseded') ? 'superseded' : 'stored';
  };
  const events = { onSuperseded: () => end('superseded', 0), onFailure: onFault };
  publisher = starting.use(new Publisher({ ...SESSION_PACE, write }, events));

  configurations.onChange((change) => {
    const { row } = change;
    // A configuration that is missing or malformed changes nothing.
    if (change.key !== key || row === undefined || row.value === null) return;
    configurationVersion = row.version;
    instance.configure(row.value.maxPlayers);
  });
  revoked.onChange((change) => {
    const [subject] = partsOf('revoked', change.key, 1) ?? [];
    if (subject === undefined || change.row === undefined) return;
    instance.revoke(subject, change.row.value?.reason === 'erased');
  });
  starting.defer(
    instance.every(MEMORY_EVERY_MS, () => {
      // Each second time the players are saved in the same beat.
      void saves.run(() => tables.writeMemory(instance.memory)).catch(onFault);
    }),
  );

  if (options.fleetUrl !== null)
    starting.use(
      new FleetLink({
        url: linkUrl(options.fleetUrl, world, slot, epoch),
        token: () => signer.tokenFor(fleetName(region)),
        ready: { type: 'ready', pid: process.pid, controlUrl: control.url },
        health: () => ({
          type: 'health',
          state: instance.state,
          taken: instance.counts.taken,
        }),
        onSuperseded: () => end('superseded', 0),
        onAlone: () => end('alone'),
        every: instance.every,
      }),
    );

  const ends = starting.move();
  const over = Promise.withResolvers<boolean>();
  let isEnding = false;
  function end(reason: string, graceMs?: number): void {
    // A later, shorter grace counts: who was to have half a minute may be sent away at once.
    const drained = instance.drain(graceMs);
    if (isEnding) return;
    isEnding = true;
    log.info({ reason, graceMs, instance: name }, 'ends');
    void drained.then(finish).then(over.resolve, over.reject);
  }
  async function finish(): Promise<boolean> {
    const isSaved = instance.unsaved === 0;
    publisher?.[Symbol.dispose]();
    await sayFarewell({ publisher, tables, memory: instance.memory, onFault });
    await ends.disposeAsync();
    return isSaved;
  }

  log.info({ instance: name, playUrl, controlUrl: control.url }, 'ready');
  return { instance: name, playUrl, controlUrl: control.url, ended: over.promise, end };
}

/** Waits for a configuration that parses, and that is no older than the wanted one. */
async function configurationOf(
  configurations: TableMirror<StoredConfiguration>,
  key: string,
  leastVersion: number,
): Promise<{ configuration: StoredConfiguration; version: number }> {
  await configurations.synced;
  for (;;) {
    const row: Row<StoredConfiguration> | undefined = configurations.get(key);
    const configuration = row?.value ?? null;
    if (row !== undefined && configuration !== null && row.version >= leastVersion)
      return { configuration, version: row.version };
    await wait(AGAIN_MS);
  }
}

/** Waits for a node: a memory that was not read would be written over. */
async function memoryOf(tables: InstanceTables, log: Logger): Promise<WorldMemory> {
  for (;;) {
    try {
      const memory = await tables.readMemory();
      return memory ?? { seed: randomInt(2 ** 32), tick: 0, takings: [] };
    } catch (error) {
      log.warn({ err: error }, 'the memory of the world could not be read');
      await wait(AGAIN_MS);
    }
  }
}

function linkUrl(fleetUrl: string, world: string, slot: number, epoch: number): string {
  const url = new URL('/link', fleetUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = new URLSearchParams({ world, slot: `${slot}`, epoch: `${epoch}` }).toString();
  return url.href;
}
