/** Parts of worlds that several scenarios have. */
import { HOLD_JOIN_TIMEOUTS } from '../src/rules/compaction.ts';
import type { Dice } from './dice.ts';
import type { FaultOptions } from './faults.ts';
import type { Changes } from './worldOptions.ts';

export const LOSSY = {
  loss: 0.15,
  reordering: 0.2,
  duplication: 0.1,
  lateness: 0.03,
  dialFailures: 0.2,
};

/** Members that are well, and take writes until they learn of it. */
export const retired = (dice: Dice): Changes & { faults: Partial<FaultOptions> } => ({
  nodes: dice.within([3, 5]),
  memberTimeoutMs: 12_000,
  mayRejoin: true,
  // Slow, so that its last ops are under way for long, and it lacks the last ops of the others.
  network: {
    ...(dice.chance(0.3) ? LOSSY : {}),
    delayMs: [1, dice.pick([20, 100, 300, 600])],
    idleMs: [12_000, 20_000],
  },
  clients: { everyMs: 40, keys: dice.pick([24, 60]), deletes: 0.5, expiring: 0.1 },
  limits: { maxDeltaOps: 512, maxDeltaBytes: 262_144 },
  faults: {
    retireEveryMs: dice.pick([500, 2000]),
    lateToLearn: dice.pick([0, 0.8]),
    // Where they overlap they outlast the join timeout: who is back and reaches only others that are back must form no cluster.
    cutMs: [1500, 5000],
    crashEveryMs: dice.pick([0, 8000]),
  },
  compactMs: dice.pick([0, 400]),
  retentionMs: dice.pick([0, 500, 5000]),
  holdMs: HOLD_JOIN_TIMEOUTS * 10_000,
});
