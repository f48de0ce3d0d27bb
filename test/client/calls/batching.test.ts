/** Calls that share requests: how many requests there are, and that no call pays for another. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HearsayClient, InvalidRequestError } from '../../../src/client/index.ts';
import { type TestServer, withServer } from '../../http/testServer.ts';
import { FaultProxy, rejection, until, withClient } from '../support.ts';

const batching = suite('batching');

type Run = (client: HearsayClient, proxy: FaultProxy, server: TestServer) => Promise<void>;

const test = (name: string, run: Run, options: { autoBatch?: boolean } = {}) =>
  batching(
    name,
    withServer(async (server) => {
      const proxy = await FaultProxy.inFrontOf(`http://127.0.0.1:${server.port}`);
      try {
        await withClient({ endpoints: [proxy.url], ...options }, (client) =>
          run(client, proxy, server),
        );
      } finally {
        await proxy.close();
      }
    }),
  );

const opsIn = (body: string): number => (JSON.parse(body) as { ops: unknown[] }).ops.length;

test('calls of one turn are one request, in order', async (client, proxy) => {
  const [first, second, before, after] = await Promise.all([
    client.put('a', 1),
    client.put('a', 2),
    client.get('a'),
    client.delete('a').then(() => client.get('a')),
  ]);
  assert.is(first.version, 1);
  assert.is(second.version, 2);
  assert.is(before?.value, 2);
  assert.is(after, undefined);
  assert.equal(
    proxy.seen.map(({ method, path }) => `${method} ${path}`),
    ['POST /cache', 'GET /cache/a'],
  );
});

test('a call by itself is a request of its own', async (client, proxy) => {
  await client.put('a/b', 1);
  await client.get('a/b');
  await client.delete('a/b', { upToVersion: 3 });
  assert.equal(
    proxy.seen.map(({ method, path }) => `${method} ${path}`),
    ['PUT /cache/a%2Fb', 'GET /cache/a%2Fb', 'DELETE /cache/a%2Fb?version=3'],
  );
});

test(
  'without batching each call is a request',
  async (client, proxy) => {
    await Promise.all([client.put('a', 1), client.put('b', 1), client.get('c')]);
    assert.is(proxy.seen.length, 3);
  },
  { autoBatch: false },
);

test('a thousand ops are the most in one request', async (client, proxy) => {
  const keys = Array.from({ length: 2500 }, (_, index) => `k${index}`);
  await Promise.all(keys.map((key, index) => client.put(key, index)));
  assert.equal(
    proxy.seen.map(({ body }) => opsIn(body)),
    [1000, 1000, 500],
  );
  const entries = await Promise.all(keys.map((key) => client.get(key)));
  assert.equal(
    entries.map((entry) => entry?.value),
    keys.map((_, index) => index),
  );
});

test('four hundred calls of one turn are two requests, one after the other', async (client, proxy) => {
  for (const count of [399, 400])
    await Promise.all(Array.from({ length: count }, (_, index) => client.put('a', index)));
  assert.equal(
    proxy.seen.map(({ body }) => opsIn(body)),
    [399, 200, 200],
  );
  assert.is((await client.get('a'))?.version, 799);
});

test('long values are spread over several requests', async (client, proxy) => {
  const value = 'x'.repeat(100_000);
  await Promise.all(Array.from({ length: 7 }, (_, index) => client.put(`k${index}`, value)));
  assert.equal(proxy.seen.filter(({ method }) => method === 'POST').length, 3);
  for (const { body } of proxy.seen) assert.ok(body.length < 2 ** 18 + 1000);
});

test('an op that no node takes fails alone', async (client, proxy) => {
  const long = 'x'.repeat(2000);
  const [a, bad, b, huge, c] = await Promise.allSettled([
    client.put('a', 1),
    client.put(long, 1),
    client.put('b', 1),
    client.put('huge', 'x'.repeat(1_200_000)),
    client.put('c', 1),
  ]);
  for (const one of [a, b, c]) assert.is(one.status, 'fulfilled');
  for (const one of [bad, huge]) {
    assert.is(one.status, 'rejected');
    assert.instance(one.status === 'rejected' && one.reason, InvalidRequestError);
  }
  const entries = await Promise.all(['a', 'b', 'c'].map((key) => client.get(key)));
  assert.equal(
    entries.map((entry) => entry?.version),
    [1, 1, 1],
  );
  assert.ok(proxy.seen.length < 12);
});

test('a call that is aborted disturbs no other', async (client) => {
  const controller = new AbortController();
  const aborted = client.put('a', 1, { signal: controller.signal });
  const kept = client.put('b', 1);
  controller.abort(new Error('enough'));
  assert.match(String(await rejection(aborted)), /enough/);
  assert.is((await kept).version, 1);
  assert.is(await client.get('a'), undefined);
});

test('a request that nobody waits for any more is given up', async (client, proxy) => {
  proxy.faultOf = () => 'hang';
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = Promise.allSettled([client.put('a', 1, { signal }), client.get('b', { signal })]);
  await until(() => proxy.seen.length === 1, 'the request has come');
  controller.abort();
  assert.equal(
    (await waiting).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  proxy.faultOf = () => 'pass';
  assert.is(await client.get('a'), undefined);
});

test('where no node is there, what follows in the turn is not sent', async (client, proxy) => {
  proxy.faultOf = () => ({
    status: 503,
    headers: { 'Retry-After': '60' },
    body: '{"detail":"Full."}',
  });
  const puts = Array.from({ length: 3000 }, (_, index) => client.put(`k${index}`, 1));
  const settled = await Promise.allSettled(puts);
  const reasons = settled.map((one) => (one.status === 'rejected' ? one.reason : null));
  assert.ok(reasons.every((reason) => reason?.name === 'UnavailableError' && !reason.mayBeStored));
  assert.ok(proxy.seen.every(({ body }) => body.includes('"k0"')));
});

batching.run();
