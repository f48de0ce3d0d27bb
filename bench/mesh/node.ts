/** One real node (src/node/engine.ts) on simulated time and network, with its log in memory, and with no oracle beside it. */
import { NodeClock, type Timeline } from '../../sim/clock.ts';
import { Dice } from '../../sim/dice.ts';
import type { SimTransport } from '../../sim/transport.ts';
import type { CoreSettings } from '../../src/gossip/protocol/inputOutput.ts';
import type { Log } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory.ts';
import { MemoryCheckpoints } from '../../src/log/memoryCheckpoints.ts';
import { Engine, openLogs, type Timers } from '../../src/node/engine.ts';
import { type LogStore, NodeLogs } from '../../src/node/nodeLogs.ts';
import { PagedEntries } from '../../src/store/pagedEntries.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import type { Note } from '../../src/words/note.ts';
import type { Meter } from './meter.ts';

export interface NodeOptions {
  readonly name: string;
  /** Of its processes with this name the how many-th, from 0: each draws its own dice. */
  readonly life: number;
  readonly url: string;
  readonly seed: number;
  readonly seeds: readonly string[];
  readonly size: number;
  /** In the place of those of this file. */
  readonly settings: Partial<CoreSettings>;
  readonly note: Note;
}

export interface StartedNode {
  readonly engine: Engine;
  readonly transport: SimTransport;
}

/** Those of a real node by default, where a node has a default. */
const SETTINGS = {
  cluster: 'large',
  pullIntervalMs: 1000,
  pullTimeoutMs: 5000,
  maxClockSkewMs: 60_000,
  firstRedialMs: 100,
  maxRedialMs: 5000,
  joinTimeoutMs: 10_000,
  claimPatienceMs: 5000,
  rejoinPauseMs: 600_000,
  peerRefusalMs: 600_000,
  meshLimit: 8,
  memberTimeoutMs: 10 ** 9,
  hearingMs: 15_000,
};
const INTERVALS = {
  tickMs: 100,
  sweepMs: 500,
  compactMs: null,
  checkpointMs: null,
  bookmarkMs: 30_000,
};
const SWEPT_AT_ONCE = 1000;
const COMMIT_MS = 1;
const HASH_SEED = { first: 1, second: 2 };

export async function startNode(
  options: NodeOptions,
  timeline: Timeline,
  network: Meter,
): Promise<StartedNode> {
  const { name, life, url, seed, seeds, size, note } = options;
  const dice = new Dice(seed, life === 0 ? name : `${name} ${life}`);
  const newOrigin = (): string => `${name}.${dice.text(6)}`;
  const clock = new NodeClock(timeline, 0);
  const logs = new NodeLogs(
    storeOf({ newOrigin, commitDelay: () => timeline.sleep(COMMIT_MS, name, 'commit') }),
  );
  const opened = await openLogs({
    nodeId: name,
    logs,
    place: 'memory',
    clock: () => clock.nowMs(),
    limits: defaultLimits,
    newEntries: () => new PagedEntries({ seed: HASH_SEED }),
    note: () => {},
  });
  const settings: CoreSettings = {
    ...SETTINGS,
    nodeId: name,
    url,
    urls: seeds,
    instance: dice.text(8),
    maxMembers: 2 * size,
    maxJoinsPerMinute: size,
    ...options.settings,
  };
  const transport = network.attach(name, url);
  const engine = new Engine({
    ...opened,
    transport,
    settings,
    retentionMs: 3_600_000,
    holdMs: 0,
    intervals: INTERVALS,
    sweptAtOnce: SWEPT_AT_ONCE,
    timers: timersOf(timeline, name),
    random: dice.random,
    newId: () => dice.text(16),
    newOrigin,
    note,
    fail: (error) => {
      throw error;
    },
  });
  engine.start();
  return { engine, transport };
}

function timersOf(timeline: Timeline, name: string): Timers {
  return {
    steadyMs: () => timeline.nowMs,
    every: (intervalMs, purpose, run) => {
      let isEnded = false;
      const repeat = (): void =>
        timeline.plan(intervalMs, name, purpose, () => {
          if (isEnded) return;
          run();
          repeat();
        });
      repeat();
      return () => {
        isEnded = true;
      };
    },
    // Nobody watches here.
    after: (delayMs, run) => {
      timeline.plan(delayMs, name, 'delivers events', run);
      return () => {};
    },
    took: (run) => {
      run();
      return 0;
    },
    defer: (run) => timeline.plan(0, name, 'goes on in a later turn', run),
  };
}

interface LogOptions {
  readonly newOrigin: () => string;
  readonly commitDelay: () => Promise<void>;
}

/** A node here never crashes, so that a log which is set aside is left. */
function storeOf(options: LogOptions): LogStore {
  const newLog = (): Log => new MemoryLog({ clusterName: SETTINGS.cluster, ...options });
  let log: Log | null = null;
  const none = async (): Promise<never> => {
    throw new Error('no log is set aside in this world');
  };
  return {
    checkpoints: new MemoryCheckpoints(),
    open: async () => {
      log = newLog();
      return log;
    },
    close: async () => log?.close(),
    setAside: none,
    remove: async () => {},
    namesAside: async () => [],
    openAside: none,
    dropAside: none,
    keepDamaged: none,
  };
}
