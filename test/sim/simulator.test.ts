// time limit: 300 s
/** The simulator itself: its runs are pure functions of the seed. `oracle.slow.test.ts` tries its oracle. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkSwitches, simulatorWithout } from '../../sim/switches.ts';
import { run } from '../../sim/world.ts';

const runs = suite('simulated runs');

runs('the same seed gives the same trace, in one process and in another', async () => {
  const options = { scenario: 'everything', seed: 5, steps: 800 };
  const first = await run(options);
  await run({ ...options, seed: 6 });
  const second = await run(options);
  assert.is(second.digest, first.digest);
  assert.equal(second.counts, first.counts);
  assert.equal(second.lastLines(400), first.lastLines(400));
  const { code, text } = await simulate(
    '--scenario',
    'everything',
    '--seed',
    '5',
    '--steps',
    '800',
  );
  assert.is(code, 0);
  assert.ok(text.includes(first.digest), text);
});

runs('another seed, number of nodes or number of steps gives another trace', async () => {
  const options = { scenario: 'everything', seed: 5, steps: 300, nodes: 3 };
  const digests = new Set<string>();
  for (const change of [{}, { seed: 6 }, { nodes: 4 }, { steps: 301 }])
    digests.add((await run({ ...options, ...change })).digest);
  assert.is(digests.size, 4);
});

runs('what is to happen does happen', async () => {
  const { counts } = await run({ scenario: 'crashes', seed: 3, nodes: 5, steps: 3000 });
  assert.ok(counts.ops > 50, `${counts.ops} ops`);
  assert.ok(counts.conflicts > 0, 'no conflicts');
  assert.ok(counts.crashes > 5, `${counts.crashes} crashes`);
  assert.ok(counts.messages > 500, `${counts.messages} messages`);
});

runs('the command line: 0, 1 with the command that runs it again, 2', async () => {
  assert.is((await simulate('--scenario', 'steady', '--seed', '2', '--steps', '200')).code, 0);
  const failed = await simulate(
    ...['--scenario', 'racing', '--seeds', '3', '--nodes', '3', '--without', 'tie-break'],
  );
  assert.is(failed.code, 1);
  assert.match(failed.text, /racing, seed \d+ FAILED after [\d,]+ events/);
  assert.match(failed.text, /VIOLATION/);
  assert.match(
    failed.text,
    /^Again: npm run sim -- --scenario racing --seed \d+ --nodes 3 --without tie-break$/m,
  );
  assert.ok(failed.text.split('\n').every((line) => line.length <= 80 || line.startsWith('Again')));
  assert.is((await simulate('--scenario', 'nonsense')).code, 2);
  assert.is((await simulate('--seeds', '0')).code, 2);
});

runs('every switch finds its text in the sources', () => {
  assert.not.throws(checkSwitches);
});

runs('the oracle sees that the tie-break is switched off', async () => {
  const simulator = await simulatorWithout('tie-break');
  let check: string | undefined;
  for (let seed = 1; seed <= 60 && check === undefined; seed++)
    check = (await simulator.run({ scenario: 'racing', seed })).violation?.check;
  assert.ok(check, '60 seeds passed without it');
});

runs.run();

function simulate(...words: string[]): Promise<{ code: number; text: string }> {
  const script = fileURLToPath(new URL('../../sim/main.ts', import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...words], (_error, stdout) => {
      resolve({ code: child.exitCode ?? -1, text: stdout });
    });
  });
}
