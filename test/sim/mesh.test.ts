// time limit: 300 s
/** Clusters beyond a full mesh, with the real nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../sim/world.ts';
import type { Changes, WorldOptions } from '../../sim/worldOptions.ts';
import { runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

/** Pushes an op and other node: one is a tree, and what is above it came before the trees had settled. */
const MOST_PUSHES = 1.3;
const SIZE = 20;

/** A world without faults, whose messages are lost by this chance, and whose clients write one op at a time. */
const peaceful =
  (loss: number) =>
  (world: WorldOptions): WorldOptions => ({
    ...world,
    limits: { ...world.limits, maxPeerBufferBytes: 4_194_304, maxDeltaOps: 512 },
    clients: { ...world.clients, everyMs: 60, races: 0, batches: 0 },
    network: {
      ...world.network,
      ...NO_FAULTS,
      delayMs: [1, 5],
      idleMs: [12_000, 20_000],
      loss,
    },
    faults: { ...world.faults, crashEveryMs: 0, cutEveryMs: 0, breakEveryMs: 0, halves: false },
  });
const NO_FAULTS: Changes['network'] = {
  reordering: 0,
  duplication: 0,
  lateness: 0,
  dialFailures: 0,
};

const mesh = suite('beyond a full mesh');

for (const scenario of [
  'mesh',
  'mesh of changing members',
  'mesh whose root dies',
  'mesh of two sides',
])
  mesh(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

for (const loss of [0, 0.02])
  mesh(
    `an op costs ${MOST_PUSHES} pushes a node at most, where a part of ${loss} is lost`,
    async () => {
      const options = { scenario: 'mesh', seed: 1, nodes: SIZE, steps: 30_000 };
      const { violation, counts } = await run({ ...options, change: peaceful(loss) });
      assert.is(violation, null);
      const pushes = counts.pushes / counts.ops / (SIZE - 1);
      assert.ok(counts.ops > 100, `${counts.ops} ops`);
      assert.ok(pushes <= MOST_PUSHES, `${pushes.toFixed(2)} pushes`);
    },
  );

mesh.run();
