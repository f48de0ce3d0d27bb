/** Both handlers for Next.js, by the words of its contract, at two nodes. With Next.js itself: `npm run adapters`. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CacheEntry,
  createCacheHandler,
  createIsrHandler,
  type HearsayCacheHandler,
  type IsrHandlerClass,
} from '../../src/adapters/next/index.ts';
import { InvalidRequestError } from '../../src/client/index.ts';
import { MIB } from '../../src/words/size.ts';
import { rejection, until } from '../client/support.ts';
import { type TwoNodes, withTwoNodes } from '../client/twoNodes.ts';
import { waitFor } from '../support/processes.ts';

const next = suite('handlers for Next.js');

const DEAD = { endpoints: ['http://127.0.0.1:9'], attemptTimeoutMs: 50, maxRounds: 1 };
const BUILD = 'phase-production-build';

const repeated = (condition: () => Promise<boolean>, what: string): Promise<void> =>
  waitFor(condition, 20_000, what);

const nowMs = (): number => performance.timeOrigin + performance.now();

function entryOf(text: string, facts: Partial<CacheEntry> = {}): CacheEntry {
  const value = new Blob([text]).stream() as ReadableStream<Uint8Array>;
  const times = { stale: 30, timestamp: nowMs(), expire: 3600, revalidate: 900 };
  return { value, tags: ['t'], ...times, ...facts };
}

const textOf = async (entry: CacheEntry | undefined): Promise<string | undefined> =>
  entry === undefined ? undefined : new Response(entry.value).text();

/** A test of two servers, each with a handler at a node of its own. */
const onTwoServers =
  (
    run: (
      servers: readonly [HearsayCacheHandler, HearsayCacheHandler],
      parts: TwoNodes,
    ) => Promise<void>,
  ) =>
  () =>
    withTwoNodes((parts) => {
      const servers = [0, 1].map((index) => createCacheHandler({ client: parts.client([index]) }));
      return run(servers as [HearsayCacheHandler, HearsayCacheHandler], parts);
    });

next(
  'an entry is read by every server, again and again, with its times and tags',
  onTwoServers(async ([here, there], { nodes, client }) => {
    const entry = entryOf('ä value');
    await here.set('["build","function",[1]]', Promise.resolve(entry));
    await until(() => [...nodes[1].list({ prefix: 'next:use-cache/' })].length > 0, 'it is there');
    for (let times = 0; times < 2; times++) {
      const found = await there.get('["build","function",[1]]', []);
      assert.is(await textOf(found), 'ä value');
      const { value: _, ...facts } = found ?? {};
      const { value: _stream, ...expected } = entry;
      assert.equal(facts, expected);
    }
    // It lives as long as Next may use it, and not only until it is to be made anew.
    const { expiresAt } = (await client([0]).get('next:use-cache/["build","function",[1]]')) ?? {};
    const leftMs = (expiresAt?.getTime() ?? 0) - Date.now();
    assert.ok(leftMs > 900_000 && leftMs <= 3_600_000, String(leftMs));

    const long = `["build","function",["${'x'.repeat(100_000)}\ud800"]]`;
    await here.set(long, Promise.resolve(entryOf('of a long key')));
    assert.is(await textOf(await here.get(long, [])), 'of a long key');
    assert.is(await here.get(`${long} `, []), undefined);
    for (const half of ['["\ud800"]', '["\udfff"]']) {
      await here.set(half, Promise.resolve(entryOf(JSON.stringify(half))));
      assert.is(await textOf(await here.get(half, [])), JSON.stringify(half));
    }
    await here.set('endless', Promise.resolve(entryOf('endless', { expire: 0xfffffffe })));
    assert.is(await textOf(await here.get('endless', [])), 'endless');
    await here.set('over', Promise.resolve(entryOf('over', { expire: 0 })));
    assert.is(await here.get('over', []), undefined);
  }),
);

next('a value that is too long is not kept, says so, and leaves the others alone', () =>
  withTwoNodes(async ({ client }) => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const handler = createCacheHandler({ client: client([0]), onError });
    await handler.set('short', Promise.resolve(entryOf('short')));
    await handler.set('long', Promise.resolve(entryOf('x'.repeat(2 * MIB))));
    assert.is(errors.length, 1);
    assert.instance(errors[0], InvalidRequestError);
    assert.is(await textOf(await handler.get('short', [])), 'short');
    assert.is(await handler.get('long', []), undefined);
    assert.is(errors.length, 1);
  }),
);

next(
  'a get waits for a set that is under way, and a value that breaks off is not kept',
  onTwoServers(async ([here]) => {
    let finish = (_: CacheEntry): void => {};
    const pending = new Promise<CacheEntry>((resolve) => {
      finish = resolve;
    });
    const set = here.set('pending', pending);
    const get = here.get('pending', []);
    finish(entryOf('pending'));
    assert.is(await textOf(await get), 'pending');
    await set;
    const value = new ReadableStream<Uint8Array>({ start: (it) => it.error(new Error('broken')) });
    await here.set('broken', Promise.resolve(entryOf('', { value })));
    assert.is(await here.get('broken', []), undefined);
    await here.set('failed', Promise.reject(new Error('failed')));
    assert.is(await here.get('failed', []), undefined);
    assert.is(await textOf(await here.get('pending', [])), 'pending');
  }),
);

next(
  'an invalidation of a tag is seen here at once, and by the other server as soon as it is told',
  onTwoServers(async ([here, there], { nodes }) => {
    await here.set('a', Promise.resolve(entryOf('a')));
    await until(() => [...nodes[1].list({ prefix: 'next:use-cache/' })].length > 0, 'it is there');
    assert.is(await textOf(await there.get('a', [])), 'a');
    await here.updateTags(['t']);
    assert.is(await here.get('a', []), undefined);
    await repeated(async () => (await there.get('a', [])) === undefined, 'the other sees it too');

    const old = entryOf('made before', { timestamp: nowMs() });
    await here.updateTags(['t', 'other']);
    await here.set('a', Promise.resolve(old));
    assert.is(await here.get('a', []), undefined, 'it was begun before the invalidation');
    await here.set('a', Promise.resolve(entryOf('anew')));
    assert.is(await textOf(await here.get('a', [])), 'anew');

    await here.updateTags(['t'], { expire: 600 });
    const stale = await here.get('a', []);
    assert.is(stale?.revalidate, -1, 'Next shows it, and makes another');
    await here.updateTags(['t'], { expire: 0 });
    assert.is(await here.get('a', []), undefined, 'a profile without any time is a hard one');
  }),
);

next(
  'a path that was invalidated makes entries of before absent, whoever made them',
  onTwoServers(async ([here, there], { nodes }) => {
    const atBoth = (count: number) =>
      until(
        () => [...nodes[1].list({ prefix: 'next:use-cache/' })].length === count,
        'it is at both nodes',
      );
    const path = ['_N_T_/layout', '_N_T_/a'];
    assert.is(await here.getExpiration(path), Number.POSITIVE_INFINITY, 'get judges by itself');
    await here.set('a', Promise.resolve(entryOf('a', { tags: [] })));
    await atBoth(1);
    assert.is(await textOf(await there.get('a', path)), 'a');
    await here.updateTags(['_N_T_/a']);
    assert.is(await here.get('a', path), undefined);
    await repeated(async () => (await there.get('a', path)) === undefined, 'the other sees it too');
    assert.is(await textOf(await here.get('a', ['_N_T_/b'])), 'a', 'another path is not concerned');
    await here.set('a', Promise.resolve(entryOf('anew', { tags: [] })));
    assert.is(await textOf(await here.get('a', path)), 'anew', 'it knows that it made it later');
    // Clocks may differ: a server takes an entry of another only if that was made clearly later.
    await there.set('early', Promise.resolve(entryOf('early', { tags: [], timestamp: nowMs() })));
    await repeated(async () => (await here.get('early', [])) !== undefined, 'it has come');
    assert.is(await here.get('early', path), undefined);
    const timestamp = nowMs() + 2000;
    await there.set('late', Promise.resolve(entryOf('late', { tags: [], timestamp })));
    await repeated(async () => (await here.get('late', path)) !== undefined, 'it has come');
  }),
);

next(
  'a cluster that is gone makes reads misses and fails invalidations, and a build needs none',
  async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const lost = createCacheHandler({ ...DEAD, onError });
    assert.is(await lost.get('a', []), undefined);
    assert.is((errors[0] as Error).name, 'UnavailableError');
    const startMs = performance.now();
    await lost.set('a', Promise.resolve(entryOf('a')));
    for (let times = 0; times < 100; times++) assert.is(await lost.get('a', []), undefined);
    const asked = 1 + Math.ceil((performance.now() - startMs) / 1000);
    assert.ok(errors.length <= asked, 'one read a second asks again, and the others do not wait');
    assert.is(((await rejection(lost.updateTags(['t']))) as Error).name, 'UnavailableError');
    await lost.close();

    process.env.NEXT_PHASE = BUILD;
    try {
      const building = createCacheHandler({ endpoints: [], onError });
      const before = errors.length;
      await building.set('a', Promise.resolve(entryOf('a')));
      assert.is(await building.get('a', []), undefined);
      await building.refreshTags();
      await building.updateTags(['t']);
      await building.close();
      const Building = createIsrHandler({ endpoints: [], onError });
      const isr = new Building({});
      await isr.set('a', { kind: 'PAGES' }, {});
      assert.is(await isr.get('a', { kind: 'PAGES' }), null);
      assert.is(errors.length, before);
    } finally {
      delete process.env.NEXT_PHASE;
    }
    assert.throws(
      () => createCacheHandler({ endpoints: [] }),
      (error: unknown) => error instanceof InvalidRequestError,
    );
  },
);

/** A page as Next stores it. */
const pageOf = (html: string) => ({
  kind: 'APP_PAGE',
  html,
  rscData: Buffer.from([0, 255]),
  headers: { 'x-next-cache-tags': 'page,_N_T_/layout' },
  segmentData: new Map([['/a', Buffer.from([1, 2])]]),
  postponed: undefined,
});

const PAGE = { kind: 'APP_PAGE' };
const FETCH = { kind: 'FETCH', tags: ['t'], softTags: ['_N_T_/a'] };
const LIFE = { revalidate: 900, expire: 3600 };

next('the older handler keeps pages with their bytes, fetches and images, for one build', () =>
  withTwoNodes(async ({ client, nodes }) => {
    const [Here, There] = [0, 1].map((index) =>
      createIsrHandler({ client: client([index]), buildId: 'one' }),
    ) as [IsrHandlerClass, IsrHandlerClass];
    const request = () => new Here({});
    assert.is(await request().get('/a', PAGE), null);
    await request().set('/a', pageOf('<p>'), { cacheControl: LIFE });
    await until(() => [...nodes[1].list({ prefix: 'next:pages/one/' })].length > 0, 'it is there');
    const found = await new There({}).get('/a', PAGE);
    assert.equal(found?.value, pageOf('<p>'));
    assert.equal(found?.cacheControl, LIFE);
    assert.ok(Math.abs((found?.lastModified ?? 0) - nowMs()) < 60_000);
    const entry = await client([0]).get('next:pages/one//a');
    const leftMs = (entry?.expiresAt?.getTime() ?? 0) - Date.now();
    assert.ok(leftMs > 900_000 && leftMs <= 3_600_000, String(leftMs));

    // Pages name scripts of their build.
    const Other = createIsrHandler({ client: client([0]) });
    const files = new Map([['/web/.next/server/../BUILD_ID', 'two\n']]);
    const fs = { readFileSync: (file: string) => files.get(file) ?? '' };
    const other = new Other({ fs, serverDistDir: '/web/.next/server' });
    assert.is(await other.get('/a', PAGE), null);
    await other.set('/a', null, { cacheControl: { revalidate: false, expire: undefined } });
    assert.is((await other.get('/a', PAGE))?.value, null, 'that there is no page is kept too');
    assert.ok((await client([0]).get('next:pages/two//a')) !== undefined);

    const data = { kind: 'FETCH', data: { body: 'x' }, tags: ['t'], revalidate: 60 };
    await request().set('hash', data, { fetchCache: true, tags: ['t'] });
    assert.equal((await other.get('hash', FETCH))?.value, data, 'fetches are of all builds');
    const image = { kind: 'IMAGE', buffer: Buffer.from([9]), etag: 'e' };
    await request().set('image', image, { kind: 'IMAGE' });
    assert.equal((await request().get('image', { kind: 'IMAGE' }))?.value, image);
  }),
);

next('the older handler heeds tags of pages and fetches, and paths', () =>
  withTwoNodes(async ({ client }) => {
    const Handler = createIsrHandler({ client: client([0]), buildId: 'one' });
    const request = () => new Handler({});
    const data = { kind: 'FETCH', data: { body: 'x' }, tags: ['t'], revalidate: 60 };
    const store = async () => {
      const handler = request();
      await handler.get('/a', PAGE);
      await handler.set('/a', pageOf('<p>'), { cacheControl: LIFE });
      await handler.get('hash', FETCH);
      await handler.set('hash', data, { fetchCache: true, tags: ['t'] });
    };
    await store();
    await request().revalidateTag('page');
    assert.is(await request().get('/a', PAGE), null);
    assert.is.not(await request().get('hash', FETCH), null);
    await request().revalidateTag(['t']);
    assert.is(await request().get('hash', FETCH), null);
    await store();
    assert.is.not(await request().get('/a', PAGE), null);
    await request().revalidateTag('_N_T_/a');
    assert.is(await request().get('hash', FETCH), null, 'a path counts for fetches of its page');

    await store();
    await request().revalidateTag(['page', 't'], { expire: 600 });
    const page = await request().get('/a', PAGE);
    assert.ok((page?.lastModified ?? 0) + 1000 < nowMs(), 'Next makes it anew behind it');
    assert.equal(page?.cacheControl, { revalidate: 1, expire: 3600 });
    assert.is((await request().get('hash', FETCH))?.lastModified, 1);

    const slow = request();
    await slow.get('/a', PAGE);
    await request().revalidateTag('page');
    await slow.set('/a', pageOf('<old>'), { cacheControl: LIFE });
    assert.is(await request().get('/a', PAGE), null, 'it was asked for before the invalidation');
    slow.resetRequestCache();
  }),
);

next.run();
