import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameMaker, MESSAGE } from '../../rules/frames.ts';
import { readServerMessage } from '../../rules/serverMessages.ts';
import { Simulation } from '../../rules/simulation.ts';

const messages = suite('messages of a world');

const sent = (message: unknown): unknown => decode(encode(message));

messages('a client reads each frame as it was made', () => {
  const simulation = new Simulation('meadow', { seed: 3, tick: 0, takings: [] });
  const frames = new FrameMaker(simulation);
  simulation.add(1, null);
  for (let tick = 1; tick <= 400; tick += 1) {
    if (tick === 100) simulation.add(2, null);
    if (tick === 300) simulation.remove(1);
    simulation.steer(1, tick, 1, tick % 40 < 20 ? 1 : -1);
    frames.took(simulation.step());
    const frame = frames.changes();
    assert.equal(readServerMessage(sent(frame)), { type: 'frame', frame });
  }
  const whole = frames.whole();
  assert.equal(readServerMessage(sent(whole)), { type: 'frame', frame: whole });
});

messages('a client reads all else that a world sends', () => {
  const welcome = {
    you: 1,
    seq: 0,
    tickMs: 50,
    map: 'meadow',
    resume: 'r',
    total: 4,
    tick: 9,
    players: [[1, 2, 3, 0, 0]],
    coins: [[0, 5, 6]],
  };
  assert.equal(readServerMessage(sent([MESSAGE.welcome, welcome])), { type: 'welcome', welcome });
  assert.equal(readServerMessage(sent([MESSAGE.pong, 1.5])), { type: 'pong', time: 1.5 });
  assert.equal(readServerMessage(sent([MESSAGE.milestone, 20])), { type: 'milestone', coins: 20 });
  const move = { reason: 'drain', inMs: 30_000, saved: null };
  assert.equal(readServerMessage(sent([MESSAGE.move, move])), {
    type: 'move',
    reason: 'drain',
    inMs: 30_000,
  });
  assert.equal(readServerMessage(sent([MESSAGE.bye, { saved: null }])), { type: 'bye' });
  for (const wrong of [
    [MESSAGE.welcome, { ...welcome, map: 'moon' }],
    [MESSAGE.welcome, { ...welcome, players: [[1, 2, 3]] }],
    [MESSAGE.welcome, { ...welcome, tickMs: 0 }],
    [MESSAGE.changes, 1, [1, 2, 3], [], [], []],
    [MESSAGE.changes, 1, [1, 2, 3, 0.5], [], [], []],
    [9],
    null,
  ])
    assert.is(readServerMessage(sent(wrong)), null, JSON.stringify(wrong));
});

messages('nothing that comes makes a client fail', () => {
  const any = fc.oneof(
    fc.anything(),
    fc.array(fc.oneof(fc.nat(6), fc.anything()), { maxLength: 6 }),
  );
  fc.assert(
    fc.property(any, (value) => {
      readServerMessage(value);
    }),
    { numRuns: 2000 },
  );
});

messages.run();
