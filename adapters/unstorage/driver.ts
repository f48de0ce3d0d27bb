/** The behaviours that unstorage asks of every driver, and those that it asks of few: depth, ttl, meta and watches. */
import { createClient } from 'hearsay/client';
import hearsayDriver from 'hearsay/unstorage';
import { createStorage, type Driver, restoreSnapshot, type Storage } from 'unstorage';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../../test/client/support.ts';

const endpoints = (process.env.HEARSAY_URL ?? '').split(',');
const client = createClient({ endpoints });
let storages = 0;

/** A storage over keys of its own. */
function newStorage(): Storage {
  storages += 1;
  const driver: Driver = hearsayDriver({ client, prefix: `unstorage/${storages}:` });
  return createStorage({ driver });
}

const unstorage = suite('unstorage');

unstorage('a snapshot is restored', async () => {
  const storage = newStorage();
  await restoreSnapshot(storage, { first: 'works', 'a:b': 'too' });
  assert.is(await storage.getItem('first'), 'works');
  assert.is(await storage.getItem('a:b'), 'too');
});

unstorage('an empty storage has no item and no key', async () => {
  const storage = newStorage();
  assert.is(await storage.hasItem('s1:a'), false);
  assert.is(await storage.getItem('s2:a'), null);
  assert.is(await storage.getItemRaw('s2:a'), null);
  assert.equal(await storage.getKeys(), []);
});

unstorage('an item is there once it is set, and its key has no query', async () => {
  const storage = newStorage();
  await storage.setItem('s1:a', 'one');
  await storage.setItem('s3:a?q=1', 'three');
  assert.is(await storage.hasItem('s1:a'), true);
  assert.is(await storage.getItem('s1:a'), 'one');
  assert.is(await storage.getItem('s3:a?q=2'), 'three');
});

unstorage('keys are listed, all or those below a base', async () => {
  const storage = newStorage();
  for (const key of ['s1:a', 's2:a', 's10:a', 's3:a?q=1']) await storage.setItem(key, 'x');
  assert.equal((await storage.getKeys()).sort(), ['s10:a', 's1:a', 's2:a', 's3:a'].sort());
  assert.equal(await storage.getKeys('s1'), ['s1:a']);
});

unstorage('keys are listed down to a depth', async () => {
  const storage = newStorage();
  const keys = ['top', 'a:one', 'a:two', 'a:b:one', 'a:b:c:one', 'b:b:one'];
  for (const key of keys) await storage.setItem(key, 'x');
  const depthOf = (key: string): number => key.split(':').length - 1;
  for (const maxDepth of [0, 1, 2, 3])
    for (const base of ['', 'a', 'a:b']) {
      const expected = keys.filter(
        (key) => depthOf(key) <= maxDepth && key.startsWith(base === '' ? '' : `${base}:`),
      );
      assert.equal((await storage.getKeys(base, { maxDepth })).sort(), expected.sort());
    }
});

unstorage('objects, primitives, falsy values and objects with toJSON() come back', async () => {
  const storage = newStorage();
  const values = [{ json: 'works' }, true, false, 0, 12.5, ['a'], 'text', ''];
  for (const value of values) {
    await storage.setItem('/data/value.json', value);
    assert.equal(await storage.getItem('/data/value.json'), value);
  }
  await storage.setItem('/data/value.json', { toJSON: () => ({ as: 'told' }) });
  assert.equal(await storage.getItem('/data/value.json'), { as: 'told' });
  await storage.setItem('/data/value.json', { toJSON: () => 'TOLD' });
  assert.equal(await storage.getItem('/data/value.json'), 'TOLD');
});

unstorage('an instance of a class is refused', async () => {
  class Strange {}
  const message = await newStorage()
    .setItem('a', new Strange())
    .then(String, (error: Error) => error.message);
  assert.match(message, 'Cannot stringify value');
});

unstorage('bytes come back as bytes', async () => {
  const storage = newStorage();
  const bytes = new Uint8Array([0, 1, 2, 255, 254]);
  await storage.setItemRaw('/data/raw.bin', bytes);
  const rawItem = () => storage.getItemRaw<Uint8Array>('/data/raw.bin');
  assert.equal(await rawItem(), bytes);
  await storage.setItemRaw('/data/raw.bin', Buffer.from('äö'));
  assert.is(Buffer.from((await rawItem()) ?? []).toString(), 'äö');
  assert.is(await storage.getItem('/data/raw.bin'), 'äö');
  const answer = await fetch(`${endpoints[0]}/cache/unstorage%2F${storages}:data:raw.bin`);
  assert.is(answer.headers.get('Content-Type'), 'application/octet-stream');
  assert.is(await answer.text(), 'äö');
  await storage.setItemRaw('object', { at: new Date(5) });
  assert.equal(await storage.getItemRaw('object'), { at: new Date(5) });
});

unstorage('many items are set and read at once, the absent ones as null', async () => {
  const storage = newStorage();
  await storage.setItems([
    { key: 't:1', value: 'one' },
    { key: 't:2', value: 'two' },
  ]);
  assert.equal(await storage.getItems(['t:1', { key: 't:2?q=1' }, 't:none']), [
    { key: 't:1', value: 'one' },
    { key: 't:2', value: 'two' },
    { key: 't:none', value: null },
  ]);
});

unstorage('a removed item is absent', async () => {
  const storage = newStorage();
  await storage.setItem('s1:a', 'x');
  await storage.removeItem('s1:a');
  assert.is(await storage.hasItem('s1:a'), false);
  assert.is(await storage.getItem('s1:a'), null);
  await storage.removeItem('s1:a');
});

unstorage(
  'a clear takes all of a storage and nothing else, and an empty one can be cleared',
  async () => {
    const storage = newStorage();
    const other = newStorage();
    await other.setItem('kept', 'x');
    for (const key of ['a:1', 'a:b:2', 'ab:3']) await storage.setItem(key, 'x');
    await hearsayDriver({ client, prefix: `unstorage/${storages - 1}:` }).clear('a:');
    assert.equal(await storage.getKeys(), ['ab:3']);
    await storage.clear();
    await storage.clear();
    assert.equal(await storage.getKeys(), []);
    assert.equal(await other.getKeys(), ['kept']);
  },
);

unstorage('an item with a ttl, which is in seconds, is gone at its time', async () => {
  const storage = newStorage();
  await storage.setItem('short', 'x', { ttl: 0.3 });
  await storage.setItem('long', 'x', { ttl: 60 });
  await storage.setItem('endless', 'x');
  const { ttl = 0, version } = await storage.getMeta('long');
  assert.ok(ttl > 50 && ttl <= 60, String(ttl));
  assert.is(version, 1);
  assert.equal({ ...(await storage.getMeta('endless')) }, { version: 1 });
  assert.equal({ ...(await storage.getMeta('none')) }, {});
  while (await storage.hasItem('short')) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await storage.getKeys(), ['endless', 'long']);
});

unstorage('own meta is kept beside the item, and is no key', async () => {
  const storage = newStorage();
  await storage.setItem('a', 'x');
  await storage.setMeta('a', { by: 'Ada' });
  assert.is((await storage.getMeta('a')).by, 'Ada');
  assert.equal(await storage.getKeys(), ['a']);
  await storage.removeItem('a', { removeMeta: true });
  assert.equal({ ...(await storage.getMeta('a')) }, {});
});

unstorage('a mount serves its part of the keys', async () => {
  const storage = createStorage();
  storage.mount('shared', hearsayDriver({ client, prefix: 'unstorage/mount:' }));
  await storage.setItem('own:a', 1);
  await storage.setItem('shared:a', 2);
  assert.equal((await client.get('unstorage/mount:a'))?.value, '2');
  assert.equal((await storage.getKeys()).sort(), ['own:a', 'shared:a']);
  await storage.clear('shared');
  assert.equal(await storage.getKeys(), ['own:a']);
});

unstorage('a watch tells what is changed at the other node, until it is stopped', async () => {
  const prefix = 'unstorage/watched:';
  const [here, there] = endpoints.map((endpoint) =>
    createStorage({ driver: hearsayDriver({ endpoints: [endpoint], prefix }) }),
  ) as [Storage, Storage];
  const told: string[] = [];
  const stop = await here.watch((event, key) => {
    told.push(`${event} ${key}`);
  });
  await there.setItem('a:b', 1);
  await there.removeItem('a:b');
  await here.setItem('own', 1);
  await there.setItem('short', 1, { ttl: 0.2 });
  const isTold = (...lines: string[]) => lines.every((line) => told.includes(line));
  await until(() => isTold('remove a:b', 'update own', 'remove short'), 'all was told');
  assert.ok(told.indexOf('update short') < told.indexOf('remove short'));
  await stop();
  await there.setItem('after', 1);
  await there.getItem('after');
  assert.not.ok(told.includes('update after'));
  await here.dispose();
  await there.dispose();
  await client.close();
});

unstorage.run();
