/**
 * Scenarios beyond a full mesh. The short ones have a few seconds of faults that come often, so that many seeds of them run
 * in little time; three nodes are the addresses of all, and a few of their worlds have up to sixty nodes.
 */
import type { Dice } from './dice.ts';
import { LOSSY, retired } from './mixtures.ts';
import type { Changes } from './worldOptions.ts';

const MESH_LIMITS = [4, 8] as const;
const SHORT_STEPS_A_NODE = 100;
/** Each of these few costs as much as a dozen of the others. */
const LARGE = 0.015;

/** The size of a short world, and all that goes with it. */
function short(dice: Dice): Pick<Required<Changes>, 'nodes' | 'steps' | 'addresses'> {
  const nodes = dice.chance(LARGE) ? dice.within([20, 60]) : dice.within([12, 13]);
  return { nodes, steps: SHORT_STEPS_A_NODE * nodes, addresses: 3 };
}

export const MESHES: Readonly<Record<string, (dice: Dice) => Changes>> = {
  // Members hear of most others over several hops.
  mesh: (dice) => ({
    nodes: 12,
    steps: 20_000,
    meshLimit: dice.pick(MESH_LIMITS),
    network: dice.chance(0.5) ? LOSSY : {},
    // Long enough for some rounds, and for cuts that outlast them.
    clients: { everyMs: 150, keys: dice.pick([8, 24]), deletes: 0.4, expiring: 0.4, waits: 0.05 },
    faults: {
      crashEveryMs: dice.pick([0, 10_000]),
      // A cut that ends would mend ways between the halves.
      ...dice.pick([
        { halves: true },
        {},
        { cutEveryMs: 5000, cutMs: [100, 8000] },
        { cutEveryMs: 5000, cutMs: [100, 30_000] },
      ]),
      breakEveryMs: dice.pick([0, 4000]),
      maxSkewMs: dice.pick([0, 5, 300]),
    },
    compactMs: dice.pick([0, 400]),
    retentionMs: dice.pick([0, 500]),
  }),
  // Members come late, are retired although they are well, lose their logs or the ends of them, or are put back.
  'mesh of changing members': (dice) => {
    const options = retired(dice);
    const { retireEveryMs: _none, ...faults } = options.faults;
    const change = dice.pick([
      { faults: { retireEveryMs: 2500 } },
      { faults: { wipes: 0.3 } },
      { disk: { durability: 'normal' as const } },
      { mayFork: true, faults: { copyEveryMs: 600, restoreEveryMs: 5000, byHand: 0.5 } },
    ]);
    return {
      ...options,
      ...change,
      nodes: 12,
      steps: 20_000,
      meshLimit: dice.pick(MESH_LIMITS),
      lateNodes: dice.within([0, 2]),
      network: dice.chance(0.3) ? LOSSY : { delayMs: [1, dice.pick([5, 20, 100])] },
      clients: { ...options.clients, everyMs: 100, waits: 0.05 },
      faults: { ...faults, crashEveryMs: 5000, ...change.faults },
    };
  },
  // The smallest member, which begins the rounds and is the root of the tree, dies again and again while ops flow.
  'mesh whose root dies': (dice) => ({
    nodes: 12,
    steps: 8000,
    addresses: 3,
    meshLimit: dice.pick(MESH_LIMITS),
    network: dice.chance(0.3) ? LOSSY : { delayMs: [1, dice.pick([5, 20])] },
    clients: { everyMs: 50, keys: 24, deletes: 0.4, expiring: 0.4, waits: 0.05 },
    faults: {
      rootDiesEveryMs: dice.pick([1500, 6000]),
      downMs: dice.pick([
        [10, 500],
        [2000, 20_000],
      ]),
      breakEveryMs: dice.pick([0, 2000]),
    },
    compactMs: dice.pick([0, 400]),
    retentionMs: dice.pick([0, 500]),
  }),
  // On each side of a cut a person retires all of the other side.
  'mesh of two sides': (dice) => {
    const options = retired(dice);
    return {
      ...options,
      nodes: 12,
      steps: 6000,
      meshLimit: dice.pick(MESH_LIMITS),
      network: dice.chance(0.3) ? LOSSY : { delayMs: [1, dice.pick([5, 20, 100])] },
      clients: { ...options.clients, everyMs: 100 },
      faults: {
        halves: true,
        sidesRetire: true,
        retireInTurn: false,
        crashEveryMs: dice.pick([0, 4000]),
      },
    };
  },
  'short mesh': (dice) => ({
    ...short(dice),
    meshLimit: dice.pick(MESH_LIMITS),
    network: dice.chance(0.4) ? LOSSY : {},
    clients: { everyMs: 50, keys: dice.pick([8, 24]), deletes: 0.4, expiring: 0.4, waits: 0.05 },
    faults: {
      crashEveryMs: dice.pick([0, 1500]),
      rootDiesEveryMs: dice.pick([0, 0, 2000]),
      downMs: [10, dice.pick([500, 4000])],
      ...dice.pick([{ halves: true }, {}, { cutEveryMs: 1000, cutMs: [100, 5000] }]),
      breakEveryMs: dice.pick([0, 800]),
      maxSkewMs: dice.pick([0, 5, 300]),
    },
    compactMs: dice.pick([0, 400]),
    retentionMs: dice.pick([0, 500]),
  }),
  'short mesh of changing members': (dice) => {
    const options = retired(dice);
    const { retireEveryMs: _none, ...faults } = options.faults;
    const change = dice.pick([
      { faults: { retireEveryMs: 800 } },
      { faults: { wipes: 0.3 } },
      { disk: { durability: 'normal' as const } },
      { mayFork: true, faults: { copyEveryMs: 300, restoreEveryMs: 1500, byHand: 0.5 } },
    ]);
    return {
      ...options,
      ...change,
      ...short(dice),
      meshLimit: dice.pick(MESH_LIMITS),
      lateNodes: dice.within([0, 2]),
      network: dice.chance(0.3) ? LOSSY : { delayMs: [1, dice.pick([5, 20, 100])] },
      clients: { ...options.clients, everyMs: 50, waits: 0.05 },
      faults: { ...faults, crashEveryMs: 1500, downMs: [10, 3000], ...change.faults },
    };
  },
};
