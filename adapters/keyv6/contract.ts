/** The documented contract of Keyv 6 for stores, asked of `hearsay/keyv` through Keyv and without it. */
import { setTimeout as wait } from 'node:timers/promises';
import { createClient } from 'hearsay/client';
import { KeyvHearsay } from 'hearsay/keyv';
import Keyv, {
  detectKeyvStorage,
  KeyvBridgeAdapter,
  type KeyvStorageAdapter,
  keyvStorageCapability,
} from 'keyv';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const endpoints = (process.env.HEARSAY_URL ?? '').split(',');
const client = createClient({ endpoints });
let stores = 0;

/** A store with keys of its own, by the type that Keyv gives its stores. */
function newStore(): KeyvStorageAdapter {
  stores += 1;
  return new KeyvHearsay({ client, prefix: `keyv6/${stores}/` });
}

const keyv6 = suite('keyv 6');

keyv6('it is used as it is, not bridged, and describes itself as Keyv would', () => {
  const store = newStore();
  const keyv = new Keyv({ store });
  assert.is(keyv.store, store);
  assert.not.instance(keyv.store, KeyvBridgeAdapter);
  assert.equal(store.capabilities, keyvStorageCapability(store));
  assert.is(detectKeyvStorage(store).compatible, true);
});

keyv6('values of every kind come back', async () => {
  const keyv = new Keyv({ store: newStore() });
  const values = [0, false, null, '', '"', { buffer: Buffer.from('b'), n: [1] }, Buffer.from('a')];
  for (const value of values) {
    assert.is(await keyv.set('a', value), true);
    assert.equal(await keyv.get('a'), value);
  }
  assert.is(await keyv.get('none'), undefined);
  assert.equal(await keyv.getMany(['a', 'none']), [Buffer.from('a'), undefined]);
});

keyv6('Keyv passes the value itself where it is told not to serialise', async () => {
  const keyv = new Keyv({ store: newStore(), serialization: false });
  const value = { at: new Date(5), ids: new Set([1n]) };
  await keyv.set('a', value);
  assert.equal(await keyv.get('a'), value);
});

keyv6('an entry is gone at its time, in reads, lists and the store', async () => {
  const store = newStore();
  const keyv = new Keyv({ store });
  await keyv.set('short', 1, 300);
  await keyv.set('long', 2, 60_000);
  await keyv.set('endless', 3);
  const raw = await keyv.getRaw('long');
  const expires = typeof raw === 'object' ? (raw.expires ?? 0) : 0;
  const leftMs = expires - Date.now();
  assert.ok(leftMs > 30_000 && leftMs <= 60_000, String(leftMs));
  await wait(400);
  assert.equal(await keyv.getMany(['short', 'long', 'endless']), [undefined, 2, 3]);
  assert.is(await keyv.has('short'), false);
  assert.is(await keyv.delete('short'), false);
  assert.is(await store.get('short'), undefined);
  assert.equal(await keysOf(keyv), ['endless', 'long']);
});

keyv6('a time in the past is accepted, and keeps nothing', async () => {
  const store = newStore();
  await store.set('a', 'old');
  assert.is(await store.set('a', 'new', Date.now() - 500), true);
  assert.is(await store.get('a'), undefined);
});

keyv6('many at once', async () => {
  const keyv = new Keyv({ store: newStore() });
  const entries = Array.from({ length: 1500 }, (_, n) => ({ key: String(n), value: n }));
  assert.equal(new Set(await keyv.setMany(entries)), new Set([true]));
  assert.equal(await keyv.hasMany(['7', 'none']), [true, false]);
  assert.equal(await keyv.getMany(['1499', 'none', '0']), [1499, undefined, 0]);
  assert.equal(await keyv.deleteMany(['7', '8', 'none']), [true, true, false]);
  assert.is((await keysOf(keyv)).length, 1498);
});

keyv6('namespaces share a cluster, and a clear takes one of them', async () => {
  const prefix = 'keyv6/shared/';
  const [one, two, none] = ['one', 'one::two', undefined].map((namespace) => {
    const store = new KeyvHearsay({ client, prefix });
    return new Keyv({ store, ...(namespace !== undefined && { namespace }) });
  }) as [Keyv, Keyv, Keyv];
  for (const keyv of [one, two, none]) await keyv.set('a', keyv.namespace);
  assert.is(await one.get('a'), 'one');
  assert.is(await two.get('a'), 'one::two');
  assert.equal(await keysOf(none), ['a']);
  await none.clear();
  assert.is(await one.get('a'), 'one');
  await one.clear();
  assert.is(await one.get('a'), undefined);
  assert.is(await two.get('a'), 'one::two');
});

keyv6('the other node reads what was stored at one', async () => {
  const other = new KeyvHearsay({ endpoints: endpoints.slice(1), after: await tokenOfWrite() });
  assert.is(await new Keyv({ store: other }).get('far'), 'near');
  await other.disconnect();
});

keyv6('an error is told once, and disconnect closes the own client alone', async () => {
  const keyv = new Keyv({ store: new KeyvHearsay({ endpoints }) });
  const errors: unknown[] = [];
  keyv.on('error', (error: unknown) => errors.push(error));
  await keyv.disconnect();
  assert.is(await keyv.get('a'), undefined);
  assert.is(errors.length, 1);
  const shared = new Keyv({ store: newStore() });
  await shared.disconnect();
  await client.get('a');
  await client.close();
});

keyv6.run();

async function keysOf(keyv: Keyv): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of keyv.iterator()) keys.push(key);
  return keys.sort();
}

async function tokenOfWrite(): Promise<string> {
  await new Keyv({ store: new KeyvHearsay({ client }) }).set('far', 'near');
  return client.token ?? '';
}
