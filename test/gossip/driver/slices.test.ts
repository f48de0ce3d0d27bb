/** The slices of long work: how long a client waits for one, whatever a step takes. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookThrough } from '../../../src/gossip/driver/mapWalk.ts';
import { SLICE_MS, Slices } from '../../../src/gossip/driver/slices.ts';
import { bucketOf } from '../../../src/gossip/protocol/repair.ts';
import { add, ZERO } from '../../../src/words/hash.ts';
import { openReplica, putting } from '../../support/replicas.ts';

const slices = suite('slices of long work');

/** Steps of these times, in milliseconds. @returns the times of each slice. */
async function run(steps: readonly number[], maxSteps: number): Promise<number[][]> {
  const clock = { nowMs: 0 };
  const done: number[][] = [[]];
  const sliced = new Slices(
    {
      steadyMs: () => clock.nowMs,
      pause: async () => {
        done.push([]);
        clock.nowMs += 3; // others worked meanwhile
      },
    },
    maxSteps,
  );
  for (const step of steps) {
    clock.nowMs += step;
    done.at(-1)?.push(step);
    if (sliced.step()) await sliced.pause();
  }
  return done;
}

const timeOf = (steps: readonly number[]): number => steps.reduce((sum, step) => sum + step, 0);

slices(
  'one ends with the first step after its time, and the time of others is not counted',
  async () => {
    const [short, long] = [SLICE_MS / 2, 4 * SLICE_MS];
    const steps = [short, short, short, long, short, short];
    assert.equal(await run(steps, 100), [[short, short], [short, long], [short, short], []]);
  },
);

slices('one ends after a number of steps, though the clock stands still', async () => {
  assert.equal(await run([0, 0, 0, 0, 0], 2), [[0, 0], [0, 0], [0]]);
});

slices('none lasts longer than its time and one step, and each holds a step', async () => {
  const times = fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(times, fc.integer({ min: 1, max: 20 }), async (steps, maxSteps) => {
      const done = await run(steps, maxSteps);
      assert.equal(done.flat(), steps);
      for (const [index, one] of done.entries()) {
        assert.ok(one.length <= maxSteps);
        assert.ok(one.length > 0 || index === done.length - 1);
        assert.ok(timeOf(one.slice(0, -1)) < SLICE_MS + 1e-6);
      }
    }),
  );
});

slices(
  'a walk through the map for a peer pauses by the clock, and meets all the same',
  async () => {
    const { replica } = await openReplica();
    const keys = Array.from({ length: 200 }, (_, index) => `key${index}`);
    await replica.submit(keys.map((key) => putting(key)));
    let [nowMs, pauses] = [0, 0];
    const walk = {
      replica,
      steadyMs: () => (nowMs += SLICE_MS / 10),
      pause: async () => {
        pauses++;
      },
    };
    const { entries } = await lookThrough(walk, { buckets: 1, asOf: null, chosen: [0] });
    assert.is(entries.get(0)?.length, keys.length);
    assert.ok(pauses >= keys.length / 12, `${pauses} pauses`);
    assert.ok(pauses <= keys.length / 8, `${pauses} pauses`);
  },
);

slices('a walk sums up the map as of a minute if it is asked to, and else nothing', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('a'), putting('b')]);
  const walk = { replica, steadyMs: () => 0, pause: async () => {} };
  const { sums } = await lookThrough(walk, { buckets: 4, asOf: 1, chosen: [] });
  assert.equal([sums.length, sums.reduce(add, ZERO)], [4, replica.mapSum(1)]);
  const found = await lookThrough(walk, { buckets: 4, asOf: null, chosen: [bucketOf('a', 4)] });
  assert.equal(found.sums, []);
  assert.ok(found.entries.get(bucketOf('a', 4))?.some(({ key }) => key === 'a'));
});

slices.run();
