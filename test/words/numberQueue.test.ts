import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BrokenInvariantError } from '../../src/words/errors.ts';
import { NumberQueue } from '../../src/words/numberQueue.ts';

const queues = suite('queue of numbers');

queues('it holds what a list holds, however often it has gone round', () => {
  const steps = fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 20 });
  fc.assert(
    fc.property(steps, (runs) => {
      const queue = new NumberQueue();
      const list: number[] = [];
      let next = 0;
      for (const [pushed, shifted] of runs) {
        for (let count = 0; count < pushed; count++) {
          queue.push(next + 0.5);
          list.push(next++ + 0.5);
        }
        for (let count = Math.min(shifted, list.length); count > 0; count--)
          assert.is(queue.shift(), list.shift());
        assert.is(queue.length, list.length);
        assert.equal(
          list.map((_, index) => queue.at(index)),
          list,
        );
      }
    }),
    { numRuns: 300 },
  );
});

queues('a place that it does not have is a broken invariant', () => {
  const queue = new NumberQueue();
  queue.push(1);
  const isBroken = (error: Error) => error instanceof BrokenInvariantError;
  for (const index of [-1, 1, 64]) assert.throws(() => queue.at(index), isBroken);
  queue.shift();
  assert.throws(() => queue.shift(), isBroken);
});

queues.run();
