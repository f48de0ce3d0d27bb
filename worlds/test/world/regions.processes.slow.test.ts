// time limit: 900 s
/** Two regions on real nodes with 40 ms between them: moves, a cut, and a region without its nodes. */
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { packSave } from '../../rules/fences.ts';
import type { PlayerRecord } from '../../rules/progress.ts';
import { keyOf } from '../../tables/keys.ts';
import { takeCoins } from '../support/coins.ts';
import { rounds } from '../support/rounds.ts';
import { DELAY_MS, type TestRegion, TestRegions } from '../support/testRegions.ts';
import { playerId } from '../support/testWorld.ts';

const regions = suite('regions');

const MOVES = rounds(200);
const MOVES_IN_PLAY = rounds(30);
const APART_MS = rounds(30) * 1000;

const recordOf = (coins: number): PlayerRecord => ({
  position: { x: 0, y: 0 },
  coins,
  milestone: 0,
  distance: 0,
  playedMs: 0,
  visits: 1,
  world: 'meadow',
  instance: 'eu-meadow-1-1',
  savedAtMs: 0,
});

regions('between two regions', async () => {
  await using both = await TestRegions.start();
  const { eu, us, link } = both;
  await movesKeepCoinsByTheToken(both);
  await movesInPlay(both);
  await bothSidesOfACut(both);
  await nodesAway(eu, both);
  assert.is(link.counts.refused, 0);
  assert.ok(us.world !== null);
});

/** A player moves; the new region reads what the old one saved just before. */
async function movesKeepCoinsByTheToken({ eu, us }: TestRegions): Promise<void> {
  const player = playerId(1);
  let lostWithout = 0;
  for (let move = 1; move <= MOVES; move += 1) {
    const [from, to] = move % 2 === 1 ? [eu, us] : [us, eu];
    const startedAtMs = performance.now();
    const stored = await from.records.save(
      player,
      recordOf(move),
      packSave({ fence: move, counter: 1 }),
    );
    assert.is(stored.type, 'stored');
    const token = stored.type === 'stored' ? stored.token : null;
    assert.ok(token !== null);
    const without = await to.records.read(player);
    const isLost = (without.record?.coins ?? 0) < move;
    if (isLost) lostWithout += 1;
    // On a busy machine a read may take longer than the way, and find what was saved.
    else assert.ok(performance.now() - startedAtMs >= DELAY_MS, `move ${move} was too fast`);
    const { record } = await to.records.read(player, token);
    assert.is(record?.coins, move, `move ${move}`);
  }
  assert.ok(lostWithout > 0, 'without the token no coin was lost');
}

async function movesInPlay(both: TestRegions): Promise<void> {
  const player = playerId(2);
  let coins = 0;
  let place: TestRegion = both.us;
  for (let move = 1; move <= MOVES_IN_PLAY; move += 1) {
    // The api of either region may be asked for a seat in either.
    const by = both.all[move % 2] ?? both.eu;
    place = place === both.eu ? both.us : both.eu;
    using playing = await both.play(player, by, place);
    assert.is(playing.welcome?.total, coins, `move ${move}`);
    await takeCoins(playing, 1);
    coins += playing.view.figures.get(playing.you)?.[4] ?? 0;
    const at = place.world?.instance;
    for (const { view } of both.all)
      await waitFor(
        () => view.seatOf(player)?.instance === at,
        10_000,
        'both lists say where he is',
      );
    // The connection is still open when the next region takes him over.
    if (move < MOVES_IN_PLAY) continue;
    playing.send([2]);
    await playing.closed();
  }
}

async function bothSidesOfACut(both: TestRegions): Promise<void> {
  const { eu, us, link } = both;
  const player = playerId(3);
  using before = await both.play(player, eu, eu);
  await waitFor(() => us.view.seatOf(player)?.instance === eu.world?.instance, 10_000, 'us hears');
  link.isCut = true;
  await wait(APART_MS);
  using after = await both.play(player, us, us);
  assert.ok(after.welcome, 'he has a seat in us');
  assert.is(before.closeCode, null, 'and still one in eu');
  await takeCoins(after, 1);
  link.isCut = false;
  await waitFor(() => listOf(eu) === listOf(us), 5000, 'the lists are equal');
  await waitFor(() => before.closeCode === 4409, 6000, 'the older seat ends');
  assert.is(after.closeCode, null);
  after.send([2]);
  await after.closed();
  const versions = async () =>
    new Set(
      [...eu.nodes, ...us.nodes].map((node) => {
        const entry = node.get<PlayerRecord>(keyOf('player', player));
        return `${entry?.version} ${entry?.value.instance}`;
      }),
    );
  await waitFor(async () => (await versions()).size === 1, 5000, 'all four nodes hold the same');
  assert.match([...(await versions())][0] ?? '', new RegExp(` ${us.world?.instance}$`));
}

async function nodesAway(region: TestRegion, both: TestRegions): Promise<void> {
  const player = playerId(4);
  const coinsAt = async (place: TestRegion): Promise<number> =>
    (await place.records.read(player)).record?.coins ?? 0;
  using playing = await both.play(player, region, region);
  const gained = (): number => playing.view.figures.get(playing.you)?.[4] ?? 0;
  await takeCoins(playing, 1);
  await region.stopNodes();
  await takeCoins(playing, 1);
  await waitFor(() => region.view.isStale, 10_000, 'the list is stale');
  using joined = await both.play(playerId(5), region, region);
  assert.ok(joined.welcome, 'joins go on');
  await takeCoins(joined, 1);
  await wait(APART_MS);
  assert.is(playing.closeCode, null, 'play goes on');
  await region.startNodes();
  playing.send([2]);
  await playing.closed();
  await waitFor(
    async () => (await coinsAt(region)) === gained() && (await coinsAt(both.us)) === gained(),
    20_000,
    'all that was gained is stored, in both regions',
  );
  joined.send([2]);
  await joined.closed();
}

const listOf = ({ view }: TestRegion): string =>
  view.isStale
    ? 'stale'
    : JSON.stringify(
        view.listing
          .list()
          .map(({ region, world, instances }) => [
            region,
            world,
            instances.map(({ instance }) => instance),
          ]),
      );

regions.run();
