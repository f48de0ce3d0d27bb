/**
 * The engine's options on a real machine: clocks, timers, randomness, and values that the settings
 * leave open.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { HOLD_JOIN_TIMEOUTS } from '../rules/compaction.ts';
import { seeded } from '../words/random.ts';
import type { EngineOptions, Intervals, Timers } from './engine.ts';
import { newOrigin } from './newOrigin.ts';
import type { NodeSettings } from './settings.ts';

const TICK_MS = 50;
const SWEEP_MS = 100;
const SWEPT_AT_ONCE = 5000;
const PULL_TIMEOUT_MS = 10_000;
const FIRST_REDIAL_MS = 200;
const MAX_REDIAL_MS = 2000;
const HEARING_MS = 15_000;
/** No setting: it only has to be longer than a member that takes part for a moment. */
const CLAIM_PATIENCE_MS = 2 * 60_000;
/** No setting: a rejoin costs seconds, and a cluster that asks for more of them needs a person. */
const REJOIN_PAUSE_MS = 10 * 60_000;
const COMPACT_MAX_INTERVAL_MS = 10 * 60_000;
const COMPACT_MIN_INTERVAL_MS = 1000;

type OptionsOfMachine = Pick<
  EngineOptions,
  | 'settings'
  | 'retentionMs'
  | 'holdMs'
  | 'intervals'
  | 'sweptAtOnce'
  | 'timers'
  | 'random'
  | 'newId'
  | 'newOrigin'
>;

export const engineOptions = (settings: NodeSettings): OptionsOfMachine => ({
  settings: coreSettings(settings),
  retentionMs: settings.retentionMs,
  holdMs: HOLD_JOIN_TIMEOUTS * settings.joinTimeoutMs,
  intervals: intervalsOf(settings),
  sweptAtOnce: SWEPT_AT_ONCE,
  timers: nodeTimers,
  random: seeded(randomInt(2 ** 32)),
  newId: () => randomBytes(8).toString('hex'),
  newOrigin: () => newOrigin(settings.nodeId),
});

const intervalsOf = ({
  retentionMs,
  bookmarkIntervalMs,
  checkpointIntervalMs,
}: NodeSettings): Intervals => ({
  tickMs: TICK_MS,
  sweepMs: SWEEP_MS,
  compactMs: Math.min(COMPACT_MAX_INTERVAL_MS, Math.max(COMPACT_MIN_INTERVAL_MS, retentionMs / 4)),
  checkpointMs: checkpointIntervalMs === 0 ? null : checkpointIntervalMs,
  bookmarkMs: bookmarkIntervalMs,
});

/** The timers of a real node. */
export const nodeTimers: Timers = {
  steadyMs: () => performance.now(),
  every: (intervalMs, _purpose, run) => {
    const timer = setInterval(run, intervalMs);
    return () => clearInterval(timer);
  },
  after: (delayMs, run) => {
    if (delayMs === 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  took: (run) => {
    const begunAtMs = performance.now();
    run();
    return performance.now() - begunAtMs;
  },
  defer: (run) => {
    setImmediate(run);
  },
};

const coreSettings = (settings: NodeSettings): EngineOptions['settings'] => ({
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
  claimPatienceMs: CLAIM_PATIENCE_MS,
  rejoinPauseMs: REJOIN_PAUSE_MS,
  peerRefusalMs: settings.peerRefusalMs,
  hearingMs: Math.min(HEARING_MS, settings.memberTimeoutMs / 2),
  firstRedialMs: FIRST_REDIAL_MS,
  maxRedialMs: MAX_REDIAL_MS,
  maxMembers: settings.limits.maxMembers,
  meshLimit: settings.limits.meshLimit,
  maxJoinsPerMinute: settings.limits.maxJoinsPerMinute,
});
