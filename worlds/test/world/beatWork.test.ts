/** Work that is done in the beats of a game. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BeatWork } from '../../world/beatWork.ts';

const work = suite('beat work');

const EVERY_MS = 40;

function waitUntil(atMs: number): void {
  while (performance.now() < atMs);
}

work('it is done in the first beat after each of its times', () => {
  const beats = new BeatWork();
  const startedAtMs = performance.now();
  const times: number[] = [];
  beats.every(EVERY_MS, () => times.push(performance.now() - startedAtMs));
  beats.beat();
  assert.is(times.length, 0, 'not before its time');
  while (times.length < 5) beats.beat();
  // Each may come a little early.
  for (const [index, atMs] of times.entries()) assert.ok(atMs > (index + 1) * EVERY_MS - 3);
});

work('after a long stop it is done once, and then at its pace', () => {
  const beats = new BeatWork();
  let count = 0;
  beats.every(EVERY_MS, () => {
    count += 1;
  });
  waitUntil(performance.now() + 10 * EVERY_MS);
  for (let beat = 0; beat < 3; beat += 1) beats.beat();
  assert.is(count, 1);
  while (count < 2) beats.beat();
});

work(
  'work that comes half as often comes in each second beat of the other, whenever it was begun',
  () => {
    const beats = new BeatWork();
    let [beat, often] = [0, 0];
    const [atOften, atSeldom]: [number[], number[]] = [[], []];
    beats.every(EVERY_MS, () => {
      often += 1;
      atOften.push(beat);
    });
    waitUntil(performance.now() + EVERY_MS / 2);
    beats.every(2 * EVERY_MS, () => atSeldom.push(beat));
    while (often < 6) {
      beats.beat();
      beat += 1;
    }
    assert.ok(atSeldom.length > 0);
    for (const at of atSeldom) assert.ok(atOften.includes(at), `${at} of ${atOften}`);
  },
);

work('work that was ended is not done, also where other work ends it in the same beat', () => {
  const beats = new BeatWork();
  let count = 0;
  beats.every(EVERY_MS, () => end());
  const end = beats.every(EVERY_MS, () => {
    count += 1;
  });
  waitUntil(performance.now() + 2 * EVERY_MS);
  beats.beat();
  assert.is(count, 0);
});

work.run();
