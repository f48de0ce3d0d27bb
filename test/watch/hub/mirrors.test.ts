// time limit: 300 s
/**
 * The copies and events of watchers, against the ops themselves: random histories on three nodes whose
 * logs differ in order, with expiry, clocks that are set, collecting, compaction and full sockets, and watchers that are cut
 * anywhere and go on from their cursor on any node.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Histories } from './histories.ts';

const mirrors = suite('mirrors of watchers');

const small = fc.nat(255);
const step = fc.tuple(fc.nat(116), small, small, small);
const options = fc.record({
  recent: fc.constantFrom(3, 8, 1000),
  events: fc.constantFrom(2, 6, 1000),
  expiries: fc.constantFrom(2, 5, 1000),
  skewMs: fc.constantFrom(0, 0, 40),
  watchers: fc.integer({ min: 1, max: 10 }),
  page: fc.constantFrom(1, 2, 500),
  pauses: fc.boolean(),
});

mirrors(
  'end as the map, told in order, nothing twice, nothing that the cursor covers',
  async () => {
    const steps = fc.array(step, { minLength: 20, maxLength: 200, size: 'max' });
    const counts = {
      events: 0,
      touches: 0,
      resets: 0,
      resumes: 0,
      waited: 0,
      expires: 0,
      collected: 0,
      compacted: 0,
    };
    await fc.assert(
      fc.asyncProperty(options, steps, async (chosen, taken) => {
        const world = await Histories.start(chosen);
        for (const one of taken) await world.step(one);
        await world.heal();
        world.check();
        for (const name of Object.keys(counts) as (keyof typeof counts)[])
          counts[name] += world.counts[name];
        world.stop();
      }),
      { numRuns: Number(process.env.RUNS ?? 500), includeErrorInReport: true },
    );
    if (process.env.SHOW) console.log(counts);
    for (const [name, count] of Object.entries(counts)) assert.ok(count > 20, `${name}: ${count}`);
  },
);

mirrors.run();
