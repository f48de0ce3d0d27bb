// time limit: 900 s
/** An instance and the records of its players: moves, a cache that is away, and draining. */
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { unpackSave } from '../../rules/fences.ts';
import { takeCoins } from '../support/coins.ts';
import { RecordNode } from '../support/recordNode.ts';
import { rounds } from '../support/rounds.ts';
import { TestPlayer } from '../support/testPlayer.ts';
import { playerId, type Reserved, TestWorld } from '../support/testWorld.ts';

const records = suite('records');

const PLAYER = playerId(1);
const MOVES = rounds(200);

const coinsOf = (node: RecordNode): number => node.records.get(PLAYER)?.record.coins ?? 0;

records(
  'who moves to another world finds there what he had, and the old world lets go',
  async () => {
    const node = new RecordNode();
    await using one = await TestWorld.start({ name: 'eu-meadow-1-1', node });
    await using other = await TestWorld.start({ name: 'eu-meadow-2-1', node });
    other.neighbours.push(one);
    using before = await one.play(PLAYER, 5);
    await takeCoins(before, 2);
    const previous = { region: 'eu', instance: one.name, controlUrl: one.controlUrl };
    using after = await other.play(PLAYER, 5, previous);
    assert.is(await before.closed(), 4409);
    assert.ok((after.welcome?.total ?? 0) >= 2);
    assert.is(after.welcome?.total, coinsOf(node));
    assert.is(one.instance.counts.taken, 0);
    assert.ok(unpackSave(node.records.get(PLAYER)?.version ?? 0).fence > 5);
  },
);

records('who connects anew while the old world lets go waits for it too', async () => {
  const node = new RecordNode();
  await using one = await TestWorld.start({
    name: 'eu-meadow-1-1',
    node,
    times: { saveMs: 60_000 },
  });
  await using other = await TestWorld.start({
    name: 'eu-meadow-2-1',
    node,
    times: { loadMs: 200 },
  });
  other.neighbours.push(one);
  using before = await one.play(PLAYER, 5);
  await takeCoins(before, 2);
  const mayLetGo = Promise.withResolvers<void>();
  other.beforeLetGo = () => mayLetGo.promise;
  const previous = { region: 'eu', instance: one.name, controlUrl: one.controlUrl };
  const seatOf = async (place: object | null): Promise<TestPlayer> => {
    const { playUrl, seatToken } = (await (
      await other.reserve(PLAYER, 6, place)
    ).json()) as Reserved;
    return new TestPlayer(playUrl, seatToken);
  };
  using first = await seatOf(previous);
  await waitFor(() => other.instance.counts.seated === 1, 5000, 'the first connection');
  // The rosters name his new seat by now, so nobody tells it where he was.
  using second = await seatOf(null);
  assert.is(await first.closed(), 4409);
  await wait(400);
  assert.is(second.welcome, null);
  mayLetGo.resolve();
  await second.settled();
  assert.ok((second.welcome?.total ?? 0) >= 2);
  assert.is(second.welcome?.total, coinsOf(node));
  assert.is(await before.closed(), 4409);
});

records('who moves over a slow link loses no coin', async () => {
  const near = new RecordNode();
  const far = new RecordNode(near.records);
  near.far = new Map();
  await using one = await TestWorld.start({ name: 'eu-meadow-1-1', node: near });
  await using other = await TestWorld.start({ name: 'us-meadow-1-1', node: far });
  one.neighbours.push(other);
  other.neighbours.push(one);
  let previous: object | null = null;
  for (let move = 1; move <= MOVES; move += 1) {
    const world = move % 2 === 1 ? one : other;
    using player = await world.play(PLAYER, move, previous);
    assert.is(player.welcome?.total, coinsOf(near), `move ${move}`);
    await takeCoins(player, 1);
    previous = { region: 'eu', instance: world.name, controlUrl: world.controlUrl };
  }
  assert.ok(coinsOf(near) >= MOVES - 1);
});

records('where the old world is out of reach, its next save tells it', async () => {
  const node = new RecordNode();
  await using one = await TestWorld.start({ name: 'eu-meadow-1-1', node });
  await using other = await TestWorld.start({ name: 'eu-meadow-2-1', node });
  using before = await one.play(PLAYER, 5);
  const previous = { region: 'eu', instance: one.name, controlUrl: one.controlUrl };
  using after = await other.play(PLAYER, 6, previous);
  before.walk(1, 0);
  assert.is(await before.closed(), 4409);
  assert.is(one.instance.displaced, 1);
  assert.is(other.instance.displaced, 0);
  assert.is(after.closeCode, null);
});

records('an older seat can not displace a newer one', async () => {
  await using world = await TestWorld.start();
  using player = await world.play(PLAYER, 9);
  const answer = await world.ask('world', 'DELETE', `/seats/${PLAYER}?fence=8`);
  assert.is(answer.status, 409);
  assert.is(player.closeCode, null);
});

records(
  'while the cache is away play goes on, and the record afterwards is old and gain',
  async () => {
    const node = new RecordNode();
    {
      await using world = await TestWorld.start({ node });
      using player = await world.play(PLAYER, 1);
      await takeCoins(player, 1);
      player.send([2]);
      await player.closed();
      await waitFor(() => world.instance.unsaved === 0, 5000, 'all is saved');
    }
    const before = coinsOf(node);
    node.isAway = true;
    await using world = await TestWorld.start({ node, times: { loadMs: 50 } });
    using player = await world.play(PLAYER, 2);
    assert.ok(player.welcome);
    await takeCoins(player, 2);
    assert.is(coinsOf(node), before);
    player.send([2]);
    await player.closed();
    const gained = player.view.figures.get(player.you)?.[4] ?? 0;
    node.isAway = false;
    await waitFor(() => world.instance.unsaved === 0, 5000, 'the gain is saved');
    assert.ok(coinsOf(node) >= before + gained);
    assert.is(node.records.get(PLAYER)?.record.visits, 2);
  },
);

records('a milestone is told, and only one that two nodes hold', async () => {
  await using world = await TestWorld.start();
  using player = await world.play(PLAYER);
  await takeCoins(player, 10);
  await waitFor(() => player.told(4).length > 0, 5000, 'the milestone');
  assert.equal(player.told(4)[0], [4, 10]);
  assert.ok(coinsOf(world.node) >= 10);
});

records('a drained world refuses, tells its players, saves all, and closes them', async () => {
  await using world = await TestWorld.start({ maxPlayers: 60 });
  const players = await Promise.all(
    Array.from({ length: 50 }, (_unused, index) => world.play(playerId(index))),
  );
  for (const player of players) player.walk(1, 1);
  assert.is((await world.ask('fleet', 'POST', '/drain', { graceMs: 300 })).status, 202);
  await waitFor(() => players.every((player) => player.told(5).length === 1), 5000, 'all are told');
  const refused = await world.reserve(playerId(99));
  assert.is(refused.status, 409);
  assert.is(((await refused.json()) as { reason: string }).reason, 'draining');
  await world.instance.drain();
  assert.is(world.instance.unsaved, 0);
  assert.is(world.node.records.size, 50);
  for (const player of players) {
    assert.is(await player.closed(), 4410);
    player[Symbol.dispose]();
  }
});

records('a drained world waits for the cache before it ends', async () => {
  await using world = await TestWorld.start();
  using player = await world.play(PLAYER);
  player.walk(1, 1);
  world.node.isAway = true;
  const drained = world.instance.drain(0);
  await waitFor(() => player.closeCode === 4410, 5000, 'the close');
  world.node.isAway = false;
  await drained;
  assert.is(world.instance.unsaved, 0);
});

records.run();
