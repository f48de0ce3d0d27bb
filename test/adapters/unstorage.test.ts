/** The driver for unstorage, by the words of its contract. With unstorage itself: `npm run adapters`. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import hearsayDriver, { type HearsayDriver } from '../../src/adapters/unstorage/index.ts';
import type { HearsayClient } from '../../src/client/index.ts';
import { withClient } from '../client/support.ts';
import { type TestServer, withServer } from '../http/testServer.ts';

const unstorage = suite('unstorage driver');

const withDriver = (
  run: (driver: HearsayDriver, client: HearsayClient, server: TestServer) => Promise<void>,
) =>
  withServer((server) =>
    withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, (client) =>
      run(hearsayDriver({ client, ttl: 60 }), client, server),
    ),
  );

unstorage(
  'items are texts under the prefix, and null where they are absent',
  withDriver(async (driver, client) => {
    await driver.setItem('a:b', '{"n":1}');
    assert.is((await client.get('unstorage:a:b'))?.value, '{"n":1}');
    assert.is(await driver.getItem('a:b'), '{"n":1}');
    assert.is(await driver.hasItem('a:b'), true);
    assert.equal(await driver.getKeys('a:'), ['a:b']);
    await driver.removeItem('a:b');
    for (const absent of [await driver.getItem('a:b'), await driver.getItemRaw('a:b')])
      assert.is(absent, null);
    assert.is(await driver.getMeta('a:b'), null);
    await client.put('unstorage:other', { n: 1 });
    assert.is(await driver.getItem('other'), '{"n":1}');
  }),
);

unstorage(
  'raw bytes are bytes to everybody, and an item reads them as text',
  withDriver(async (driver, _client, server) => {
    const text = new TextEncoder().encode('ä');
    for (const bytes of [text, text.buffer, Buffer.from(text)]) {
      await driver.setItemRaw('raw', bytes);
      assert.equal(await driver.getItemRaw('raw'), text);
      assert.is(await driver.getItem('raw'), 'ä');
      const answer = await server.get('/cache/unstorage:raw');
      assert.is(answer.headers['content-type'], 'application/octet-stream');
    }
    await driver.setItemRaw('raw', { n: 1 });
    assert.equal(await driver.getItemRaw('raw'), { n: 1 });
  }),
);

unstorage(
  'a time to live is in seconds, and the driver has one for all items',
  withDriver(async (driver, client) => {
    const leftMs = async () => {
      const expiresAt = (await client.get('unstorage:a'))?.expiresAt?.getTime() ?? 0;
      await client.touch('unstorage:a', 1);
      return expiresAt - ((await client.get('unstorage:a'))?.expiresAt?.getTime() ?? 0) + 1;
    };
    await driver.setItem('a', 'x', { ttl: 2.5 });
    assert.is(await leftMs(), 2500);
    await driver.setItem('a', 'x');
    assert.is(await leftMs(), 60_000);
    await driver.setItemRaw('a', 'x', {});
    assert.is(await leftMs(), 60_000);
    await driver.setItem('a', 'x', { ttl: 0 });
    assert.is(await driver.hasItem('a'), false);
  }),
);

unstorage(
  'a clear takes all items, or those below a base',
  withDriver(async (driver, client) => {
    await client.put('other', 1);
    for (const key of ['a:1', 'a:b:2', 'ab:3']) await driver.setItem(key, 'x');
    assert.equal(await driver.getKeys('', { maxDepth: 1 }), ['a:1', 'ab:3']);
    await driver.clear('a:');
    assert.equal(await driver.getKeys(), ['ab:3']);
    await driver.clear();
    assert.equal(await driver.getKeys(), []);
    assert.is((await client.get('other'))?.value, 1);
  }),
);

unstorage.run();
