// time limit: 300 s
/** Each bench runs once, with few keys and for moments: its answers are checked, its figures mean nothing. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { benches } from '../../bench/benches.ts';
import { SMOKE } from '../../bench/scale.ts';

const smoke = suite('benches');

for (const [name, { run }] of benches)
  smoke(`${name} measures, with every answer checked`, async () => {
    const { figures, skipped } = await run(SMOKE);
    for (const sentence of skipped) console.log(`${name} skipped a part: ${sentence}`);
    assert.ok(figures.length > 0 || skipped.length > 0);
    assert.is(new Set(figures.map((figure) => figure.name)).size, figures.length, 'names differ');
    for (const figure of figures) assert.not.ok(Number.isNaN(figure.value), figure.name);
  });

smoke.run();
