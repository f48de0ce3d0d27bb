/** A player whom a world sends away, while the api has not heard where he sits: real worlds, a real node, a bot. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { temporaryDirectory, waitFor } from '../../../test/support/processes.ts';
import { makeRoleKeys, openSigner } from '../../access/serviceTokens.ts';
import { Joins, type SeatRequest } from '../../api/joins.ts';
import { seatAsker } from '../../api/seatAsker.ts';
import { Watchers } from '../../api/watchers.ts';
import { WorldsView } from '../../api/worldsView.ts';
import { Bot } from '../../bots/bot.ts';
import { Blocks } from '../../edge/blocks.ts';
import { EdgeLimits } from '../../edge/edgeLimits.ts';
import { EDGE_BOUNDS, serveEdge } from '../../edge/edgeServer.ts';
import { UPSTREAM_TIMES, Upstreams } from '../../edge/upstreams.ts';
import { ANY_PORT } from '../../http/portRange.ts';
import { regionFetch } from '../../http/regionFetch.ts';
import { Link } from '../../link/link.ts';
import { Seen } from '../../process/seen.ts';
import { ROLES } from '../../rules/grants.ts';
import { openCache } from '../../tables/cache.ts';
import { Configurations, OnceRecords } from '../../tables/operatorTables.ts';
import { startWorld } from '../../world/worldProcess.ts';
import { meadow } from '../support/configurations.ts';
import { startPlayerServices } from '../support/playerServices.ts';
import { FAST } from '../support/testEdge.ts';

const moves = suite('moves');

const HOST = '127.0.0.1';
const STAY_MS = 60_000;

moves('who is sent away keeps each coin, though the api has not heard where he sits', async () => {
  await using ends = new AsyncDisposableStack();
  const { path: directory } = ends.use(await temporaryDirectory());
  await makeRoleKeys(directory, ROLES);
  const { url } = ends.use(await startCluster({ nodes: 1 })).node(0);
  const cache = ends.use(openCache({ endpoints: [url], token: null }));
  const twoInstances = meadow({ mode: 'dynamic', minInstances: 2, maxInstances: 2 });
  await new Configurations(cache).create('eu', 'meadow', twoInstances, Date.now());
  const start = (slot: number) =>
    startWorld({
      region: 'eu',
      world: 'meadow',
      slot,
      epoch: 1,
      configurationVersion: 0,
      nodes: [url],
      token: null,
      keys: directory,
      fleetUrl: null,
      linkUrl: null,
      host: HOST,
      playHost: HOST,
      publicHost: HOST,
      tls: null,
      playPorts: ANY_PORT,
      controlPort: 0,
      seen: new Seen('world', 'silent'),
    });
  const worlds = await Promise.all([start(1), start(2)]);
  for (const world of worlds)
    ends.defer(async () => {
      world.end('test', 0);
      await world.ended;
    });

  // The api hears both worlds, and nothing from then on.
  const link = new Link({ delayMs: 0, maxHeldBytes: 2 ** 20, maxConnections: 20 });
  const passage = await link.openPassage(HOST, 0, { host: HOST, port: Number(new URL(url).port) });
  const heard = ends.use(openCache({ endpoints: [`http://${HOST}:${passage}`], token: null }));
  const view = ends.use(new WorldsView(heard));
  await waitFor(
    () => view.candidates('eu', 'meadow').length === 2 && view.listing.list().length === 1,
    20_000,
    'both instances are listed',
  );
  await view.synced();
  await link[Symbol.asyncDispose]();
  await waitFor(() => view.isStale, 20_000, 'the api hears nothing more');

  const asked: SeatRequest[] = [];
  let beforeSeat = async (): Promise<void> => {};
  const askForSeat = seatAsker(await openSigner(directory, 'api'), regionFetch('eu', null));
  const joins = new Joins({
    view,
    once: new OnceRecords(cache),
    now: () => Date.now(),
    onFailure: () => {},
    askForSeat: async (at, request) => {
      await beforeSeat();
      asked.push(request);
      return askForSeat(at, request);
    },
  });
  const watchers = ends.use(new Watchers(view));
  const services = ends.use(await startPlayerServices({ directory, cache, view, watchers, joins }));
  const upstreams = ends.use(
    new Upstreams(services.identityUrl, [{ region: 'eu', url: services.apiUrl }], UPSTREAM_TIMES),
  );
  const onFault = (error: unknown): void => void services.faults.push(error);
  const table = { untilMs: () => null, block: async () => {} };
  const blocks = new Blocks({ table, secret: 's', now: () => Date.now(), onFailure: onFault });
  const edge = ends.use(
    await serveEdge({
      host: HOST,
      port: 0,
      tls: null,
      upstreams,
      onFault,
      limits: new EdgeLimits(blocks, FAST),
      verify: (token) => services.verifier.verify(token).catch(() => null),
      bounds: EDGE_BOUNDS,
    }),
  );

  const bot = ends.use(
    await Bot.enter({
      edgeUrl: `http://${HOST}:${edge.port}`,
      regions: ['eu'],
      number: 0,
      random: Math.random,
      seeksCoins: true,
    }),
  );
  await waitFor(() => bot.isInPlay && bot.coins >= 1, 30_000, 'a coin');
  const [from, to] = bot.instance === worlds[0].instance ? worlds : worlds.toReversed();
  assert.is(view.seatOf(bot.account.player), null, 'the api does not know where he sits');

  // He hears that he is to go once all is saved, and takes coins until there is a seat for him.
  let saved: number | null = null;
  beforeSeat = async () => {
    saved ??= bot.coins;
    const known = saved;
    await waitFor(
      () => bot.coins >= known + 2,
      60_000,
      'coins after the save of the order to move',
    );
  };
  from?.end('drain', STAY_MS);
  await waitFor(() => bot.instance === to?.instance, 60_000, 'he plays elsewhere');
  assert.equal(bot.faults, []);
  assert.is(asked.at(-1)?.previous?.instance, from?.instance);
  assert.equal(services.faults, []);
});

moves.run();
