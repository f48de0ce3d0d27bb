/** An instance over real sockets: seats, play, and all that a client may do wrong. */
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { rounds } from '../support/rounds.ts';
import { TestPlayer } from '../support/testPlayer.ts';
import { playerId, type Reserved, TestWorld } from '../support/testWorld.ts';

const play = suite('play');

play(`of 50 who join 10 seats at once, 10 sit and 40 hear that it is full`, async () => {
  for (let round = 0; round < rounds(100); round += 1) {
    await using world = await TestWorld.start();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_unused, index) => world.reserve(playerId(index))),
    );
    const bodies = await Promise.all(answers.map((answer) => answer.json() as Promise<object>));
    assert.is(answers.filter(({ status }) => status === 201).length, 10);
    assert.is(answers.filter(({ status }) => status === 409).length, 40);
    assert.is(bodies.filter((body) => 'reason' in body && body.reason === 'full').length, 40);
    assert.is(world.instance.counts.reserved, 10);
  }
});

play('a player walks, takes coins, and sees what the others see', async () => {
  await using world = await TestWorld.start();
  using one = await world.play(playerId(1));
  using other = await world.play(playerId(2));
  const start = one.view.figures.get(one.you) ?? [0, 0, 0];
  one.walk(start[1] > 600 ? -1 : 1, start[2] > 400 ? -1 : 1);
  await waitFor(() => (one.view.figures.get(one.you)?.[3] ?? 0) === 1, 5000, 'the input is seen');
  await waitFor(
    () => {
      const [a, b] = [one, other].map(({ view }) => view.figures.get(one.you));
      return a !== undefined && a[1] !== start[1] && String(a) === String(b);
    },
    5000,
    'both see the same figure elsewhere',
  );
  assert.ok(one.isComplete && other.isComplete);
  one.send([1, 42]);
  await waitFor(() => one.told(3).length === 1, 5000, 'a pong');
  assert.equal(one.told(3), [[3, 42]]);
});

play('a frame comes at least each second, though nothing happens', async () => {
  await using world = await TestWorld.start();
  using one = await world.play(playerId(1));
  const { tick } = one.view;
  await waitFor(() => one.view.tick >= tick + 20, 5000, 'a heartbeat');
});

play('a token that is used, late, foreign or altered lets nobody in', async () => {
  await using world = await TestWorld.start();
  await using elsewhere = await TestWorld.start({ name: 'eu-meadow-2-1' });
  const tokenOf = async (at: TestWorld, number: number) =>
    ((await (await at.reserve(playerId(number))).json()) as Reserved).seatToken;
  for (let round = 0; round < rounds(100); round += 1) {
    const late = await tokenOf(world, 3);
    world.aheadMs += 15_000;
    const used = await tokenOf(world, 1);
    using first = await new TestPlayer(world.playUrl, used).settled();
    const foreign = await tokenOf(elsewhere, 2);
    const altered = `${used.startsWith('A') ? 'B' : 'A'}${used.slice(1)}`;
    for (const token of [used, foreign, altered, late, 'short']) {
      using intruder = new TestPlayer(world.playUrl, token);
      assert.is(await intruder.closed(), 4401);
    }
    assert.is(first.closeCode, null);
    first.send([2]);
    assert.is(await first.closed(), 1000);
    assert.equal(world.instance.players, []);
  }
});

play(
  'a player who drops resumes the same seat and figure, also beside the living old socket',
  async () => {
    await using world = await TestWorld.start();
    let one = await world.play(playerId(1));
    const { you } = one;
    for (let round = 0; round < rounds(200); round += 1) {
      const isDropped = round % 2 === 0;
      if (isDropped) one.vanish();
      const resume = one.welcome?.resume ?? '';
      const next = await new TestPlayer(world.playUrl, resume, 'resume').settled();
      assert.is(next.you, you);
      await waitFor(() => next.view.figures.size > 0, 5000, 'the figure');
      assert.is(next.view.figures.size, 1, 'one figure');
      if (!isDropped) assert.is(await one.closed(), 4409);
      assert.is(world.instance.counts.taken, 1);
      using again = new TestPlayer(world.playUrl, resume, 'resume');
      assert.is(await again.closed(), 4401, 'a resume token is good for one use');
      one = next;
    }
    one.vanish();
    await waitFor(() => world.instance.counts.held === 1, 5000, 'the seat is held');
    world.aheadMs += 30_000;
    await waitFor(() => world.instance.counts.taken === 0, 5000, 'the seat is free');
  },
);

play('a revoked player is closed and does not come in again', async () => {
  await using world = await TestWorld.start();
  using one = await world.play(playerId(1));
  world.revoked.add(playerId(1));
  world.instance.revoke(playerId(1), false);
  assert.is(await one.closed(), 4403);
  const answer = await world.reserve(playerId(1));
  const { seatToken } = (await answer.json()) as Reserved;
  using again = new TestPlayer(world.playUrl, seatToken);
  assert.is(await again.closed(), 4403);
});

play('nothing of an erased player is saved any more', async () => {
  await using world = await TestWorld.start();
  for (let round = 0; round < rounds(100); round += 1) {
    const player = playerId(round);
    using one = await world.play(player);
    await waitFor(() => world.node.records.has(player), 5000, 'the record');
    world.instance.revoke(player, true);
    world.node.records.delete(player);
    assert.is(await one.closed(), 4403);
    await waitFor(() => world.instance.unsaved === 0, 5000, 'nothing waits');
  }
  await wait(200);
  assert.is(world.node.records.size, 0);
});

play('malformed, long and many messages close their connection, and hurt no other', async () => {
  await using world = await TestWorld.start({ maxPlayers: 100 });
  using calm = await world.play(playerId(0));
  const wrong: readonly [number, (player: TestPlayer) => void][] = [
    [4400, (player) => player.sendBytes('text')],
    [4400, (player) => player.sendBytes(new Uint8Array([0xc1]))],
    [4400, (player) => player.sendBytes(new Uint8Array(65))],
    [4400, (player) => player.send([0, 1, 2, 0])],
    [4400, (player) => player.send({ length: 4 })],
    [1009, (player) => player.sendBytes(new Uint8Array(1024 * 1024))],
    [
      4429,
      (player) => {
        for (let count = 0; count <= 200; count += 1) player.send([1, count]);
      },
    ],
  ];
  for (const [index, [code, act]] of wrong.entries()) {
    using player = await world.play(playerId(index + 1));
    act(player);
    assert.is(await player.closed(), code, `case ${index}`);
  }
  const before = calm.view.tick;
  await waitFor(() => calm.view.tick > before + 20, 5000, 'the calm player hears on');
  assert.is(calm.closeCode, null);
  assert.equal(world.faults, []);
});

play('the private listener answers no malformed request by a 500', async () => {
  await using world = await TestWorld.start();
  const good = { player: playerId(1), session: 's', fence: 1, previous: null };
  const bodies = [
    ...['', '{', 'null', '[]', '1', '{"player":1}'],
    ...[
      { ...good, fence: -1 },
      { ...good, fence: 2 ** 40 },
      { ...good, player: 'x' },
      { ...good, more: 1 },
    ],
  ];
  for (const body of bodies)
    assert.is((await world.ask('api', 'POST', '/seats', body)).status, 422);
  assert.is((await world.ask('api', 'POST', '/seats', 'x'.repeat(20_000))).status, 413);
  for (const fence of ['', 'x', '-1', '1.5', '1e400'])
    assert.is((await world.ask('world', 'DELETE', `/seats/p?fence=${fence}`)).status, 422);
  assert.is((await world.ask('world', 'POST', '/seats', good)).status, 403);
  assert.is((await world.ask('api', 'DELETE', '/seats/p?fence=1')).status, 403);
  assert.equal(world.faults, []);
});

play.run();
