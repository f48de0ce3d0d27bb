import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BrokenInvariantError } from '../../src/words/errors.ts';
import { Queue } from '../../src/words/queue.ts';

const queues = suite('queues');

interface Element {
  readonly number: number;
}

/** Each step on the queue and on a plain list. */
type Step = (queue: Queue<Element>, list: Element[]) => void;

const pushed = (number: number): Step => {
  const element = { number };
  return (queue, list) => {
    queue.push(element);
    list.push(element);
  };
};
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.nat().map(pushed) },
  {
    weight: 3,
    arbitrary: fc.constant((queue: Queue<Element>, list: Element[]) =>
      assert.is(queue.shift(), list.shift()),
    ),
  },
  fc
    .tuple(fc.nat(), fc.nat())
    .map(([place, number]) => (queue: Queue<Element>, list: Element[]) => {
      const element = { number };
      const index = place % (list.length + 1);
      queue.insert(index, element);
      list.splice(index, 0, element);
    }),
);

queues('a queue holds what a list would hold after the same steps', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 200 }), (all) => {
      const queue = new Queue<Element>();
      const list: Element[] = [];
      for (const step of all) step(queue, list);
      assert.equal(queue.slice(0), list);
      assert.is(queue.length, list.length);
      assert.is(queue.last, list.at(-1));
      assert.is(queue.at(0), list[0]);
      assert.is(queue.at(-1), undefined);
      assert.is(queue.at(list.length), undefined);
    }),
  );
});

queues('a queue gives back the places of what has left it, and keeps the rest', () => {
  const queue = new Queue<Element>();
  for (let number = 0; number < 5000; number++) queue.push({ number });
  for (let number = 0; number < 4000; number++) assert.is(queue.shift()?.number, number);
  assert.equal([queue.length, queue.at(0)?.number, queue.last?.number], [1000, 4000, 4999]);
});

queues('the first element behind a run is found by halving', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.nat(21), fc.nat(5), (numbers, bound, shifts) => {
      const queue = new Queue<Element>();
      for (const number of numbers.sort((a, b) => a - b)) queue.push({ number });
      for (let shift = 0; shift < shifts; shift++) queue.shift();
      const expected = numbers.slice(shifts).filter((number) => number < bound).length;
      assert.is(
        queue.firstIndexNot(({ number }) => number < bound),
        expected,
      );
    }),
  );
});

queues('nothing is put in outside of a queue', () => {
  const queue = new Queue<Element>();
  for (const index of [-1, 1])
    assert.throws(
      () => queue.insert(index, { number: 0 }),
      (error: unknown) => error instanceof BrokenInvariantError,
    );
});

queues.run();
