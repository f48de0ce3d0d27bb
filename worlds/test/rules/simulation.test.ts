import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { applyFrame, emptyView, FrameMaker, isQuiet } from '../../rules/frames.ts';
import { MAPS } from '../../rules/maps.ts';
import { Simulation, type Step, type WorldMemory, walk } from '../../rules/simulation.ts';

const simulation = suite('simulation');

const FRESH: WorldMemory = { seed: 7, tick: 0, takings: [] };

const act = fc.record({
  what: fc.constantFrom(
    'steer',
    'steer',
    'steer',
    'add',
    'remove',
    'step',
    'step',
    'step',
    'frame',
  ),
  id: fc.integer({ min: 1, max: 4 }),
  dx: fc.constantFrom<Step>(-1, 0, 1),
  dy: fc.constantFrom<Step>(-1, 0, 1),
});
const acts = fc.array(act, { maxLength: 200 });
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

class Play {
  readonly world: Simulation;
  readonly frames: FrameMaker;
  taken = 0;
  #seq = 0;

  constructor(memory: WorldMemory) {
    this.world = new Simulation('summit', memory);
    this.frames = new FrameMaker(this.world);
  }

  carryOut({ what, id, dx, dy }: Act): void {
    if (what === 'steer') this.world.steer(id, ++this.#seq, dx, dy);
    if (what === 'add' && this.world.figure(id) === undefined) this.world.add(id, null);
    if (what === 'remove') this.world.remove(id);
    if (what !== 'step') return;
    const takings = this.world.step();
    this.frames.took(takings);
    this.taken += takings.length;
  }
}

simulation('the same seed and inputs give the same world', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), acts, (seed, all) => {
      const [one, other] = [new Play({ ...FRESH, seed }), new Play({ ...FRESH, seed })];
      for (const each of all) {
        one.carryOut(each);
        other.carryOut(each);
      }
      assert.equal(one.world.memory, other.world.memory);
      assert.equal([...one.world.figures()], [...other.world.figures()]);
    }),
  );
});

simulation('figures and coins stay on the map, on whole units', () => {
  fc.assert(
    fc.property(acts, (all) => {
      const play = new Play(FRESH);
      const { width, height } = play.world.map;
      for (const each of all) {
        play.carryOut(each);
        for (const { x, y } of [...play.world.figures(), ...play.world.coins])
          assert.ok(
            Number.isInteger(x) &&
              Number.isInteger(y) &&
              x >= 0 &&
              y >= 0 &&
              x < width &&
              y < height,
          );
      }
    }),
  );
});

simulation('each coin that is taken counts for one figure, once', () => {
  const play = new Play(FRESH);
  const coin = play.world.coins[0];
  assert.ok(coin);
  const before = { x: coin.x, y: coin.y };
  for (const id of [1, 2]) {
    play.world.add(id, before);
    play.world.steer(id, 1, 1, 0);
  }
  play.carryOut({ what: 'step', id: 1, dx: 0, dy: 0 });
  assert.is(play.taken, 1);
  assert.is(play.world.figure(1)?.coins, 1);
  assert.is(play.world.figure(2)?.coins, 0);
  assert.is.not(`${coin.x} ${coin.y}`, `${before.x} ${before.y}`);
});

simulation('a world goes on from its memory with its coins where they lay', () => {
  const play = new Play(FRESH);
  play.world.add(1, play.world.coins[0] ?? null);
  play.world.steer(1, 1, 1, 1);
  for (let tick = 0; tick < 50; tick += 1) play.world.step();
  const next = new Simulation('summit', play.world.memory);
  assert.is(next.tick, 50);
  assert.equal(next.coins, play.world.coins);
});

simulation('an input that comes late is ignored', () => {
  const world = new Simulation('meadow', FRESH);
  world.add(1, { x: 500, y: 500 });
  world.steer(1, 5, 1, 0);
  world.steer(1, 5, -1, 0);
  world.steer(1, 4, -1, 0);
  world.step();
  assert.is(world.figure(1)?.x, walk(MAPS.meadow, { x: 500, y: 500 }, 1, 0).x);
});

simulation('a place beyond the map is moved to its edge', () => {
  const world = new Simulation('summit', FRESH);
  const { x, y } = world.add(1, { x: 1e9, y: -3.7 });
  assert.equal({ x, y }, { x: MAPS.summit.width - 1, y: 0 });
});

simulation('whole frame and changes give the state that the world shows, from whenever on', () => {
  fc.assert(
    fc.property(acts, acts, (before, all) => {
      const play = new Play(FRESH);
      for (const each of before) {
        play.carryOut(each);
        if (each.what === 'frame') play.frames.changes();
      }
      const view = emptyView();
      applyFrame(view, play.frames.whole());
      for (const each of all) {
        play.carryOut(each);
        if (each.what === 'frame') assert.ok(applyFrame(view, play.frames.changes()));
      }
      assert.ok(applyFrame(view, play.frames.changes()));
      assert.is(view.tick, play.world.tick);
      assert.equal(
        [...view.figures.values()].toSorted(([a], [b]) => a - b),
        [...play.world.figures()]
          .toSorted((a, b) => a.id - b.id)
          .map(({ id, x, y, seq, coins }) => [id, x, y, seq, coins]),
      );
      assert.equal(
        [...view.coins.values()].toSorted(([a], [b]) => a - b),
        play.world.coins.map(({ number, x, y }) => [number, x, y]),
      );
      assert.ok(isQuiet(play.frames.changes()));
    }),
    { numRuns: 300 },
  );
});

simulation(
  'a figure that leaves and comes back between two frames begins anew in every view',
  () => {
    const play = new Play(FRESH);
    const coin = play.world.coins[0];
    assert.ok(coin);
    play.world.add(1, { x: coin.x, y: coin.y });
    const view = emptyView();
    applyFrame(view, play.frames.whole());
    applyFrame(view, play.frames.changes());
    play.world.steer(1, 9, 1, 0);
    play.carryOut({ what: 'step', id: 1, dx: 0, dy: 0 });
    play.world.remove(1);
    play.world.add(1, null);
    applyFrame(view, play.frames.changes());
    const { x, y } = play.world.figure(1) ?? {};
    assert.equal(view.figures.get(1), [1, x, y, 0, 0]);
  },
);

simulation('a view that lacks a figure notices', () => {
  const view = emptyView();
  assert.not.ok(applyFrame(view, [1, 5, [9, 1, 1, 1], [], [], []]));
});

simulation.run();
