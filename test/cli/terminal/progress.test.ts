/** The progress of long work, as a line. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { progressLine } from '../../../src/cli/terminal/progressText.ts';

const progress = suite('progress');

const START = { count: 0, share: 0, elapsedMs: 0 };

progress('tells count, share, rate, time and time left', () => {
  const now = { count: 45_056, share: 0.25, elapsedMs: 4000 };
  assert.is(
    progressLine('verify', 'rows', START, now, null),
    'verify: 45,056 rows, 25 %, 11,264 rows/s, 4s, 12s left',
  );
});

progress('a terminal with room gets a bar, and no line is as wide as it', () => {
  const now = { count: 45_056, share: 0.25, elapsedMs: 4000 };
  const wide = progressLine('verify', 'rows', START, now, 80);
  assert.match(wide, /^verify: \[#{5}\.{15}\] 45,056 rows, 25 %/);
  for (const columns of [10, 40, 60, 80, 120])
    assert.ok(progressLine('verify', 'rows', START, now, columns).length < columns);
  assert.not.match(progressLine('verify', 'rows', START, now, 60), /\[/);
});

progress('work that was done before this run counts for no rate', () => {
  const first = { count: 1000, share: 0.5, elapsedMs: 0 };
  const now = { count: 1500, share: 0.75, elapsedMs: 5000 };
  const line = progressLine('import', 'ops', first, now, null);
  assert.is(line, 'import: 1,500 ops, 75 %, 100 ops/s, 5s, 5s left');
});

progress('without an end there is neither a share nor a time left', () => {
  const now = { count: 10, share: null, elapsedMs: 2000 };
  const line = progressLine('import', 'entries', { ...START, share: null }, now, 80);
  assert.is(line, 'import: 10 entries, 5 entries/s, 2s');
});

progress.run();
