/** Many join at one moment, through an api, real instances and a real node. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { Joins } from '../../api/joins.ts';
import { seatAsker } from '../../api/seatAsker.ts';
import { WorldsView } from '../../api/worldsView.ts';
import { regionFetch } from '../../http/regionFetch.ts';
import { openCache } from '../../tables/cache.ts';
import { Configurations, OnceRecords } from '../../tables/operatorTables.ts';
import { SESSION_PACE } from '../../world/sessionPublisher.ts';
import { meadow } from '../support/configurations.ts';
import { publishWorld } from '../support/publishWorld.ts';
import { TestWorld } from '../support/testWorld.ts';

const bursts = suite('bursts');

const INSTANCES = 6;
const SEATS = 2;

bursts('who joins at one moment with as many as there are seats is seated at once', async () => {
  await using ends = new AsyncDisposableStack();
  const { url } = ends.use(await startCluster({ nodes: 1 })).node(0);
  const cache = ends.use(openCache({ endpoints: [url], token: null }));
  await new Configurations(cache).create('eu', 'meadow', meadow(), Date.now());
  const askers = new Map<string, ReturnType<typeof seatAsker>>();
  const worlds: TestWorld[] = [];
  for (let slot = 1; slot <= INSTANCES; slot += 1) {
    const world = ends.use(
      await TestWorld.start({ name: `eu-meadow-${slot}-1`, maxPlayers: SEATS }),
    );
    worlds.push(world);
    askers.set(world.name, seatAsker(await world.signer('api'), regionFetch('eu', null)));
    ends.use(publishWorld(world, cache, slot, SESSION_PACE));
  }
  const view = ends.use(new WorldsView(cache));
  await waitFor(
    () => view.candidates('eu', 'meadow').length === INSTANCES && view.listing.list().length === 1,
    20_000,
    'all instances are listed',
  );
  let asks = 0;
  const joins = new Joins({
    view,
    once: new OnceRecords(cache),
    now: () => Date.now(),
    onFailure: () => {},
    askForSeat: async (at, request) => {
      asks += 1;
      const asker = askers.get(at.instance);
      return asker === undefined ? { type: 'refused', reason: 'unreachable' } : asker(at, request);
    },
  });
  const nowMs = Date.now();
  const joined = await Promise.all(
    Array.from({ length: INSTANCES * SEATS }, (_unused, number) =>
      joins.join({
        claims: {
          player: `p${String(number).padStart(20, '0')}`,
          session: `s${number}`,
          gen: 0,
          scope: 'play',
          issuedAtMs: nowMs,
          expiresAtMs: nowMs + 60_000,
        },
        idempotencyKey: 'k',
        request: 'any',
        worlds: [{ region: 'eu', world: 'meadow' }],
        not: [],
        from: null,
      }),
    ),
  );
  assert.is(joined.length, INSTANCES * SEATS);
  for (const world of worlds) assert.is(world.instance.counts.taken, SEATS, world.name);
  assert.is(asks, INSTANCES * SEATS, 'nobody was refused');
});

bursts.run();
