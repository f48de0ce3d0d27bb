/** From login to play over HTTP: identity, an api, two instances, and a real node between them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { makeRoleKeys, openSigner } from '../../access/serviceTokens.ts';
import { API_TARGET } from '../../api/callers.ts';
import { Joins, type SeatRequest } from '../../api/joins.ts';
import { seatAsker } from '../../api/seatAsker.ts';
import { Watchers } from '../../api/watchers.ts';
import { WorldsView } from '../../api/worldsView.ts';
import { regionFetch } from '../../http/regionFetch.ts';
import { ROLES } from '../../rules/grants.ts';
import type { WorldConfiguration } from '../../rules/worldConfiguration.ts';
import { openCache } from '../../tables/cache.ts';
import { Configurations, OnceRecords } from '../../tables/operatorTables.ts';
import { sessionSchema } from '../../tables/schemas.ts';
import { TableMirror } from '../../tables/tableMirror.ts';
import { startPlayerServices } from '../support/playerServices.ts';
import { publishWorld } from '../support/publishWorld.ts';
import { TestPlayer } from '../support/testPlayer.ts';
import { TestWorld } from '../support/testWorld.ts';
import { WatchReader } from '../support/watchReader.ts';

const api = suite('api');

const PACE = { everyMs: 100, atLeastMs: 20 };

const configuration: WorldConfiguration = {
  name: 'The meadow',
  map: 'meadow',
  maxPlayers: 2,
  mode: 'dynamic',
  minInstances: 2,
  maxInstances: 2,
  spareSeats: 0,
  desired: 'running',
  restartEveryHours: null,
};

interface Guest {
  readonly player: string;
  readonly access: string;
}

api('who logs in lists the worlds, joins one, and plays', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-api-'));
  await using ends = new AsyncDisposableStack();
  ends.defer(() => rm(directory, { recursive: true, force: true }));
  await makeRoleKeys(directory, ROLES);
  const cluster = ends.use(await startCluster({ nodes: 1 }));
  const cache = ends.use(
    openCache({ endpoints: [cluster.node(0).url], token: null, timeoutMs: 20_000 }),
  );
  const one = ends.use(await TestWorld.start({ name: 'eu-meadow-1-1', maxPlayers: 2 }));
  const other = ends.use(await TestWorld.start({ name: 'eu-meadow-2-1', maxPlayers: 2 }));
  other.neighbours.push(one);
  one.neighbours.push(other);
  const published = publishWorld(one, cache, 1, PACE);
  ends.use(published);
  ends.use(publishWorld(other, cache, 2, PACE));
  await new Configurations(cache).write('eu', 'meadow', configuration, 0);

  const askers = new Map(
    await Promise.all(
      [one, other].map(
        async (world) =>
          [world.name, seatAsker(await world.signer('api'), regionFetch('eu', null))] as const,
      ),
    ),
  );
  const asked: SeatRequest[] = [];
  const failures: unknown[] = [];
  const view = ends.use(new WorldsView(cache));
  const watchers = ends.use(new Watchers(view));
  const joins = new Joins({
    view,
    once: new OnceRecords(cache),
    now: () => Date.now(),
    onFailure: (error) => failures.push(error),
    askForSeat: async (at, request) => {
      asked.push(request);
      const asker = askers.get(at.instance);
      return asker === undefined ? { type: 'refused', reason: 'unreachable' } : asker(at, request);
    },
  });
  const { identityUrl, apiUrl, revocations, faults } = ends.use(
    await startPlayerServices({ directory, cache, view, watchers, joins }),
  );
  await view.synced();
  const sessions = ends.use(new TableMirror(cache, 'session', sessionSchema));
  await waitFor(
    () => view.candidates('eu', 'meadow').length === 2 && view.listing.list().length === 1,
    10_000,
    'both instances are listed',
  );

  const guest = async (): Promise<Guest> =>
    (await (await fetch(`${identityUrl}/identity/guests`, { method: 'POST' })).json()) as Guest;
  const get = (path: string, access: string, headers: Record<string, string> = {}) =>
    fetch(apiUrl + path, { headers: { Authorization: `Bearer ${access}`, ...headers } });
  const post = (path: string, access: string, key: string, body: object = {}) =>
    fetch(apiUrl + path, {
      method: 'POST',
      headers: { Authorization: `Bearer ${access}`, ...(key !== '' && { 'Idempotency-Key': key }) },
      body: JSON.stringify(body),
    });
  const path = '/worlds/eu/meadow/join';
  const a = await guest();

  // A listing names the world, and is not sent twice.
  const listing = await get('/worlds?open=true&map=meadow', a.access);
  const body = (await listing.json()) as { worlds: { instances: object[] }[]; stale: boolean };
  assert.is(body.worlds[0]?.instances.length, 2);
  assert.is(body.stale, false);
  // One that is ready is the same as one that takes the way through the routes, as this spelling does.
  for (const isKnown of [false, true]) {
    const ask = async (query: string): Promise<string> => {
      const answer = await get(`/worlds?${query}`, a.access, {
        'If-None-Match': isKnown ? view.etag : '',
      });
      const ownHeaders = ['date', 'traceresponse'];
      const headers = [...answer.headers].filter(([name]) => !ownHeaders.includes(name));
      return JSON.stringify([answer.status, headers, await answer.text()]);
    };
    await waitFor(
      async () => {
        const [routed, ready] = [await ask('region=%65u'), await ask('region=eu')];
        assert.is(ready, routed);
        return true;
      },
      10_000,
      'two answers of one revision',
    );
  }
  assert.is((await get('/worlds?open=perhaps', a.access)).status, 422);
  assert.is((await get('/worlds', 'x.y.z')).status, 401);

  using lobby = new WatchReader(`${apiUrl}/worlds/watch`, {
    Authorization: `Bearer ${a.access}`,
  });
  await waitFor(() => lobby.syncs === 1, 10_000, 'the lobby is synced');
  assert.is((await get('/worlds/watch', 'x.y.z')).status, 401);

  // One key twice at once gives one seat; for another request it is refused.
  for (let round = 0; round < 20; round += 1) {
    const b = await guest();
    const key = `key-${round}`;
    const [first, second] = await Promise.all([
      post(path, b.access, key),
      post(path, b.access, key),
    ]);
    const seats = (await Promise.all([first.json(), second.json()])) as { instance: string }[];
    assert.is(seats[0]?.instance, seats[1]?.instance);
    assert.is(one.instance.counts.taken + other.instance.counts.taken, 1);
    assert.is((await post('/join', b.access, key, { regions: ['eu'] })).status, 422);
    const again = await post(path, b.access, key);
    assert.is(again.status, 200, 'the same seat');
    for (const world of [one, other]) world.instance.revoke(b.player, false);
  }
  assert.equal(failures, [], 'the cache was there for all of them');
  assert.is((await post(path, a.access, '')).status, 400);
  assert.is((await post('/worlds/eu/nowhere/join', a.access, 'k')).status, 404);
  assert.is((await post(path, a.access, 'k', { not: 1 })).status, 422);
  assert.is((await post(path, a.access, 'k', { from: 1 })).status, 422);

  // He plays, is found where he sits, and moves without a word to the old world.
  const joined = (await (await post(path, a.access, 'a1')).json()) as {
    instance: string;
    playUrl: string;
    seatToken: string;
  };
  using playing = await new TestPlayer(joined.playUrl, joined.seatToken).settled();
  assert.ok(playing.welcome);
  await waitFor(() => view.seatOf(a.player)?.instance === joined.instance, 10_000, 'his roster');
  const same = (await (await post(path, a.access, 'a2')).json()) as { instance: string };
  assert.is(same.instance, joined.instance);
  const moved = (await (
    await post('/join', a.access, 'a3', {
      regions: ['eu'],
      not: [joined.instance],
    })
  ).json()) as { instance: string; playUrl: string; seatToken: string };
  assert.is.not(moved.instance, joined.instance);
  assert.is(asked.at(-1)?.previous, null, 'he has found it dead');

  // Who says that he comes from there has it let go of him, and a key counts for that word alone.
  const away = { regions: ['eu'], not: [joined.instance] };
  const from = joined.instance;
  assert.is((await post('/join', a.access, 'a3', { ...away, from })).status, 422);
  assert.is((await post('/join', a.access, 'a3', { ...away, from: null })).status, 200);
  assert.is((await post('/join', a.access, 'from', { ...away, from })).status, 200);
  assert.is(asked.at(-1)?.previous?.instance, from);
  assert.is((await post(path, a.access, 'from it', { not: [from], from })).status, 400);
  assert.is((await post(path, a.access, 'from-it', { not: [from], from })).status, 200);
  assert.is(asked.at(-1)?.previous?.instance, from);
  assert.is((await post(path, a.access, 'nowhere', { from: 'eu-meadow-9-9' })).status, 200);
  assert.ok(asked.at(-1)?.previous, 'by the rosters');

  // All four seats taken: full, whatever the listing says.
  const others = await Promise.all(Array.from({ length: 6 }, guest));
  const statuses = await Promise.all(
    others.map(async ({ access }) => (await post(path, access, 'x')).status),
  );
  const taken = one.instance.counts.taken + other.instance.counts.taken;
  assert.is(taken, 4);
  assert.ok(
    statuses.every((status) => status === 201 || status === 409),
    String(statuses),
  );
  assert.is(statuses.filter((status) => status === 201).length, 2);

  // A revoked player is refused; with the node away, listing and joins go on.
  await revocations.revoke(others[0]?.player ?? '', 'operator');
  await waitFor(
    async () => (await get('/worlds', others[0]?.access ?? '')).status === 401,
    10_000,
    'the revocation counts',
  );
  await cluster.node(0).kill();
  await waitFor(() => view.isStale, 10_000, 'the api notices');
  await waitFor(() => [...sessions.rows()].length === 0, 20_000, 'the sessions are over');
  const stale = (await (await get('/worlds', a.access)).json()) as { stale: boolean };
  assert.is(stale.stale, true);
  const before = asked.length;
  const resumed = await post(path, a.access, 'a4');
  assert.ok(resumed.status === 200 || resumed.status === 201, String(resumed.status));
  assert.ok(asked.length > before);
  assert.is((await get('/players/me', a.access)).status, 503);

  // The nodes come back: an instance that is gone meanwhile is listed no longer, the other one is.
  published[Symbol.dispose]();
  await cluster.node(0).start();
  await waitFor(
    () => !view.isStale && view.candidates('eu', 'meadow').length === 1,
    20_000,
    'all is known again, and one is gone',
  );
  assert.is(view.candidates('eu', 'meadow')[0]?.instance, other.name);

  // An operator's edit counts at the version that he has read, and what he deletes is listed no more.
  const operator = await (await openSigner(directory, 'operator')).tokenFor(API_TARGET);
  const admin = (method: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(`${apiUrl}/admin/worlds/eu/meadow`, {
      method,
      headers: { Authorization: `Bearer ${operator}`, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const read = await admin('GET');
  const etag = read.headers.get('ETag') ?? '';
  const shown = (await read.json()) as { configuration: WorldConfiguration };
  assert.equal(shown.configuration, configuration);
  const stopped = { ...shown.configuration, desired: 'stopped' };
  assert.is((await admin('PUT', { 'If-Match': '"77"' }, stopped)).status, 412);
  const edited = await admin('PUT', { 'If-Match': etag }, stopped);
  assert.is(edited.status, 200);
  assert.is((await admin('PUT', { 'If-Match': etag }, stopped)).status, 412);
  const last = { 'If-Match': edited.headers.get('ETag') ?? '' };
  assert.is((await admin('DELETE', last)).status, 200);
  await waitFor(() => lobby.names.length === 0, 10_000, 'it is listed no more');
  const again = await admin('PUT', { 'If-None-Match': '*' }, configuration);
  assert.ok(Number(((await again.json()) as { version: number }).version) > 1000);
  assert.is((await admin('PUT', { 'If-None-Match': '*' }, configuration)).status, 412);

  // The lobby was told all of it, and nothing twice.
  await waitFor(
    () => JSON.stringify([...lobby.worlds.values()]) === JSON.stringify(view.listing.list()),
    10_000,
    'the lobby shows the listing',
  );
  const ids = lobby.events.flatMap(({ event, id }) => (event === 'synced' ? [] : [id]));
  assert.is(new Set(ids).size, ids.length);
  assert.is(lobby.events.filter(({ event }) => event === 'synced').length, 3, 'stale, and back');
  assert.equal(faults, []);
});

api.run();
