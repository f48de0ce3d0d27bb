/** How many requests the records of players cost a real node. */
import { isDeepStrictEqual } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { openCache } from '../../tables/cache.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import { GatheredStore } from '../../world/gatheredStore.ts';
import { samplesOf } from '../support/exposition.ts';
import { record } from '../support/playerRecord.ts';
import { playerId } from '../support/testWorld.ts';

const gathered = suite('gathered store');

const PLAYERS = 50;

gathered('fifty who come at one moment are read by one request, and saved by one', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  await using cache = openCache({ endpoints: [node.url], token: null });
  const store = new GatheredStore(new PlayerRecords(cache));
  /** Of the cache, by route and method. */
  const requests = async (): Promise<Record<string, number>> => {
    const samples = samplesOf(await (await node.request('/metrics')).text());
    const counts: Record<string, number> = {};
    for (const [name, count] of samples) {
      const [, route = '', method = ''] =
        /^hearsay_http_requests_total\{route="(\/cache[^"]*)",method="(\w+)"/.exec(name) ?? [];
      if (route !== '') counts[`${method} ${route}`] = count;
    }
    return counts;
  };
  /** A node counts a request once it has answered. */
  const counted = (wanted: Record<string, number>): Promise<void> =>
    waitFor(
      async () => isDeepStrictEqual(await requests(), wanted),
      5000,
      `${JSON.stringify(wanted)} are counted`,
    );
  /** Each begins when the turn of the one before is over for the client, which would send it by itself. */
  const forEach = async <T>(call: (player: string, number: number) => Promise<T>): Promise<T[]> => {
    const under: Promise<T>[] = [];
    for (let number = 0; number < PLAYERS; number += 1) {
      under.push(call(playerId(number), number));
      await Promise.resolve();
      await Promise.resolve();
    }
    return Promise.all(under);
  };

  const read = await forEach((player) => store.read(player));
  assert.equal(
    new Set(read.map(({ record: found, version }) => `${found} ${version}`)),
    new Set(['null null']),
  );
  await counted({ 'POST /cache': 1 });
  const saved = await forEach((player, number) =>
    store.save(player, { ...record, coins: number }, 1),
  );
  assert.ok(saved.every(({ type }) => type === 'stored'));
  await counted({ 'POST /cache': 2 });
  const again = await forEach((player) => store.read(player));
  assert.equal(
    again.map(({ record: found }) => found?.coins),
    Array.from({ length: PLAYERS }, (_unused, number) => number),
    'each has his own',
  );

  // Who waits for something waits alone.
  const [first] = saved;
  const after = first?.type === 'stored' ? first.token : null;
  await Promise.all([
    store.read(playerId(0), after),
    store.save(playerId(1), record, 2, { acks: 2, acksTimeoutMs: 1 }),
    store.read(playerId(2)),
  ]);
  await counted({
    'POST /cache': 3,
    'GET /cache/:key': 2,
    'PUT /cache/:key': 1,
  });
});

gathered.run();
