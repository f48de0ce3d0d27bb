import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Captures } from '../../src/store/captures.ts';
import { hashBytes } from '../../src/store/keyHash.ts';
import { type Firsts, SlotOrder } from '../../src/store/slotOrder.ts';
import { SlotQueue } from '../../src/store/slotQueue.ts';
import { SlotTable } from '../../src/store/slotTable.ts';
import { nextRandom, seeded } from '../../src/words/random.ts';

const table = suite('slots by hash');

/** A table of slots whose keys are their numbers. */
function tableOf(hashOf: (slot: number) => number) {
  let sought = -1;
  const slots = new SlotTable((slot) => slot === sought);
  return {
    find: (slot: number) => {
      sought = slot;
      return slots.find(hashOf(slot));
    },
    add: (slot: number) => slots.add(hashOf(slot), slot),
    remove: (slot: number) => slots.remove(hashOf(slot), slot),
  };
}

const spread = (slot: number): number => Math.imul(slot + 1, 0x9e3779b1) >>> 0;

table('each of many slots is found, and none that was removed', () => {
  const slots = tableOf(spread);
  const count = 50_000;
  for (let slot = 0; slot < count; slot++) slots.add(slot);
  for (let slot = 0; slot < count; slot += 3) slots.remove(slot);
  const wrong: number[] = [];
  for (let slot = 0; slot < count + 100; slot++) {
    const isThere = slot < count && slot % 3 !== 0;
    if (slots.find(slot) !== (isThere ? slot : -1)) wrong.push(slot);
  }
  assert.equal(wrong, []);
});

table('slots whose hashes are alike, or nearly, are told apart', () => {
  for (const [hashOf, count] of [
    [() => 7, 1000],
    [(slot: number) => slot, 6000],
    [(slot: number) => 0xffff0000 + slot, 6000],
  ] as const) {
    const slots = tableOf(hashOf);
    for (let slot = 0; slot < count; slot++) slots.add(slot);
    for (let slot = count - 1; slot >= 0; slot -= 2) slots.remove(slot);
    const found = [0, 1, 2, count - 2, count - 1].map((slot) => slots.find(slot));
    assert.equal(found, [0, -1, 2, count - 2, -1]);
  }
});

table('any adding and removing leaves what a set holds', () => {
  // Few homes, at the end of the cells too, so that searches run round.
  const hashOf = (slot: number): number => [0, 1, 14, 15, 15][slot % 5] ?? 0;
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 80 }), (acts) => {
      const [slots, held] = [tableOf(hashOf), new Set<number>()];
      for (const slot of acts) {
        if (held.has(slot)) slots.remove(slot);
        else slots.add(slot);
        if (!held.delete(slot)) held.add(slot);
        for (let one = 0; one <= 30; one++) assert.is(slots.find(one), held.has(one) ? one : -1);
      }
    }),
  );
});

table.run();

const order = suite('slots in order');

/** Slots in the order of their numbers. */
function orderOf() {
  let sought = -1;
  const slots = new SlotOrder((slot) => sought - slot);
  return {
    add: (slot: number) => {
      sought = slot;
      slots.add(slot);
    },
    remove: (slot: number) => {
      sought = slot;
      slots.remove(slot);
    },
    from: (slot: number) => {
      sought = slot;
      return [...slots.fromSought()];
    },
    slots,
  };
}

for (const [name, slotOf] of [
  ['upwards', (index: number) => index],
  ['downwards', (index: number) => 9999 - index],
  ['in no order', (index: number) => (index * 7919) % 10_000],
] as const)
  order(`many slots that come and go ${name} stay in order`, () => {
    const { add, remove, from, slots } = orderOf();
    const numbers = Array.from({ length: 10_000 }, (_, index) => slotOf(index));
    for (const slot of numbers) add(slot);
    const all = Array.from({ length: 10_000 }, (_, index) => index);
    assert.equal(from(0), all);
    assert.equal(from(5000), all.slice(5000));
    for (const slot of numbers) if (slot % 10 !== 3) remove(slot);
    remove(4);
    const left = all.filter((slot) => slot % 10 === 3);
    assert.equal(from(0), left);
    assert.equal(from(14), left.slice(2));
    assert.is(slots.first, 3);
    for (let count = 0; count < 999; count++) slots.removeFirst();
    assert.equal(from(0), [9993]);
    slots.removeFirst();
    assert.equal([from(0), slots.first], [[], -1]);
    add(1);
    assert.equal(from(0), [1]);
  });

order('any adding and removing leaves a sorted list', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seeded(seed);
      const { add, remove, from } = orderOf();
      const held = new Set<number>();
      for (let count = 0; count < 4000; count++) {
        const slot = Math.floor(nextRandom(random) * 1500);
        // First most are added, and in the end most are removed.
        if (nextRandom(random) * 4000 > count) {
          if (!held.has(slot)) add(slot);
          held.add(slot);
        } else {
          remove(slot);
          held.delete(slot);
        }
      }
      assert.equal(
        from(0),
        [...held].sort((a, b) => a - b),
      );
    }),
    { numRuns: 30 },
  );
});

order('what is known of first slots follows the blocks, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seeded(seed);
      let sought = -1;
      const known: number[] = [];
      const firsts: Firsts = {
        bytes: 0,
        compare: (block) => sought - (known[block] ?? Number.NaN),
        insert: (block, slot) => void known.splice(block, 0, slot),
        set: (block, slot) => {
          known[block] = slot;
        },
        remove: (block) => void known.splice(block, 1),
        clear: () => {
          known.length = 0;
        },
      };
      const captures = new Captures();
      const slots = new SlotOrder((slot) => sought - slot, captures, firsts);
      const held = new Set<number>();
      for (let count = 0; count <= 12_000; count++) {
        sought = Math.floor(nextRandom(random) * 4000);
        if (nextRandom(random) * 6000 > count) {
          if (!held.has(sought)) slots.add(sought);
          held.add(sought);
        } else {
          slots.remove(sought);
          held.delete(sought);
        }
        if (count % 600 > 0) continue;
        captures.begin();
        const image = slots.image();
        assert.equal(
          known,
          image.map((block) => block[0]),
        );
        if (count % 1200 === 0) slots.restore(image.map((block) => block.slice()));
        captures.end();
        assert.equal(
          known,
          image.map((block) => block[0]),
        );
      }
      slots.clear();
      assert.equal(known, []);
    }),
    { numRuns: 20 },
  );
});

order.run();

const queue = suite('queue of slots');

queue('what was pushed first comes out first, over many chunks', () => {
  const slots = new SlotQueue();
  let [pushed, shifted] = [0, 0];
  for (let round = 0; round < 50; round++) {
    for (let count = 0; count < 300; count++) slots.push(pushed++);
    assert.is(slots.at(slots.length - 1), pushed - 1);
    for (let count = 0; count < 290; count++) assert.is(slots.shift(), shifted++);
  }
  while (slots.length > 0) assert.is(slots.shift(), shifted++);
  assert.is(shifted, pushed);
  assert.is(slots.shift(), -1);
});

queue.run();

const hash = suite('hash of keys');

hash('it is HalfSipHash-1-3', () => {
  // The first vectors of Linux, lib/test_siphash.c: bytes from 0 up, of each length.
  const expected = [
    0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
    0x577999b1,
  ];
  const bytes = new DataView(Uint8Array.from({ length: 64 }, (_, index) => index).buffer);
  const seed = { first: 0x03020100, second: 0x07060504 };
  const hashes = expected.map((_, length) => hashBytes(bytes, length, seed));
  assert.equal(hashes, expected);
});

hash('another seed gives another hash', () => {
  const bytes = new DataView(new ArrayBuffer(8));
  const hashes = [0, 1, 2].flatMap((first) =>
    [0, 1, 2].map((second) => hashBytes(bytes, 8, { first, second })),
  );
  assert.is(new Set(hashes).size, hashes.length);
});

hash.run();
