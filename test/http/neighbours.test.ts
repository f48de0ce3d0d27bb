/** Caches, libraries, proxies and pages that stand between a client and the node. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../src/http/openapi/answerSchemas.ts';
import { NOTHING_CLOSED } from '../../src/words/closed.ts';
import { encodeCursor } from '../../src/words/cursor.ts';
import { NO_EXPIRIES } from '../../src/words/expiryMark.ts';
import { waitFor } from '../support/processes.ts';
import { connectTo } from './carrier.ts';
import { type TestServer, withServer } from './testServer.ts';
import { WatchServer } from './watch/watchServer.ts';

const neighbours = suite('neighbours');

neighbours(
  'every answer says how it may be cached',
  withServer(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    const caching = async (method: string, path: string, headers = {}) => {
      const answer = await server.send(method, path, { headers });
      return [answer.status, answer.headers['cache-control']];
    };
    const { headers } = await server.get('/cache/a');
    assert.equal(await caching('GET', '/cache/a'), [200, 'no-cache']);
    const ifNoneMatch = { 'If-None-Match': headers.etag };
    assert.equal(await caching('GET', '/cache/a', ifNoneMatch), [304, 'no-cache']);
    for (const [method, path, status] of [
      ['GET', '/cache/none', 404],
      ['HEAD', '/cache/none', 404],
      ['GET', '/cache', 200],
      ['DELETE', '/cache/a', 200],
      ['DELETE', '/cache', 422],
      ['GET', '/_health', 200],
      ['GET', '/_cluster', 200],
      ['GET', '/metrics', 200],
      ['GET', '/nothing', 404],
      ['PATCH', '/cache/a', 405],
      ['OPTIONS', '/cache/a', 204],
    ] as const)
      assert.equal(await caching(method, path), [status, 'no-store'], `${method} ${path}`);
    assert.match(await server.exchange('GARBAGE\r\n\r\n'), /\r\nCache-Control: no-store\r\n/);
  }),
);

neighbours(
  'If-Match counts for a GET, and a tag that a proxy has weakened counts as the tag',
  withServer(async (server) => {
    await server.put('/cache/a', { value: 1, version: 1 });
    const { headers } = await server.get('/cache/a');
    const etag = headers.etag ?? '';
    assert.is((await server.get('/cache/a', { 'If-Match': etag })).status, 200);
    assert.is((await server.get('/cache/a', { 'If-Match': `W/${etag}` })).status, 200);
    const { status, body } = await server.get('/cache/a', { 'If-Match': '"nope"' });
    assert.is(status, 412);
    assert.is(problemSchema.parse(body).current_version, 1);
    const put = { value: 2, version: 2 };
    assert.is((await server.put('/cache/a', put, { 'If-Match': `W/${etag}` })).status, 200);
  }),
);

neighbours(
  'a slash in the path of a key gets a hint',
  withServer(async (server) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const { status, body } = await server.send(method, '/cache/user/7');
      assert.is(status, 404);
      assert.match(problemSchema.parse(body).detail, '%2F');
    }
  }),
);

neighbours(
  'a path that is none is told from a key that is absent, and a fault is told once',
  withServer(async (server) => {
    assert.is(problemSchema.parse((await server.get('/nothing')).body).reason, 'path');
    assert.is(problemSchema.parse((await server.get('/cache/none')).body).reason, undefined);
    const huge = '{"value":1,"version":9223372036854775808}';
    const { errors, detail } = problemSchema.parse((await server.put('/cache/a', huge)).body);
    assert.is(errors?.length, 1);
    assert.not.match(detail, 'more');
  }),
);

neighbours(
  'a cache buster is no parameter',
  withServer(async (server) => {
    for (const path of ['/cache?_=1764', '/cache/a?_=1', '/cache?prefix=a&_=2'])
      assert.ok((await server.get(path)).status !== 422, path);
    assert.is((await server.delete('/cache/a?_=1')).status, 200);
  }),
);

for (const name of ['lastEventId', 'Last-Event-ID', 'evs_last_event_id'])
  neighbours(`${name} in the query goes on as the header does`, async () => {
    await using server = await WatchServer.start();
    using first = await server.stream();
    const { cursor: start } = await first.synced();
    await server.put('a', 1);
    const { cursor } = await first.until(({ key }) => key === 'a');
    await server.put('b', 1);
    using second = await server.stream(`cursor=${start}&${name}=${cursor}&_=1`);
    await second.synced();
    assert.equal(
      second.events.map(({ key }) => key),
      ['b', undefined],
    );
  });

neighbours('pages may send what tracing libraries add', async () => {
  await using server = await WatchServer.start({ allowed: ['https://app.example'] });
  const response = await server.fetch('/cache/a', {
    method: 'OPTIONS',
    headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'PUT' },
  });
  const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase() ?? '';
  for (const name of ['traceparent', 'baggage', 'authorization', 'if-match'])
    assert.ok(allowed.includes(name), name);
});

neighbours(
  'the results of a batch have a bound; what is beyond it is to be asked for again',
  withServer(
    async (server) => {
      const value = 'x'.repeat(4000);
      await server.put('/cache/a', { value, version: 1 });
      const get = { op: 'get', key: 'a' };
      const { status, whole } = await server.batch({
        ops: [get, get, get, { op: 'put', key: 'b', value: 1, version: 1 }],
      });
      assert.is(status, 200);
      const { results } = whole as { results: { status: number; detail?: string }[] };
      assert.equal(
        results.map((result) => result.status),
        [200, 200, 413, 200],
      );
      assert.match(results[2]?.detail ?? '', 'another request');
    },
    { limits: { maxBatchAnswerBytes: 10_000 } },
  ),
);

/** Begins a PUT whose body does not go on. */
const beginPut = (server: TestServer, bytes: number) => {
  const head = `PUT /cache/a HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n`;
  const socket = connectTo(server.port, () => socket.write(head + '{'.padEnd(bytes)));
  socket.on('error', () => {});
  return { socket, [Symbol.dispose]: () => socket.destroy() };
};

neighbours(
  'bodies count by what has come of them, not by what they announce',
  withServer(
    async (server) => {
      using many = new DisposableStack();
      for (let index = 0; index < 30; index++) many.use(beginPut(server, 1));
      const value = 'x'.repeat(20_000);
      assert.is((await server.put('/cache/b', { value, version: 1 })).status, 200);
    },
    { limits: { maxQueuedBytes: 2_000_000 } },
  ),
);

neighbours(
  'an address has no more of long bodies under way than its share',
  withServer(
    async (server) => {
      using many = new DisposableStack();
      for (let index = 0; index < 3; index++) many.use(beginPut(server, 90_000));
      const value = 'x'.repeat(90_000);
      const status = async () => (await server.put('/cache/b', { value, version: 'next' })).status;
      await waitFor(async () => (await status()) === 503, 10_000, 'The share has no end');
    },
    { limits: { maxBodyBytes: 200_000, maxQueuedBytes: 1_000_000 } },
  ),
);

neighbours(
  'a long body that comes too slowly is 408, and is counted',
  withServer(
    async (server) => {
      using slow = beginPut(server, 20_000);
      const answer = new Promise<string>((resolve) => {
        slow.socket.once('data', (bytes: Buffer) => resolve(bytes.toString()));
      });
      const text = await answer;
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.match(text, 'more slowly than 1073741824 bytes a second: send it anew.');
      const { text: metrics } = await server.get('/metrics');
      assert.match(metrics, /^hearsay_slow_bodies_total 1$/m);
      assert.match(metrics, /^hearsay_body_bytes 0$/m);
    },
    { limits: { minBodyBytesPerSecond: 1024 ** 3 } },
  ),
);

neighbours('a cursor that covers a retired log that is lost is told reset', async () => {
  await using server = await WatchServer.start();
  await using lost = await WatchServer.start({ name: 'node2' });
  await server.put('a', 1);
  using client = await lost.stream();
  await client.synced();
  await lost.put('x', 1);
  const { cursor } = await client.until(({ key }) => key === 'x');
  const { membership } = server.replica;
  await membership.admit(lost.replica.origin, '{"nodeId":"node2","url":null}');
  await membership.retire(lost.replica.origin);
  using stream = await server.stream(`cursor=${cursor}`);
  await stream.synced();
  assert.equal(stream.types, ['reset', 'put', 'synced']);
  await server.put('b', 1);
  await stream.until(({ key }) => key === 'b');
});

neighbours(
  'a cursor that names a lost log too waits for the rest alone, and is then told reset',
  async () => {
    // Longer than the test may take.
    await using server = await WatchServer.start({ waitTimeoutMs: 600_000 });
    const { membership, origin } = server.replica;
    await membership.admit('node2.aaaaaa', '{"nodeId":"node2","url":null}');
    await membership.retire('node2.aaaaaa');
    const { seq } = server.replica.record(origin);
    const vector = new Map([
      ['node2.aaaaaa', 3],
      [origin, seq + 1],
    ]);
    const cursor = encodeCursor({
      cluster: 'cluster1',
      vector,
      closed: NOTHING_CLOSED,
      told: NO_EXPIRIES,
      state: null,
    });
    const opening = server.stream(`cursor=${cursor}`);
    await server.put('a', 1);
    using stream = await opening;
    await stream.synced();
    assert.equal(stream.types, ['reset', 'put', 'synced']);
  },
);

neighbours.run();
