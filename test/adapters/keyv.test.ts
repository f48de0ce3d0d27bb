/** The stores for Keyv, by the words of Keyv's contract. With Keyv itself: `npm run adapters`. */
import { EventEmitter } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyvHearsay, KeyvHearsay5 } from '../../src/adapters/keyv/index.ts';
import { ClosedError } from '../../src/client/index.ts';
import { rejectedWith, withClient } from '../client/support.ts';
import { withServer } from '../http/testServer.ts';

const keyv = suite('keyv');

interface Stores {
  readonly store: KeyvHearsay;
  readonly store5: KeyvHearsay5;
}

/** Both stores, over one client and the keys of one prefix. */
const withStores = (run: (stores: Stores) => Promise<void>) =>
  withServer((server) =>
    withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, (client) =>
      run({
        store: new KeyvHearsay({ client, prefix: 'k/' }),
        store5: new KeyvHearsay5({ client, prefix: 'k/' }),
      }),
    ),
  );

keyv('a store of Keyv 6 says so, and one of Keyv 5 has its options', () => {
  const endpoints = ['http://localhost:1'];
  const store = new KeyvHearsay({ endpoints });
  assert.is(store.capabilities.expires, true);
  for (const [name, method] of Object.entries(store.capabilities.methods)) {
    assert.equal(method, { exists: true, methodType: name === 'iterator' ? 'sync' : 'async' });
    assert.type(Reflect.get(store, name), 'function');
  }
  assert.throws(() => store.opts, /use KeyvHearsay5 with Keyv 5/);
  const store5 = new KeyvHearsay5({ endpoints });
  assert.not.ok('capabilities' in store5);
  assert.type(store5.opts.url, 'string');
  for (const one of [store, store5]) assert.ok(one instanceof EventEmitter);
});

keyv(
  'Keyv 6 says when an entry expires, and a past time keeps nothing',
  withStores(async ({ store }) => {
    assert.is(await store.set('a', 'one', Date.now() + 60_000), true);
    assert.is(await store.get('a'), 'one');
    assert.is(await store.set('a', 'two', Date.now() - 1), true);
    assert.is(await store.get('a'), undefined);
    const entries = [
      { key: 'b', value: 'kept' },
      { key: 'c', value: 'gone', expires: Date.now() - 1 },
    ];
    assert.equal(await store.setMany(entries), [true, true]);
    assert.equal(await store.getMany(['b', 'c']), ['kept', undefined]);
    assert.equal(await store.setMany([]), []);
  }),
);

keyv(
  'Keyv 5 says how long an entry lives',
  withStores(async ({ store5 }) => {
    assert.is(await store5.set('a', 'one', 60_000), true);
    assert.is(await store5.get('a'), 'one');
    await store5.setMany([
      { key: 'b', value: 'kept' },
      { key: 'c', value: 'gone', ttl: -1 },
    ]);
    assert.equal(await store5.getMany(['b', 'c']), ['kept', undefined]);
  }),
);

keyv(
  'a delete tells whether the key was there: each of many in Keyv 6, any of them in Keyv 5',
  withStores(async ({ store, store5 }) => {
    for (const one of [store, store5]) {
      await one.set('a', 1);
      assert.is(await one.delete('a'), true);
      assert.is(await one.delete('a'), false);
      await one.set('a', 1);
    }
    assert.equal(await store.deleteMany(['a', 'none']), [true, false]);
    await store.set('a', 1);
    assert.is(await store5.deleteMany(['none', 'a']), true);
    assert.is(await store5.deleteMany(['none', 'a']), false);
    assert.equal(await store.deleteMany([]), []);
  }),
);

keyv(
  'an absent key is undefined, and a stored undefined, null or date reads as it was',
  withStores(async ({ store }) => {
    assert.is(await store.get('none'), undefined);
    for (const value of [null, undefined, 0, '', new Date(5), { a: [1n] }]) {
      await store.set('a', value);
      assert.equal(await store.get('a'), value);
      assert.equal(await store.hasMany(['a', 'none']), [true, false]);
    }
  }),
);

keyv(
  'a namespace sees, clears and iterates its own keys alone, also where its name begins that of another',
  withStores(async ({ store }) => {
    const names = [undefined, 'a', 'a:', 'a::b', 'a%3A', '%', 'b'];
    for (const name of names) {
      store.namespace = name;
      await store.set('x', `x of ${name}`);
      await store.set('b::x', `b::x of ${name}`);
    }
    for (const [index, name] of names.entries()) {
      store.namespace = name;
      assert.equal(await entriesOf(store.iterator()), [
        ['b::x', `b::x of ${name}`],
        ['x', `x of ${name}`],
      ]);
      await store.clear();
      assert.equal(await entriesOf(store.iterator()), []);
      store.namespace = names[index + 1];
      if (index + 1 < names.length) assert.is(await store.has('x'), true);
    }
  }),
);

keyv('keys are stored as Keyv writes them, with the colons of a namespace escaped', async () => {
  await withServer((server) =>
    withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, async (client) => {
      const store = new KeyvHearsay({ client, prefix: 'k/' });
      for (const [namespace, key] of [
        [undefined, 'k/::a'],
        ['cart', 'k/cart::a'],
        ['a:b%', 'k/a%3Ab%25::a'],
      ] as const) {
        store.namespace = namespace;
        await store.set('a', namespace ?? 'none');
        assert.is((await client.get(key))?.value, namespace ?? 'none', key);
      }
    }),
  )();
});

keyv(
  'Keyv 5 may ask for the entries of another namespace',
  withStores(async ({ store5 }) => {
    store5.namespace = 'one';
    await store5.set('one:x', 1);
    store5.namespace = 'two';
    assert.equal(await entriesOf(store5.iterator()), []);
    assert.equal(await entriesOf(store5.iterator('one')), [['one:x', 1]]);
  }),
);

keyv('a failure rejects, and is not emitted as well', async () => {
  const store = new KeyvHearsay({ endpoints: ['http://127.0.0.1:1'] });
  let emitted = 0;
  store.on('error', () => {
    emitted += 1;
  });
  await store.disconnect();
  await rejectedWith(ClosedError, store.get('a'));
  await rejectedWith(ClosedError, store.set('a', 1));
  await rejectedWith(ClosedError, store.clear());
  assert.is(emitted, 0);
});

keyv.run();

async function entriesOf(entries: AsyncIterable<readonly unknown[]>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}
