/** Read, change, write: exactly once each, also beside other writers. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConflictError, type HearsayClient } from '../../../src/client/index.ts';
import { type TestServer, withServer } from '../../http/testServer.ts';
import { rejectedWith, rejection, withClient } from '../support.ts';

const updates = suite('updates');

const test = (name: string, run: (client: HearsayClient, server: TestServer) => Promise<void>) =>
  updates(
    name,
    withServer((server) =>
      withClient({ endpoints: [`http://127.0.0.1:${server.port}`] }, (client) =>
        run(client, server),
      ),
    ),
  );

test('updates at the same time are each made exactly once', async (client) => {
  const add = () => client.update<number>('n', (value = 0) => value + 1, { maxTries: 200 });
  const updated = await Promise.all(Array.from({ length: 30 }, add));
  assert.is((await client.get('n'))?.value, 30);
  assert.equal(
    updated.map(({ value }) => value).sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, n) => n + 1),
  );
});

test('an update is given the entry, and stores nothing where it throws', async (client) => {
  await client.put('a', 'x', { version: 7 });
  const updated = await client.update<string>('a', (value, entry) => {
    assert.is(entry?.version, 7);
    return `${value}y`;
  });
  assert.is(updated.version, 8);
  assert.is(updated.value, 'xy');
  const error = new Error('no');
  const thrown = await rejection(
    client.update('a', () => {
      throw error;
    }),
  );
  assert.is(thrown, error);
  assert.is((await client.get('a'))?.value, 'xy');
});

test('an update of an absent key does not overwrite what comes between', async (client, server) => {
  let made = 0;
  const updated = await client.update<string>('a', async (value) => {
    if (made++ === 0) await server.put('/cache/a', { value: 'first', version: 0 });
    return `${value}, mine`;
  });
  assert.is(updated.value, 'first, mine');
  assert.is(made, 2);
});

test('an update gives up after so many tries', async (client) => {
  let tries = 0;
  await rejectedWith(
    ConflictError,
    client.update(
      'a',
      async () => {
        tries++;
        await client.put('a', 'faster');
        return 'mine';
      },
      { maxTries: 3 },
    ),
  );
  assert.is(tries, 3);
});

test('an update is told which time to live', async (client) => {
  const { expiresAt } = await client.put('a', 1, { ttlMs: 1_000_000 });
  const asked = await client.update('a', () => 2, { ttlMs: 10_000_000 });
  assert.ok((asked.expiresAt?.getTime() ?? 0) - (expiresAt?.getTime() ?? 0) > 1_000_000);
  assert.is((await client.update('a', () => 3, { ttlMs: null })).expiresAt, null);
  assert.is((await client.update('a', () => 4)).expiresAt, null);
  assert.is((await client.update('new', () => 5)).expiresAt, null);
});

for (const aheadMs of [0, -3_600_000, 3_600_000])
  updates(`an update keeps the time to live, ${aheadMs} ms ahead of the node's clock`, async () => {
    const ttls: unknown[] = [];
    const node = createServer(async (request, response) => {
      const nowMs = Date.now() - aheadMs;
      response.setHeader('Date', new Date(nowMs).toUTCString());
      response.setHeader('Content-Type', 'application/json');
      if (request.method === 'GET') {
        const expires_at = new Date(nowMs + 600_000).toISOString();
        response.end(JSON.stringify({ value: 1, version: 1, expires_at }));
        return;
      }
      ttls.push(JSON.parse(await text(request)).ttl_ms);
      response.end('{"status":"stored","version":2,"expires_at":null}');
    });
    await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = node.address() as AddressInfo;
      await withClient({ endpoints: [`http://127.0.0.1:${port}`] }, async (client) => {
        await client.update('a', () => 2);
      });
    } finally {
      node.closeAllConnections();
      await new Promise((resolve) => node.close(resolve));
    }
    const [ttlMs] = ttls;
    assert.ok(typeof ttlMs === 'number' && ttlMs > 400_000 && ttlMs < 604_000, `${ttlMs}`);
  });

updates.run();
