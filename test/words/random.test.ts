import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nextRandom, seeded, shuffled } from '../../src/words/random.ts';

const random = suite('seeded randomness');

random('one seed gives the same numbers again, for ever', () => {
  const source = seeded(7);
  const numbers = Array.from({ length: 3 }, () => nextRandom(source));
  assert.equal(numbers, [0.8936956545803696, 0.9803904530126601, 0.1866056271828711]);
});

random('numbers lie from 0 to below 1, and are spread evenly', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const source = seeded(seed);
      const tenths = new Array<number>(10).fill(0);
      for (let index = 0; index < 2000; index++) {
        const number = nextRandom(source);
        assert.ok(number >= 0 && number < 1);
        const tenth = Math.floor(number * 10);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      for (const count of tenths) assert.ok(count > 120 && count < 290, tenths.join(' '));
    }),
  );
});

random('shuffling keeps every item, leaves the original alone and repeats with its seed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
      const before = [...items];
      const result = shuffled(items, seeded(seed));
      assert.equal(items, before);
      assert.equal([...result].sort(), [...items].sort());
      assert.equal(shuffled(items, seeded(seed)), result);
    }),
  );
});

random('every order of three items comes about equally often', () => {
  const counts = new Map<string, number>();
  const source = seeded(1);
  for (let round = 0; round < 6000; round++) {
    const order = shuffled(['a', 'b', 'c'], source).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.is(counts.size, 6);
  for (const count of counts.values()) assert.ok(count > 850 && count < 1150, `${count}`);
});

random.run();
