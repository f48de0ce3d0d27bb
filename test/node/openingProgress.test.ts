import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openingProgress } from '../../src/node/openingProgress.ts';

const test = suite('the progress of an opening');

test('it is told after a second, and then every five', () => {
  const told: string[] = [];
  let nowMs = 0;
  const onPage = openingProgress(
    (_level, text) => told.push(text),
    () => nowMs,
  );
  for (const [atMs, lsn] of [
    [500, 10],
    [1100, 20],
    [5000, 30],
    [6200, 40],
    [7000, 80],
  ] as const) {
    nowMs = atMs;
    onPage(lsn, 80);
  }
  assert.equal(told, [
    'The log is being read: 25 %, lsn 20 of 80, after 1 s; some 4 s are left.',
    'The log is being read: 50 %, lsn 40 of 80, after 6 s; some 7 s are left.',
  ]);
});

test('no time is told that nobody can know, and none at the end', () => {
  const told: string[] = [];
  let nowMs = 0;
  const onPage = openingProgress(
    (_level, text) => told.push(text),
    () => nowMs,
  );
  for (const [atMs, lsn] of [
    [2000, 2],
    [8000, 100_000],
  ] as const) {
    nowMs = atMs;
    onPage(lsn, 100_000);
  }
  assert.equal(told, [
    'The log is being read: 0 %, lsn 2 of 100000, after 2 s.',
    'The log is being read: 100 %, lsn 100000 of 100000, after 8 s.',
  ]);
});

test.run();
