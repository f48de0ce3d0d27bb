/** The options of a world of the simulator, and the quiet world that every scenario changes. */
import { defaultLimits, type Limits } from '../src/words/limits.ts';
import type { ClientOptions } from './clients.ts';
import type { Dice } from './dice.ts';
import type { DiskOptions } from './disk.ts';
import type { FaultOptions } from './faults.ts';
import type { NetworkOptions } from './network.ts';

export interface WorldOptions {
  readonly nodes: number;
  /** Events until everything is healed. */
  readonly steps: number;
  readonly network: NetworkOptions;
  readonly disk: DiskOptions;
  readonly clients: ClientOptions;
  readonly faults: FaultOptions;
  readonly limits: Limits;
  /** How often rows are compacted away, and after how long of being of no use; 0: never. */
  readonly compactMs: number;
  readonly retentionMs: number;
  /** For so long after a retirement compaction keeps what a member on its way back may need. */
  readonly holdMs: number;
  /** With more members, each has a few links, and they hear one another by rounds. */
  readonly meshLimit: number;
  /** So many of the nodes are the addresses of all, and let in as many a minute as there are; 0: all are, and let in five. */
  readonly addresses: number;
  /** After so long a silence a member is retired. */
  readonly memberTimeoutMs: number;
  /** How many of the nodes start only in the storm, with an empty log. */
  readonly lateNodes: number;
  /** The first of them starts so long after the storm has begun. */
  readonly lateMs: number;
  /** So many of the nodes form a cluster of their own, before they meet the others; 0: none. */
  readonly apart: number;
  /** For so long after the storm has begun they do not meet. */
  readonly apartMs: number;
  /** A node that starts and reaches nobody writes alone after so long. */
  readonly joinTimeoutMs: number;
  /** A peer whose texts were malformed is refused for so long. */
  readonly peerRefusalMs: number;
  /** Whether nodes write checkpoints, and start from them. */
  readonly writesCheckpoints: boolean;
  readonly mayRejoin: boolean;
  /** Whether logs are copied by hand, so that one op id may stand for two ops. */
  readonly mayFork: boolean;
  readonly watchers: number;
  /** Whether maps drop every value that they may, so that it is read from the log. */
  readonly dropsValues: boolean;
}

export const DEFAULT_STEPS = 2000;

type Part = 'network' | 'disk' | 'clients' | 'faults' | 'limits';
export type Changes = { readonly [Name in Part]?: Partial<WorldOptions[Name]> } & Partial<
  Omit<WorldOptions, Part>
>;

/** No faults at all; limits are small, so that their edges are met. */
export function quiet(dice: Dice): WorldOptions {
  return {
    nodes: dice.within([2, 5]),
    steps: DEFAULT_STEPS,
    network: {
      delayMs: [1, dice.pick([2, 5, 20, 100])],
      loss: 0,
      reordering: 0,
      duplication: 0,
      lateness: 0,
      lateMs: [2000, 30_000],
      truncation: 0,
      dialFailures: 0,
      dialTimeoutMs: 1000,
      idleMs: [1000, 4000],
    },
    disk: {
      commitMs: [1, dice.pick([1, 3, 20])],
      readMs: [0, dice.pick([0, 2, 10])],
      commitFailures: 0,
      durability: 'full',
      syncedCommits: 0.25,
      forgetsOnCrash: false,
    },
    clients: {
      everyMs: dice.pick([50, 150, 300]),
      keys: dice.pick([8, 24, 60]),
      races: 0.1,
      batches: 0.1,
      deletes: 0.2,
      longValues: 0.1,
      reads: 0.05,
      touches: 0,
      bytes: 0,
      waits: 0,
      expiring: 0.3,
      ttlMs: [1, dice.pick([50, 3000, 200_000])],
    },
    faults: {
      crashEveryMs: 0,
      rootDiesEveryMs: 0,
      stopEveryMs: 0,
      powerCutEveryMs: 0,
      downMs: [10, 4000],
      wipes: 0,
      loseEveryMs: 0,
      retireEveryMs: 0,
      retireInTurn: true,
      lateToLearn: 0,
      cutEveryMs: 0,
      cutMs: [100, 8000],
      deafEveryMs: 0,
      breakEveryMs: 0,
      fullDiskEveryMs: 0,
      fullDiskMs: [50, 3000],
      clockJumpEveryMs: 0,
      maxSkewMs: dice.pick([0, 5, 300]),
      hourOffEveryMs: 0,
      hourOffMs: [100, 6000],
      allAheadEveryMs: 0,
      brokenLink: false,
      halves: false,
      sidesRetire: false,
      copyEveryMs: 0,
      restoreEveryMs: 0,
      copiesAlone: false,
      byHand: 0,
      cloneEveryMs: 0,
      aloneOnCopy: 0,
      aloneMs: [1000, 8000],
    },
    limits: {
      ...defaultLimits,
      maxDeltaOps: dice.pick([2, 5, 16, 512]),
      maxDeltaBytes: dice.pick([1500, 262_144]),
      maxRecentOps: dice.pick([4, 32, 4096]),
      maxPeerBufferBytes: dice.pick([1000, 262_144]),
      maxQueuedOps: dice.pick([20, 10_000]),
    },
    compactMs: dice.pick([0, 1500]),
    retentionMs: dice.pick([100, 2000]),
    // Nodes that come back meet logs that have forgotten already.
    holdMs: 0,
    meshLimit: 64,
    addresses: 0,
    memberTimeoutMs: 10 ** 9,
    joinTimeoutMs: 10_000,
    peerRefusalMs: 600_000,
    lateNodes: 0,
    lateMs: 0,
    apart: 0,
    apartMs: 0,
    writesCheckpoints: true,
    mayRejoin: false,
    mayFork: false,
    watchers: 0,
    dropsValues: false,
  };
}
