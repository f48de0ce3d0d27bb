import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Gain } from '../../rules/progress.ts';
import { KeptPlayer } from '../../world/keptPlayer.ts';
import { RecordNode } from '../support/recordNode.ts';

const players = suite('kept player');

class Kept {
  readonly milestones: number[] = [];
  displaced = 0;
  failures = 0;
  readonly player: KeptPlayer;
  #isLoaded = false;

  constructor(node: RecordNode, fence: number, earlier: Kept | null = null) {
    this.player = new KeptPlayer(
      {
        player: 'p1',
        store: node,
        world: 'meadow',
        instance: 'one',
        now: () => 5,
        earlier: earlier?.player ?? null,
        onMilestone: (milestone) => this.milestones.push(milestone),
        onDisplaced: () => {
          this.displaced += 1;
        },
        onFailure: () => {
          this.failures += 1;
        },
      },
      fence,
    );
  }

  load(): Promise<boolean> {
    this.#isLoaded = true;
    return this.player.load(null);
  }

  async gain(coins: number): Promise<boolean> {
    this.player.report(gained(coins));
    return this.#isLoaded ? this.player.settle() : this.load();
  }
}

const gained = (coins: number): Gain => ({
  position: { x: coins, y: 0 },
  coins,
  distance: coins * 10,
  playedMs: coins * 100,
});
const coinsAt = (node: RecordNode): number | undefined => node.records.get('p1')?.record.coins;

players('the record afterwards is the old one and what was gained', async () => {
  const node = new RecordNode();
  await new Kept(node, 1).gain(7);
  const next = new Kept(node, 2);
  await next.load();
  assert.is(next.player.coins, 7);
  assert.equal(next.player.position, { x: 7, y: 0 });
  await next.gain(2);
  await next.gain(4);
  assert.is(coinsAt(node), 11);
  assert.is(node.records.get('p1')?.record.visits, 2);
});

players('a player who stands still hears of a newer seat by a look, once', async () => {
  const node = new RecordNode();
  const old = new Kept(node, 1);
  await old.gain(3);
  await old.player.look();
  assert.is(old.displaced, 0);
  const next = new Kept(node, 2);
  await next.load();
  node.isAway = true;
  await old.player.look();
  assert.is(old.displaced, 0, 'not known');
  node.isAway = false;
  await Promise.all([old.player.look(), old.player.look()]);
  await next.player.look();
  assert.equal([old.displaced, next.displaced], [1, 0]);
});

players('a player without a record was nowhere, though the record is claimed', async () => {
  const kept = new Kept(new RecordNode(), 1);
  await kept.load();
  assert.is(kept.player.position, null);
});

players(
  'while the cache is away the gain waits, and nothing is saved over what was not read',
  async () => {
    const node = new RecordNode();
    await new Kept(node, 1).gain(25);
    node.isAway = true;
    const kept = new Kept(node, 2);
    assert.not.ok(await kept.gain(3));
    assert.not.ok(await kept.gain(6));
    assert.ok(kept.player.isPending);
    assert.is(coinsAt(node), 25);
    node.isAway = false;
    assert.ok(await kept.gain(8));
    assert.is(coinsAt(node), 33);
    assert.not.ok(kept.player.isPending);
  },
);

players(
  'a later seat of the same instance reads the record after the gain of the earlier one',
  async () => {
    const node = new RecordNode();
    const kept = new Kept(node, 1);
    await kept.gain(4);
    node.isAway = true;
    await kept.gain(6);
    const later = new Kept(node, 2, kept);
    assert.not.ok(await later.gain(1));
    assert.ok(later.player.isPending);
    node.isAway = false;
    assert.ok(await later.gain(1));
    assert.is(coinsAt(node), 7);
  },
);

players(
  'a later seat of the same instance saves nothing over what a seat elsewhere saved',
  async () => {
    const node = new RecordNode();
    const kept = new Kept(node, 1);
    await kept.gain(4);
    kept.player.report(gained(5));
    const elsewhere = new Kept(node, 2);
    await elsewhere.gain(8);
    const later = new Kept(node, 3, kept);
    await later.gain(1);
    assert.is(coinsAt(node), 13);
    assert.is(later.displaced, 0);
  },
);

players('an unchanged player is not saved again', async () => {
  const node = new RecordNode();
  const kept = new Kept(node, 1);
  await kept.gain(4);
  for (let round = 0; round < 3; round += 1) await kept.gain(4);
  assert.is(node.saves, 1);
});

players('a milestone is told once two nodes hold it, and not before', async () => {
  const node = new RecordNode();
  node.reachableNodes = 1;
  const kept = new Kept(node, 1);
  await kept.gain(12);
  assert.equal(kept.milestones, []);
  assert.ok(kept.player.isPending, 'it is saved again');
  node.reachableNodes = 2;
  await kept.gain(13);
  await kept.gain(14);
  assert.equal(kept.milestones, [10]);
  await kept.gain(31);
  assert.equal(kept.milestones, [10, 30]);
});

players('a lost answer displaces nobody', async () => {
  const node = new RecordNode();
  const kept = new Kept(node, 1);
  node.isAnswerLost = () => true;
  assert.not.ok(await kept.gain(1));
  assert.not.ok(await kept.gain(2));
  node.isAnswerLost = () => false;
  assert.ok(await kept.gain(3));
  assert.is(coinsAt(node), 3);
  assert.is(kept.displaced, 0);
});

players('the older seat is told by its next save, and saves no more', async () => {
  const node = new RecordNode();
  const old = new Kept(node, 1);
  await old.gain(5);
  const next = new Kept(node, 1);
  await next.load();
  await old.gain(6);
  assert.is(old.displaced, 1);
  assert.ok(old.player.isDisplaced);
  await old.gain(7);
  await next.gain(1);
  assert.is(coinsAt(node), 6);
  assert.is(old.displaced, 1);
  assert.is(next.displaced, 0);
});

players('nothing is read before the older seat has let go', async () => {
  const node = new RecordNode();
  const old = new Kept(node, 1);
  await old.gain(4);
  const next = new Kept(node, 2);
  assert.not.ok(await next.player.settle());
  await old.gain(9);
  await next.load();
  assert.is(next.player.coins, 9);
  assert.is(old.displaced, 0);
});

const step = fc.record({
  seat: fc.nat(2),
  what: fc.constantFrom('gain', 'gain', 'gain', 'away', 'back', 'lose', 'keep', 'settle'),
});

players(
  'whatever fails, no coin of the newest seat is lost, none counts twice, and told is stored',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
        const node = new RecordNode();
        let isLossy = false;
        node.isAnswerLost = () => isLossy;
        let seat = new Kept(node, 1);
        await seat.load();
        let index = 0;
        let atStart = 0;
        let coins = 0;
        for (const { seat: moves, what } of steps) {
          if (what === 'away') node.isAway = true;
          if (what === 'back') node.isAway = false;
          if (what === 'lose') isLossy = true;
          if (what === 'keep') isLossy = false;
          if (what === 'settle') await seat.player.settle();
          if (what === 'gain') {
            coins += 3;
            await seat.gain(coins);
          }
          const stored = coinsAt(node) ?? 0;
          assert.ok(stored <= atStart + coins, 'a coin counts twice');
          assert.ok(
            (seat.milestones.at(-1) ?? 0) <= stored,
            'a milestone is told that is not stored',
          );
          if (moves !== 2 || node.isAway || isLossy || index > 3) continue;
          // He moves: the old world saves, and the new one reads after that.
          await seat.player.settle();
          assert.is(coinsAt(node) ?? 0, atStart + coins, 'a coin is lost');
          atStart += coins;
          coins = 0;
          index += 1;
          const next = new Kept(node, 1);
          await next.load();
          await seat.gain(100_000);
          assert.ok(seat.player.isDisplaced, 'the older seat goes on');
          seat = next;
        }
        node.isAway = false;
        isLossy = false;
        await seat.gain(coins);
        assert.is(coinsAt(node) ?? 0, atStart + coins, 'a coin is lost');
        assert.is(seat.displaced, 0, 'the newest seat is displaced');
      }),
      { numRuns: 300 },
    );
  },
);

players.run();
