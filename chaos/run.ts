/**
 * One run: nodes, load and faults for a time; then everything heals, and the checks judge the evidence.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { checkAll } from './checks/checks.ts';
import { Caller } from './clients/caller.ts';
import { runWorkers } from './clients/workers.ts';
import {
  type FaultCounts,
  playSchedule,
  RUN_TOKEN,
  type Scene,
  SERVING_TIMEOUT_MS,
} from './faults.ts';
import type {
  Evidence,
  Incident,
  ShownMap,
  StoppedLog,
  Violation,
  Watched,
  WrongClock,
} from './history/evidence.ts';
import { untilLastExpiryMs } from './lastExpiry.ts';
import { Links } from './network/links.ts';
import { openNamespaces } from './network/namespaces.ts';
import type { Network, NetworkKind } from './network/network.ts';
import { openProxyNetwork } from './network/proxy.ts';
import { clockEnvironment, clockLibrary, setClock } from './nodes/clock.ts';
import { empty, mountSmallDisk, unmountSmallDisk } from './nodes/disk.ts';
import { COMPILE_CACHE } from './nodes/environment.ts';
import { ChaosNode } from './nodes/node.ts';
import { at } from './nodes/nodes.ts';
import { readLog, readMap } from './nodes/reading.ts';
import { type Fault, type Schedule, scheduleOf } from './schedule.ts';
import { STREAM_KINDS } from './watchers/streams.ts';
import { Watcher } from './watchers/watcher.ts';

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly lengthMs: number;
  readonly network: NetworkKind;
  readonly faults: readonly Fault['kind'][];
  /** Settings of all nodes, over those that the seed draws. */
  readonly settings: Readonly<Record<string, string>>;
  /** The command line that the nodes are processes of. */
  readonly main: string;
  /** A folder that the run makes, and that its caller removes. */
  readonly directory: string;
  readonly tell: (text: string) => void;
}

export interface RunResult {
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
  readonly schedule: Schedule;
  readonly faults: FaultCounts;
  /** How long it took until all nodes showed the same after the last fault; null: they never did. */
  readonly levelMs: number | null;
}

const RACERS = 6;
const WRITERS_ONCE = 3;
const WATCHERS = 6;
const WORKER_PAUSE_MS = 120;
const SMALL_DISK_MIB = 48;
const LEVEL_TIMEOUT_MS = 300_000;
const WATCHERS_TIMEOUT_MS = 180_000;
const POLL_INTERVAL_MS = 250;

export async function runOnce(options: RunOptions, stopping: AbortSignal): Promise<RunResult> {
  const { nodes: count, directory, tell } = options;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const schedule = scheduleOf(options.seed, count, options.lengthMs, options.faults);
  await using network = await openNetwork(options.network, count);
  const incidents: Incident[] = [];
  const scene = await setScene(options, schedule, network, incidents);
  const { nodes } = scene;
  try {
    await startAll(nodes);
    tell('The nodes serve; the load begins.');
    const startedAt = Date.now();
    const watchers = Array.from({ length: WATCHERS }, (_unused, index) => {
      const kind = STREAM_KINDS[index % STREAM_KINDS.length] ?? 'sse';
      return new Watcher(index, kind, nodes, options.seed);
    });
    for (const watcher of watchers) watcher.begin();
    const caller = new Caller(nodes);
    const faults = await load(scene, schedule, caller, options, stopping);
    stopping.throwIfAborted();
    tell('The load has ended, and everything heals.');
    const { maps, readAt, levelMs } = await settle(scene);
    tell('Waiting for the watchers.');
    const watched = await endWatchers(watchers, maps[0] ?? new Map());
    tell('Stopping the nodes, and reading their logs.');
    const logs = await stopAll(nodes, options.main);
    const isCompacted = 'RETENTION' in { ...schedule.settings, ...options.settings };
    const { calls } = caller;
    const { wrongClocks } = scene;
    const end = { maps, readAt, watched, logs, isCompacted };
    const evidence: Evidence = { startedAt, calls, incidents, wrongClocks, ...end };
    const violations = [...unlevel(levelMs), ...unexpectedEnds(nodes), ...checkAll(evidence)];
    return { evidence, violations, schedule, faults, levelMs };
  } finally {
    await Promise.all(nodes.map((node) => node.kill()));
    // A disk that is mounted keeps its directory from being removed.
    for (const index of scene.smallDisks) await unmountSmallDisk(at(nodes, index).dataDirectory);
  }
}

const openNetwork = (kind: NetworkKind, nodes: number): Promise<Network> =>
  kind === 'namespaces' ? openNamespaces(nodes) : openProxyNetwork(nodes);

async function setScene(
  { nodes: count, directory, settings, main, network: kind, tell }: RunOptions,
  schedule: Schedule,
  network: Network,
  incidents: Incident[],
): Promise<Scene> {
  const library = clockLibrary();
  const hasClockFaults = schedule.nodes.some(({ fault }) => fault.kind === 'clock');
  const nodes = Array.from({ length: count }, (_unused, index) => {
    const clock =
      library !== null && hasClockFaults ? clockEnvironment(library, directory, index) : {};
    return new ChaosNode({
      index,
      directory,
      clientUrl: network.clientUrl(index),
      command: network.commandOf(index),
      settings: {
        INTERNAL_TOKEN: RUN_TOKEN,
        LOG_FORMAT: 'text',
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        ...schedule.settings,
        ...settings,
        ...network.settingsOf(index),
        ...clock,
      },
      incidents,
      main,
    });
  });
  const smallDisks = new Set<number>();
  for (const { fault } of schedule.nodes)
    if (fault.kind === 'full disk' && kind === 'namespaces' && !smallDisks.has(fault.node))
      if (await mountSmallDisk(join(directory, `node${fault.node + 1}`), SMALL_DISK_MIB))
        smallDisks.add(fault.node);
  const links = new Links(count);
  const hasClocks = library !== null;
  const wrongClocks: WrongClock[] = [];
  return { directory, nodes, network, links, smallDisks, hasClocks, wrongClocks, tell };
}

async function startAll(nodes: readonly ChaosNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.start()));
  const serving = await Promise.all(nodes.map((node) => node.untilServing(SERVING_TIMEOUT_MS)));
  if (serving.includes(false)) throw new Error('A node did not serve; run it again with --keep.');
  for (const node of nodes) node.endTrouble();
}

/** Workers and faults side by side. */
async function load(
  scene: Scene,
  schedule: Schedule,
  caller: Caller,
  { seed, lengthMs }: RunOptions,
  stopping: AbortSignal,
): Promise<FaultCounts> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), lengthMs);
  const signal = AbortSignal.any([ending.signal, stopping]);
  const work = {
    caller,
    nodes: scene.nodes,
    seed,
    stopping: signal,
    pauseMs: WORKER_PAUSE_MS,
    hasWrongClocks: schedule.nodes.some(({ fault }) => fault.kind === 'clock'),
  };
  try {
    const workers = runWorkers(work, RACERS, WRITERS_ONCE);
    const faults = await playSchedule(scene, schedule, signal);
    await workers;
    return faults;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends every fault, and waits until all nodes show the same, once no entry expires any more: so the maps stay as they
 * are read.
 */
async function settle(scene: Scene) {
  const { nodes, links, network, directory, hasClocks, smallDisks, wrongClocks } = scene;
  links.heal();
  await network.apply(links);
  for (const node of nodes) {
    if (hasClocks) setClock(directory, node.index, 0);
    if (smallDisks.has(node.index)) await empty(node.dataDirectory);
    node.signal('SIGCONT');
    await node.start();
  }
  const healedAt = performance.now();
  await wait(untilLastExpiryMs(wrongClocks, Date.now()));
  let maps: ShownMap[] = [];
  let readAt = Date.now();
  while (performance.now() < healedAt + LEVEL_TIMEOUT_MS) {
    try {
      readAt = Date.now();
      maps = await Promise.all(nodes.map(readMap));
      if (isLevel(maps)) return { maps, readAt, levelMs: Math.round(performance.now() - healedAt) };
    } catch {
      // A node that starts answers later.
    }
    await wait(POLL_INTERVAL_MS);
  }
  return { maps, readAt, levelMs: null };
}

function isLevel(maps: readonly ShownMap[]): boolean {
  const texts = maps.map((map) => JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1))));
  return texts.every((text) => text === texts[0]);
}

/** Waits for each mirror to be level with the map; what is not by then, the checks tell. */
async function endWatchers(watchers: readonly Watcher[], map: ShownMap): Promise<Watched[]> {
  for (const watcher of watchers) watcher.stay();
  const endAt = performance.now() + WATCHERS_TIMEOUT_MS;
  while (performance.now() < endAt && !watchers.every((watcher) => watcher.isLevelWith(map)))
    await wait(POLL_INTERVAL_MS);
  return Promise.all(watchers.map((watcher) => watcher.end()));
}

async function stopAll(nodes: readonly ChaosNode[], main: string): Promise<StoppedLog[]> {
  const stopped = await Promise.all(nodes.map((node) => node.stop()));
  for (const [index, isInTime] of stopped.entries())
    if (!isInTime) nodes[index]?.unexpectedEnds.push('did not stop within three minutes');
  const logs: StoppedLog[] = [];
  for (const node of nodes) logs.push(await readLog(node, main));
  return logs;
}

function unlevel(levelMs: number | null): Violation[] {
  if (levelMs !== null) return [];
  const text = `the nodes do not show the same ${LEVEL_TIMEOUT_MS / 1000} s after everything healed`;
  return [{ check: 'convergence', key: null, text }];
}

function unexpectedEnds(nodes: readonly ChaosNode[]): Violation[] {
  return nodes.flatMap(({ name, unexpectedEnds: ends }) =>
    ends.map((end) => ({ check: 'logs' as const, key: null, text: `${name} ${end}` })),
  );
}
