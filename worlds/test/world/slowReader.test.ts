// time limit: 240 s
/** Players who do not read, over real sockets: they lose frames, then their places, and nobody else notices. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import type { Step } from '../../rules/simulation.ts';
import { playerId, TestWorld } from '../support/testWorld.ts';

const slow = suite('slow readers');

/** The system takes up to 4 MiB for a connection, so frames are large here: some 50 KiB, ten times a second. */
const FIGURES = 6000;
const FIRST_FIGURE = 1_000_000;
const STEER_MS = 100;
const MIB = 1024 * 1024;

/** Figures without players; each changes in each frame. */
function crowd({ instance }: TestWorld): Disposable {
  const { simulation } = instance.game;
  const ids = Array.from({ length: FIGURES }, (_unused, index) => FIRST_FIGURE + index);
  for (const id of ids) simulation.add(id, null);
  let seq = 0;
  const timer = setInterval(() => {
    seq += 1;
    const step: Step = seq % 2 === 0 ? 1 : -1;
    for (const id of ids) simulation.steer(id, seq, step, 0);
  }, STEER_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

slow('one who does not read loses frames, and one who never does the place', async () => {
  await using world = await TestWorld.start();
  using calm = await world.play(playerId(0));
  using pausing = await world.play(playerId(1));
  using sleeping = await world.play(playerId(2));
  // Inputs are signs of life: who sends none, and reads no ping, is dropped as silent.
  const inputs = setInterval(() => {
    for (const one of [pausing, sleeping]) one.walk(1, 0);
  }, 500);
  using ends = new DisposableStack();
  ends.defer(() => clearInterval(inputs));
  ends.use(crowd(world));
  await waitFor(() => calm.view.figures.size > FIGURES, 20_000, 'the crowd is seen');
  for (const one of [pausing, sleeping]) one.pause();
  const sent = (): number => world.instance.game.sentBytes;

  // How many get the frames of a second: a world that has much to do sends fewer of them, but all get the same.
  const readers = async (): Promise<number> => {
    const [bytes, own, tick] = [sent(), calm.receivedBytes, calm.view.tick];
    await waitFor(() => calm.view.tick >= tick + 20, 20_000, 'a second of ticks');
    return (sent() - bytes) / (calm.receivedBytes - own);
  };
  await waitFor(async () => (await readers()) < 1.5, 60_000, 'two get no frames');
  const before = process.memoryUsage().arrayBuffers;

  pausing.goOn();
  await waitFor(
    () => pausing.wholeFrames === 1,
    20_000,
    'a whole frame after those that were lost',
  );
  await waitFor(
    () => pausing.view.tick === calm.view.tick && pausing.view.tick > 0,
    20_000,
    'it is as far as the other',
  );
  assert.equal(pausing.view.figures.get(FIRST_FIGURE), calm.view.figures.get(FIRST_FIGURE));

  await waitFor(() => world.instance.closings.slow === 1, 30_000, 'who never reads is closed');
  await waitFor(() => world.instance.counts.held === 1, 20_000, 'the seat is held');
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * MIB, 'memory is flat');
  for (const one of [calm, pausing]) {
    assert.is(one.closeCode, null);
    assert.ok(one.isComplete);
  }
  assert.is(calm.wholeFrames, 0, 'the calm one has lost no frame');
  assert.equal(world.faults, []);
});

slow('one who neither reads nor sends is dropped as silent, and has the seat back', async () => {
  await using world = await TestWorld.start();
  using calm = await world.play(playerId(0));
  using sleeping = await world.play(playerId(1));
  sleeping.pause();
  const inputs = setInterval(() => calm.walk(1, 0), 100);
  using ends = new DisposableStack();
  ends.defer(() => clearInterval(inputs));
  world.aheadMs += 9000;
  await waitFor(() => world.instance.counts.held === 1, 20_000, 'it is dropped');
  assert.is(world.instance.counts.taken, 2);
  using again = await world.play(playerId(1));
  assert.is(again.you, sleeping.you);
  assert.is(calm.closeCode, null);
});

slow.run();
