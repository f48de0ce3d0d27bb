// time limit: 300 s
/** Twenty watchers of the simulated cluster, cut and moved at random. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../sim/world.ts';
import { runSeeds, SEEDS_A_SCENARIO } from './seeds.ts';

const watchers = suite('simulated watchers');

for (const scenario of ['watchers', 'watchers of forgetful nodes', 'watchers of touches'])
  watchers(`${SEEDS_A_SCENARIO} seeds of "${scenario}"`, () => runSeeds(scenario));

watchers('what is to happen to them does happen', async () => {
  const sum = { events: 0, resets: 0, resumes: 0 };
  for (let seed = 1; seed <= 5; seed++) {
    const { counts } = await run({ scenario: 'watchers', seed });
    sum.events += counts.watchEvents;
    sum.resets += counts.watchResets;
    sum.resumes += counts.watchResumes;
  }
  assert.ok(sum.events > 1000, `${sum.events} events`);
  assert.ok(sum.resumes > 100, `${sum.resumes} resumes`);
  assert.ok(sum.resets > 0 && sum.resets < sum.resumes, `${sum.resets} resets`);
});

watchers.run();
