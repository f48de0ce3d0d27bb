/** `/worlds/watch` over real sockets, of a listing that the test changes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { WATCH_LIMITS, Watchers, type WatchLimits } from '../../api/watchers.ts';
import type { ListingListener } from '../../api/worldsView.ts';
import { type JsonRequest, jsonApp, listen } from '../../http/jsonApp.ts';
import { Listing } from '../../rules/listing.ts';
import { WatchReader } from '../support/watchReader.ts';

const watch = suite('watch');

class TestView {
  readonly id: string;
  readonly listing = new Listing();
  isStale = false;
  readonly #listeners = new Set<ListingListener>();

  constructor(id = 'first') {
    this.id = id;
  }

  synced = (): Promise<void> => Promise.resolve();

  onChange(listener: ListingListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param taken seats of ten; null: the world is gone. */
  set(region: string, world: string, taken: number | null, name = world): void {
    const place = { region, world, instance: `${region}-${world}-1-1` };
    this.listing.setInstance(place, taken === null ? null : { state: 'active', max: 10, taken });
    this.listing.configure(
      region,
      world,
      taken === null
        ? null
        : {
            name,
            map: 'meadow',
            maxPlayers: 10,
            mode: 'static',
            minInstances: 1,
            maxInstances: 1,
            spareSeats: 0,
            desired: 'running',
            restartEveryHours: null,
          },
    );
    for (const listener of this.#listeners) listener(region, world);
  }
}

async function serve(view: TestView, limits: Partial<WatchLimits> = {}) {
  const ends = new AsyncDisposableStack();
  const admitted = new Set(['a', 'b']);
  const watchers = ends.use(
    new Watchers(view, { ...WATCH_LIMITS, paceMs: 5, beatMs: 20, ...limits }),
  );
  const answer = (request: JsonRequest) => {
    const caller = request.header('X-Caller');
    const stream = watchers.admit({
      caller,
      filter: request.query.has('open') ? { open: true } : {},
      lastEventId: request.header('Last-Event-ID'),
      isAdmitted: async () => admitted.has(caller),
    });
    return { status: 200, headers: watchers.headers, stream };
  };
  const app = jsonApp([{ method: 'GET', path: '/watch', answer }], (error) => {
    throw error;
  });
  const at = ends.use(await listen(app.callback(), '127.0.0.1', 0));
  const read = (caller: string, before?: WatchReader, query = '') => {
    const reader = new WatchReader(`${at.url}/watch${query}`, { 'X-Caller': caller }, before);
    ends.use(reader);
    return reader;
  };
  return { watchers, admitted, read, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

const synced = (reader: WatchReader, count = 1) =>
  waitFor(() => reader.syncs >= count, 5000, 'the watcher is synced');

watch('a watcher is told the listing, its changes, and how old it may be', async () => {
  const view = new TestView();
  view.set('eu', 'a', 3);
  view.set('us', 'b', 10);
  await using served = await serve(view);
  const reader = served.read('a');
  const open = served.read('a', undefined, '?open');
  await Promise.all([synced(reader), synced(open)]);
  assert.equal(reader.names, ['eu/a', 'us/b']);
  assert.equal(open.names, ['eu/a']);
  view.set('us', 'b', 9);
  view.set('eu', 'a', 10);
  await waitFor(() => open.names.join() === 'us/b', 5000, 'the open one');
  view.set('us', 'b', null);
  await waitFor(() => reader.names.join() === 'eu/a', 5000, 'one is gone');
  assert.is(reader.worlds.get('eu/a')?.instances[0]?.free, 0);
  view.isStale = true;
  await synced(reader, 2);
  assert.ok(reader.isStale);
  assert.equal([...reader.worlds.values()], view.listing.list());
});

watch('who comes back is told what he missed and nothing twice, at another api all', async () => {
  const view = new TestView();
  for (const world of ['a', 'b', 'c']) view.set('eu', world, 1);
  await using served = await serve(view);
  const first = served.read('a');
  await synced(first);
  first[Symbol.dispose]();
  await waitFor(() => served.watchers.count === 0, 5000, 'the watcher is counted out');
  view.set('eu', 'a', 2);
  view.set('eu', 'b', null);
  const second = served.read('a', first);
  await synced(second);
  assert.equal(
    second.events.map(({ event }) => event),
    ['world', 'gone', 'synced'],
  );
  assert.equal([...second.worlds.values()], view.listing.list());
  const other = new TestView('other');
  other.set('eu', 'c', 5);
  await using elsewhere = await serve(other);
  const third = elsewhere.read('a', second);
  await synced(third);
  assert.equal(third.names, ['eu/c']);
});

watch('a stream ends with its token, and no caller has too many', async () => {
  const view = new TestView();
  await using served = await serve(view, { maxWatchers: 3, maxWatchersOfCaller: 2 });
  const [one, two] = [served.read('a'), served.read('a')];
  await Promise.all([synced(one), synced(two)]);
  const third = served.read('a');
  await waitFor(() => third.status === 429, 5000, 'a third one is refused');
  const other = served.read('b');
  await synced(other);
  const fifth = served.read('b');
  await waitFor(() => fifth.status === 503, 5000, 'the api is full');
  served.admitted.delete('a');
  await waitFor(() => one.isOver && two.isOver, 5000, 'the token counts no more');
  assert.not.ok(other.isOver);
  await waitFor(() => served.watchers.count === 1, 5000, 'they are counted out');
});

watch('who reads nothing is cut, and others miss nothing', async () => {
  const view = new TestView();
  await using served = await serve(view, { slowMs: 100 });
  const [slow, quick] = [served.read('a'), served.read('b')];
  await Promise.all([synced(slow), synced(quick)]);
  slow.pause();
  const heapBefore = process.memoryUsage().external;
  let round = 0;
  await waitFor(
    () => {
      for (let world = 0; world < 50; world += 1)
        view.set('eu', `w${world}`, round % 10, 'x'.repeat(4000));
      round += 1;
      return served.watchers.cut === 1;
    },
    20_000,
    'the slow one is cut',
  );
  await waitFor(() => served.watchers.count === 1, 5000, 'it is counted out');
  await waitFor(
    () =>
      JSON.stringify([...quick.worlds.values()].sort(byWorld)) ===
      JSON.stringify(view.listing.list().sort(byWorld)),
    10_000,
    'the other one holds the listing',
  );
  assert.ok(process.memoryUsage().external - heapBefore < 64 * 1024 * 1024);
});

const byWorld = (a: { world: string }, b: { world: string }): number =>
  a.world < b.world ? -1 : 1;

watch('a view that is closed before it was complete is no fault', async () => {
  const view = new TestView();
  view.synced = () => Promise.reject(new Error('It was closed.'));
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    await using ends = new AsyncDisposableStack();
    ends.use(new Watchers(view));
    await nextTurn();
  } finally {
    process.off('unhandledRejection', note);
  }
  assert.equal(unhandled, []);
});

watch.run();
