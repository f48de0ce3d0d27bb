/**
 * Scenarios by name, each a kind of world. Within each a seed draws its own world, so that many seeds
 * cover many mixtures ("swarm testing", Groce et al., 2012).
 */
import { HOLD_JOIN_TIMEOUTS } from '../src/rules/compaction.ts';
import type { Dice } from './dice.ts';
import type { FaultOptions } from './faults.ts';
import { MESHES } from './meshScenarios.ts';
import { LOSSY, retired } from './mixtures.ts';
import { type Changes, quiet, type WorldOptions } from './worldOptions.ts';

const CRASHES: Partial<FaultOptions> = { crashEveryMs: 2500, stopEveryMs: 6000 };

/** Copies that are found out, and members that their node has left behind. */
const ON_COPIES = { memberTimeoutMs: 12_000, joinTimeoutMs: 3000, mayRejoin: true, mayFork: true };

/** Watchers that come and go over keys that die and stay dead. */
const watched = (dice: Dice): Changes & { faults: Partial<FaultOptions> } => ({
  watchers: 20,
  network: dice.chance(0.5) ? LOSSY : {},
  // Many keys that die and stay dead, so that they are collected while watchers are away.
  clients: {
    everyMs: 40,
    keys: dice.pick([60, 300]),
    deletes: 0.4,
    expiring: 0.5,
    ttlMs: [1, dice.pick([50, 2000])],
  },
  faults: {
    crashEveryMs: dice.pick([0, 2500]),
    cutEveryMs: dice.pick([0, 3000]),
    maxSkewMs: dice.pick([0, 5, 300]),
    clockJumpEveryMs: dice.pick([0, 3000]),
  },
  limits: {
    maxRecentOps: dice.pick([3, 16, 4096]),
    maxRecentEvents: dice.pick([2, 16, 4096]),
    maxRecentExpiries: dice.pick([20, 4096, 4096]),
    maxWatcherBufferBytes: dice.pick([200, 2000]),
  },
  compactMs: dice.pick([0, 0, 400]),
  retentionMs: dice.pick([0, 500, 5000]),
});

const CHANGES: Readonly<Record<string, (dice: Dice) => Changes>> = {
  steady: () => ({}),
  lossy: () => ({ network: LOSSY, faults: { breakEveryMs: 4000 } }),
  // Refusals end within the run, and begin again. A late node joins by snapshots whose parts are cut off.
  'texts cut off': (dice) => {
    const lateNodes = dice.within([0, 1]);
    return {
      nodes: dice.within([3, 5]),
      lateNodes,
      mayRejoin: lateNodes > 0,
      peerRefusalMs: dice.pick([500, 2000, 6000]),
      network: { ...(dice.chance(0.5) ? LOSSY : {}), truncation: dice.pick([0.01, 0.05, 0.2]) },
      faults: { crashEveryMs: dice.pick([0, 4000]), stopEveryMs: dice.pick([0, 6000]) },
      compactMs: dice.pick([0, 400]),
      retentionMs: dice.pick([0, 500]),
    };
  },
  partitions: () => ({ faults: { cutEveryMs: 1500, breakEveryMs: 6000 } }),
  crashes: (dice) => ({
    faults: CRASHES,
    disk: { commitMs: [1, dice.pick([5, 40])], commitFailures: 0.01 },
  }),
  'skewed clocks': (dice) => ({
    faults: { maxSkewMs: 29_000, clockJumpEveryMs: 3000, hourOffEveryMs: dice.pick([0, 8000]) },
  }),
  // Lives are long against the error, so that a clock set right finds entries that it had taken for dead.
  'clocks together': (dice) => ({
    clients: { everyMs: 60, expiring: 0.6, ttlMs: [1000, 5_400_000] },
    faults: {
      allAheadEveryMs: 4000,
      hourOffMs: [1500, 4000],
      maxSkewMs: dice.pick([0, 5, 300]),
      crashEveryMs: 1500,
      downMs: [10, 500],
    },
    compactMs: dice.pick([0, 1500]),
  }),
  // Nobody is gone, and so nobody is retired, and nobody rejoins.
  'broken link': (dice) => {
    const nodes = dice.within([4, 6]);
    const isLossy = dice.chance(0.3);
    return {
      nodes,
      // A pull of which a text is lost takes 5 s: others' digests must come within the time, and they may lose two in a row.
      memberTimeoutMs: isLossy ? 15_000 : 6000,
      network: isLossy ? { ...LOSSY, lateness: 0 } : {},
      faults: { brokenLink: true },
    };
  },
  'many nodes': (dice) => ({
    nodes: dice.within([6, 12]),
    steps: 4000,
    clients: { everyMs: 150 },
    faults: {
      crashEveryMs: dice.pick([0, 4000]),
      cutEveryMs: dice.pick([0, 3000]),
      breakEveryMs: dice.pick([0, 4000]),
    },
  }),
  ...MESHES,
  // A disk without room under each kind of commit: also that of a new origin, and the making of a new log.
  'full disks and new origins': (dice) => ({
    nodes: dice.within([3, 5]),
    memberTimeoutMs: 12_000,
    joinTimeoutMs: 3000,
    mayRejoin: true,
    disk: { durability: dice.pick(['normal', 'full'] as const) },
    faults: {
      fullDiskEveryMs: 700,
      fullDiskMs: [50, 5000],
      crashEveryMs: 2500,
      downMs: [10, 2000],
      wipes: dice.pick([0, 0.2]),
    },
    compactMs: 400,
    retentionMs: dice.pick([0, 500]),
  }),
  // Entries that die soon are touched while other nodes delete, overwrite and collect them.
  touches: (dice) => ({
    network: dice.chance(0.5) ? LOSSY : {},
    clients: {
      everyMs: 40,
      keys: dice.pick([6, 24]),
      touches: 0.4,
      bytes: 0.2,
      deletes: 0.2,
      expiring: 0.7,
      ttlMs: [1, dice.pick([50, 1000])],
    },
    faults: {
      cutEveryMs: dice.pick([0, 2000]),
      crashEveryMs: dice.pick([0, 3000]),
      maxSkewMs: dice.pick([0, 300]),
    },
    compactMs: dice.pick([0, 400]),
    retentionMs: dice.pick([0, 500]),
  }),
  'full disks': () => ({ faults: { fullDiskEveryMs: 1500 } }),
  racing: () => ({
    clients: { keys: 3, races: 0.8, everyMs: 60 },
    faults: { maxSkewMs: 0 },
    disk: { commitMs: [1, 3] },
  }),
  joins: (dice) => ({
    nodes: dice.within([4, 5]),
    lateNodes: dice.within([1, 2]),
    // A late node that reaches nobody for long forms a cluster of its own, and gives it up later.
    mayRejoin: true,
    network: dice.chance(0.3) ? LOSSY : {},
    faults: { crashEveryMs: dice.pick([0, 4000]), stopEveryMs: dice.pick([0, 4000]) },
    compactMs: 400,
    retentionMs: dice.pick([0, 500]),
  }),
  // Three, so that of two clusters that meet one always has a single member, and gives way.
  'formed alone': (dice) => ({
    nodes: 3,
    lateNodes: 1,
    joinTimeoutMs: dice.pick([100, 400, 1500]),
    mayRejoin: true,
    network: { ...LOSSY, dialFailures: dice.pick([0.5, 0.8]) },
    faults: { crashEveryMs: dice.pick([0, 4000]), cutEveryMs: dice.pick([0, 3000]) },
    compactMs: 400,
    retentionMs: dice.pick([0, 500]),
  }),
  retirements: (dice) => ({
    nodes: dice.within([3, 5]),
    memberTimeoutMs: dice.pick([6000, 9000]),
    mayRejoin: true,
    // Who catches up for longer than that, from one member, is silent to the others.
    limits: { maxDeltaOps: dice.pick([16, 512]) },
    // One kind at a time: together they leave too few who know the others.
    faults: {
      crashEveryMs: 5000,
      downMs: [10, 14_000],
      ...dice.pick([{ wipes: 0.3 }, { loseEveryMs: 10_000 }, { cutEveryMs: 6000 }]),
    },
    compactMs: 400,
    retentionMs: dice.pick([0, 500]),
  }),
  // Nodes that are sealed by some while others still hear them, slowly.
  'slow ends': (dice) => ({
    nodes: dice.within([3, 5]),
    memberTimeoutMs: dice.pick([6000, 8000]),
    joinTimeoutMs: 3000,
    mayRejoin: true,
    // Slow and in order: what is pushed arrives, however late.
    network: { delayMs: [1, dice.pick([100, 300, 600])], idleMs: [12_000, 20_000] },
    // Keys that are deleted, and rest until they are collected.
    clients: { everyMs: 40, keys: dice.pick([24, 60]), deletes: 0.5, expiring: 0.1 },
    // A node that joins for longer than the member timeout is silent to all but one.
    limits: { maxDeltaOps: 512, maxDeltaBytes: 262_144 },
    faults: { deafEveryMs: 4000, cutMs: [8000, 15_000], crashEveryMs: dice.pick([0, 8000]) },
    compactMs: 400,
    retentionMs: dice.pick([0, 500]),
  }),
  'retired by hand': retired,
  // Several at one moment, also by members that retire one another.
  'retired together': (dice) => {
    const options = retired(dice);
    return { ...options, faults: { ...options.faults, retireInTurn: false } };
  },
  restores: (dice) => ({
    nodes: dice.within([3, 5]),
    ...ON_COPIES,
    faults: {
      crashEveryMs: dice.pick([0, 5000]),
      cutEveryMs: dice.pick([0, 4000]),
      copyEveryMs: 600,
      restoreEveryMs: 3500,
      byHand: dice.pick([0, 1, 0.5]),
      aloneOnCopy: 0.5,
    },
    compactMs: 400,
    retentionMs: dice.pick([0, 500, 5000]),
  }),
  // Copies of a time when their node was alone: such a log holds the `join` of nobody else.
  'restored from before joins': (dice) => {
    const nodes = dice.within([2, 4]);
    return {
      nodes,
      lateNodes: nodes - 1,
      lateMs: 3000,
      ...ON_COPIES,
      // Longer than the copy is alone, and than its node waits before it dials once more.
      memberTimeoutMs: 20_000,
      clients: { everyMs: 40, keys: dice.pick([8, 24]), deletes: 0.5, expiring: 0.1 },
      faults: {
        copyEveryMs: 300,
        copiesAlone: true,
        restoreEveryMs: 3000,
        byHand: dice.pick([0, 1]),
        downMs: [10, 500],
        aloneOnCopy: 1,
        aloneMs: [5000, 11_000],
      },
      compactMs: 400,
      retentionMs: dice.pick([0, 500, 5000]),
    };
  },
  clones: (dice) => ({
    nodes: dice.within([3, 5]),
    ...ON_COPIES,
    faults: {
      crashEveryMs: dice.pick([0, 5000]),
      cutEveryMs: dice.pick([0, 4000]),
      cloneEveryMs: 6000,
      aloneOnCopy: 0.5,
    },
    compactMs: 400,
    retentionMs: dice.pick([0, 500, 5000]),
  }),
  'lost tails': (dice) => ({
    nodes: dice.within([3, 5]),
    memberTimeoutMs: 12_000,
    joinTimeoutMs: dice.pick([3000, 10_000]),
    mayRejoin: true,
    disk: { durability: 'normal', commitMs: [1, dice.pick([3, 20])] },
    network: dice.chance(0.5) ? LOSSY : {},
    faults: { crashEveryMs: 2000, stopEveryMs: 8000, cutEveryMs: dice.pick([0, 4000]) },
    compactMs: 400,
    retentionMs: dice.pick([0, 100, 2000]),
  }),
  // Disks write hardly anything back by themselves, and all nodes crash at once, some soon after one has rejoined.
  'power cuts': (dice) => {
    const options = retired(dice);
    return {
      ...options,
      joinTimeoutMs: 3000,
      network: { delayMs: [1, dice.pick([5, 20, 100])], idleMs: [12_000, 20_000] },
      disk: { durability: 'normal', commitMs: [1, 3], syncedCommits: dice.pick([0, 0.05]) },
      faults: { ...options.faults, crashEveryMs: 0, powerCutEveryMs: 1500, downMs: [10, 300] },
      holdMs: HOLD_JOIN_TIMEOUTS * 3000,
    };
  },
  // Each unclean stop makes another origin, while watchers go on by cursors from before.
  'many origins': (dice) => ({
    nodes: dice.within([2, 4]),
    memberTimeoutMs: 12_000,
    joinTimeoutMs: 3000,
    mayRejoin: true,
    watchers: 10,
    disk: { durability: 'normal', commitMs: [1, 3] },
    network: dice.chance(0.3) ? LOSSY : {},
    clients: { everyMs: 60, deletes: 0.3, expiring: 0.3 },
    faults: {
      crashEveryMs: 1200,
      downMs: [10, 1500],
      ...dice.pick([{}, { wipes: 0.2 }, { deafEveryMs: 6000, cutMs: [4000, 9000] }]),
    },
    compactMs: dice.pick([0, 400]),
    retentionMs: dice.pick([0, 2000]),
  }),
  'formed apart': (dice) => ({
    nodes: dice.within([2, 5]),
    apart: dice.pick([1, 1, 2]),
    apartMs: dice.within([200, 12_000]),
    joinTimeoutMs: 3000,
    mayRejoin: true,
    network: dice.chance(0.3) ? LOSSY : {},
    faults: { crashEveryMs: dice.pick([0, 4000]), stopEveryMs: dice.pick([0, 6000]) },
    compactMs: 400,
    retentionMs: dice.pick([0, 500]),
  }),
  // All who need values meet cold ones: watchers, nodes that join late, and nodes that offer lost ops.
  'little memory': (dice) => ({
    nodes: dice.within([3, 5]),
    lateNodes: dice.within([0, 1]),
    dropsValues: true,
    watchers: 8,
    ...ON_COPIES,
    network: dice.chance(0.3) ? LOSSY : {},
    clients: { everyMs: 50, keys: dice.pick([8, 24]), longValues: 0.8, deletes: 0.3 },
    disk: { readMs: [0, dice.pick([2, 20])] },
    faults: {
      crashEveryMs: dice.pick([0, 3000]),
      cutEveryMs: dice.pick([0, 4000]),
      copyEveryMs: 600,
      restoreEveryMs: dice.pick([0, 4000]),
    },
    compactMs: 200,
    retentionMs: dice.pick([0, 500, 5000]),
  }),
  watchers: watched,
  // Rows go soon, and the record of expiries with each crash: nodes forget while watchers are away.
  'watchers of forgetful nodes': (dice) => {
    const options = watched(dice);
    const faults = { ...options.faults, crashEveryMs: 1500 };
    return { ...options, faults, compactMs: 200, retentionMs: 0 };
  },
  // Watchers that ask for touches and others, over entries that live on by them.
  'watchers of touches': (dice) => {
    const options = watched(dice);
    const { clients } = options;
    const keys = dice.pick([6, 24]);
    const ops = { keys, touches: 0.5, bytes: 0.2, deletes: 0.1, races: 0.2 };
    return { ...options, clients: { ...clients, ...ops } };
  },
  everything: (dice) => ({
    network: Object.fromEntries(
      Object.entries(LOSSY).map(([what, chance]) => [what, dice.chance(0.5) ? chance : 0]),
    ),
    disk: { commitFailures: dice.pick([0, 0, 0.01]) },
    clients: { races: dice.pick([0, 0.1, 0.6]), batches: dice.pick([0, 0.1, 0.5]) },
    faults: {
      crashEveryMs: dice.pick([0, 2500, 8000]),
      stopEveryMs: dice.pick([0, 6000]),
      cutEveryMs: dice.pick([0, 1500, 6000]),
      breakEveryMs: dice.pick([0, 3000]),
      fullDiskEveryMs: dice.pick([0, 2500]),
      clockJumpEveryMs: dice.pick([0, 3000]),
      hourOffEveryMs: dice.pick([0, 0, 8000]),
      maxSkewMs: dice.pick([0, 5, 300, 29_000]),
    },
  }),
};

export const scenarioNames: readonly string[] = Object.keys(CHANGES);

/** The world of one seed of a scenario. @throws RangeError where there is no such scenario. */
export function worldOf(scenario: string, dice: Dice): WorldOptions {
  const changes = CHANGES[scenario]?.(dice);
  if (changes === undefined) throw new RangeError(`There is no scenario "${scenario}".`);
  const world = quiet(dice);
  return {
    ...world,
    ...changes,
    limits: { ...world.limits, ...changes.limits },
    network: { ...world.network, ...changes.network },
    disk: { ...world.disk, ...changes.disk },
    clients: { ...world.clients, ...changes.clients },
    faults: { ...world.faults, ...changes.faults },
  };
}
