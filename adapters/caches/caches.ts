/** The documented behaviours of caches that stand on Keyv 5, over `hearsay/keyv` and two nodes. */
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { createClient } from 'hearsay/client';
import { KeyvHearsay5 } from 'hearsay/keyv';
import Keyv from 'keyv';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const endpoints = (process.env.HEARSAY_URL ?? '').split(',');
// Each reads what the other has written: the calls of a test go to both.
const client = createClient({ endpoints });
const other = createClient({ endpoints: endpoints.slice(1) });

const keyvOf = (namespace: string, by = client): Keyv =>
  new Keyv({ store: new KeyvHearsay5({ client: by }), namespace, useKeyPrefix: false });

/** Asks until the answer is as expected: what another node has written comes by gossip. */
async function eventually(expected: unknown, ask: () => Promise<unknown>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; )
    if ((await ask()) === expected) return;
    else await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(await ask(), expected);
}

const caches = suite('caches over keyv');

caches('cache-manager: get, set, mget, mset, del, mdel and clear', async () => {
  const cache = createCache({ stores: [keyvOf('manager')] });
  assert.is(await cache.set('a', 1), 1);
  await cache.mset<unknown>([
    { key: 'b', value: { n: 2 } },
    { key: 'c', value: 3, ttl: 60_000 },
  ]);
  assert.equal(await cache.mget(['a', 'b', 'none', 'c']), [1, { n: 2 }, undefined, 3]);
  assert.is(await cache.del('a'), true);
  await cache.mdel(['b']);
  assert.equal(await cache.mget(['a', 'b', 'c']), [undefined, undefined, 3]);
  const kept = createCache({ stores: [keyvOf('manager two')] });
  await kept.set('a', 'kept');
  await cache.clear();
  assert.is(await cache.get('c'), undefined);
  assert.is(await kept.get('a'), 'kept');
});

caches('cache-manager: an entry tells its time, and is gone after it', async () => {
  const cache = createCache({ stores: [keyvOf('times')], ttl: 60_000 });
  await cache.set('long', 1);
  const leftMs = ((await cache.ttl('long')) ?? 0) - Date.now();
  assert.ok(leftMs > 30_000 && leftMs <= 60_000, String(leftMs));
  await cache.set('short', 1, 200);
  await eventually(undefined, () => cache.get('short'));
});

caches(
  'cache-manager: wrap loads once for many callers, and not again for another process',
  async () => {
    let loads = 0;
    const load = async () => {
      loads += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { loads };
    };
    const cache = createCache({ stores: [keyvOf('wrapped')] });
    const found = await Promise.all(
      Array.from({ length: 50 }, () => cache.wrap('a', load, 60_000)),
    );
    assert.equal(new Set(found.map((one) => one.loads)), new Set([1]));
    const elsewhere = createCache({ stores: [keyvOf('wrapped', other)] });
    await eventually(1, async () => (await elsewhere.get<{ loads: number }>('a'))?.loads);
    assert.equal(await elsewhere.wrap('a', load, 60_000), { loads: 1 });
    assert.is(loads, 1);
  },
);

caches('cache-manager: wrap refreshes in the background once little time is left', async () => {
  let loads = 0;
  const load = async () => {
    loads += 1;
    return loads;
  };
  const cache = createCache({ stores: [keyvOf('refreshed')] });
  assert.is(await cache.wrap('a', load, 60_000, 120_000), 1);
  assert.is(await cache.wrap('a', load, 60_000, 120_000), 1);
  await eventually(2, async () => (await cache.get<number>('a')) ?? 0);
});

caches('cacheable: what one process stores, another finds in its second layer', async () => {
  const here = new Cacheable({ secondary: keyvOf('layers') });
  const there = new Cacheable({ secondary: keyvOf('layers', other) });
  await here.set('a', { n: 1 }, '1m');
  await eventually(1, async () => (await there.get<{ n: number }>('a'))?.n);
  await here.delete('a');
  assert.is(await here.get('a'), undefined);
});

caches('cacheable: getOrSet loads once for many callers', async () => {
  let loads = 0;
  const load = async () => {
    loads += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return loads;
  };
  const cache = new Cacheable({ secondary: keyvOf('stampede') });
  const found = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('a', load)));
  assert.equal(new Set(found), new Set([1]));
});

caches('cacheable: a tag that one process invalidates is invalid in another', async () => {
  const here = new Cacheable({ primary: keyvOf('tagged'), tags: true });
  const there = new Cacheable({ primary: keyvOf('tagged', other), tags: true });
  await here.set('page:1', 'one', { ttl: '10m', tags: ['user:1'] });
  await here.set('page:2', 'two', { ttl: '10m', tags: ['user:2'] });
  await eventually('one', () => there.get('page:1'));
  await eventually('two', () => there.get('page:2'));
  await here.tags.invalidateTag('user:1');
  assert.is(await here.get('page:1'), undefined);
  await eventually(undefined, () => there.get('page:1'));
  assert.is(await there.get('page:2'), 'two');
});

caches('Apollo: a KeyValueCache whose times are in seconds', async () => {
  const cache = new KeyvAdapter<string>(keyvOf('apollo') as never);
  await cache.set('a', 'data', { ttl: 60 });
  await cache.set('endless', 'data', { ttl: null });
  const readers = ['a', 'none', 'endless'].map((key) => cache.get(key));
  assert.equal(await Promise.all(readers), ['data', undefined, 'data']);
  const expiresAt = (await client.get('apollo::a'))?.expiresAt?.getTime() ?? 0;
  assert.ok(expiresAt - Date.now() > 30_000);
  assert.is((await client.get('apollo::endless'))?.expiresAt, null);
  await cache.delete('a');
  assert.is(await cache.get('a'), undefined);
  await client.close();
  await other.close();
});

caches.run();
