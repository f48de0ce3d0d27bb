/** The moments at which players steer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { STEER_EVERY_MS, Steering, steeringMoment } from '../../bots/steering.ts';

const steering = suite('steering');

const PLAYERS = 50;
const numbers = Array.from({ length: PLAYERS }, (_unused, number) => number);

/** How far a time is from the moment of a player, on either side. */
function awayMs(number: number, atMs: number): number {
  const afterMs = (atMs - steeringMoment(number) + STEER_EVERY_MS) % STEER_EVERY_MS;
  return Math.min(afterMs, STEER_EVERY_MS - afterMs);
}

steering('the moments of players lie apart, whatever their count', () => {
  for (const count of [2, 10, PLAYERS, 200]) {
    const moments = numbers.slice(0, count).map(steeringMoment);
    moments.sort((a, b) => a - b);
    for (const [index, moment] of moments.entries()) {
      const next = moments[index + 1] ?? (moments[0] ?? 0) + STEER_EVERY_MS;
      assert.ok(next - moment > STEER_EVERY_MS / moments.length / 3, `${moment} and ${next}`);
    }
  }
});

steering('players who were late together steer at their own moments again', async () => {
  const times = new Map<number, number[]>(numbers.map((number) => [number, []]));
  using ends = new DisposableStack();
  for (const number of numbers)
    ends.use(new Steering(number, () => void times.get(number)?.push(performance.now())));
  const isLate = performance.now() + STEER_EVERY_MS;
  while (performance.now() < isLate);
  const lateAtMs = performance.now();
  // One of several times is near the moment on a machine that does other work as well.
  const isBack = (): boolean =>
    [...times].every(([number, all]) =>
      all.some((atMs) => atMs > lateAtMs + STEER_EVERY_MS / 2 && awayMs(number, atMs) < 20),
    );
  await waitFor(isBack, 20_000, 'each player at its moment');
});

steering('who has ended steers no more', async () => {
  let count = 0;
  const ended = new Steering(0, () => {
    count += 1;
  });
  ended[Symbol.dispose]();
  await new Promise((resolve) => setTimeout(resolve, STEER_EVERY_MS + 100));
  assert.is(count, 0);
});

steering.run();
