/** The bounds of connections: what one may send ahead, hold back or take, and how many there may be. */
import { EventEmitter, once } from 'node:events';
import * as http from 'node:http';
import { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Connections } from '../../../src/http/limits/connections.ts';
import { LEAST_NOTED_MS } from '../../../src/http/limits/silenceTimer.ts';
import { problemSchema } from '../../../src/http/openapi/answerSchemas.ts';
import { createServer } from '../../../src/http/server.ts';
import { Networks } from '../../../src/net/networks.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { stretch, waitFor } from '../../support/processes.ts';
import { type TestServer, withServer } from '../testServer.ts';
import { WatchServer } from '../watch/watchServer.ts';
import { Raw } from './raw.ts';

const connections = suite('connections');

const GET = 'GET /_health HTTP/1.1\r\nHost: x\r\n\r\n';
const PUT =
  'PUT /cache/a HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\n{"value":1,"version":"next"}';

const metric = async (server: TestServer | WatchServer, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  return sampleOf(text, name);
};

const sampleOf = (text: string, name: string): number => {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
};

connections(
  'many requests sent ahead of their answers are all answered, in order',
  withServer(async (server) => {
    using raw = new Raw(server.port, GET.repeat(1500));
    await waitFor(() => raw.statuses.length === 1500, 20_000, 'An answer is missing');
    raw.socket.write(`${PUT}GET /cache/a HTTP/1.1\r\nHost: x\r\n\r\n`);
    await waitFor(() => raw.statuses.length === 1502, 20_000, 'The connection stays held');
    assert.match(raw.text, '{"value":1,"version":1,"expires_at":null}');
  }),
);

connections(
  'a connection is not read while max-pipelined-requests wait for their turn',
  async () => {
    const limits = { ...defaultLimits, maxPipelinedRequests: 2, maxHeaderBytes: 256 * 1024 };
    const bound = new Connections({
      limits,
      sendTimeoutMs: 30_000,
      trustedProxies: new Networks([]),
    });
    const waiting: http.ServerResponse[] = [];
    let isAnswering = false;
    const listener: http.RequestListener = (_request, response) => {
      if (isAnswering) response.end();
      else waiting.push(response);
    };
    const sockets: Socket[] = [];
    const server = createServer(listener, bound, limits).on('connection', (socket) =>
      sockets.push(socket),
    );
    using _server = { [Symbol.dispose]: () => server.close() };
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const port = Object(server.address()).port;
    // Longer than what comes at once, so that each is read by itself.
    const long = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`;
    using raw = new Raw(port, long.repeat(20));
    await waitFor(() => sockets[0]?.isPaused() === true, 20_000, 'The connection is read on');
    // One is under way, and the third that waits is one too many.
    const { bytesRead = 0 } = sockets[0] ?? {};
    assert.ok(bytesRead > 3 * long.length && bytesRead < 6 * long.length, `${bytesRead} bytes`);
    isAnswering = true;
    for (const response of waiting) response.end();
    await waitFor(() => raw.statuses.length === 20, 20_000, 'An answer is missing');
  },
);

connections('requests behind a watch are neither carried out nor read for ever', async () => {
  await using server = await WatchServer.start();
  const watch = 'GET /watch HTTP/1.1\r\nHost: x\r\n\r\n';
  using raw = new Raw(server.port, watch + PUT);
  await waitFor(() => raw.text.includes('synced'), 20_000, 'The watch does not begin');
  assert.match(raw.text, /\r\nConnection: close\r\n/);
  // The kernel takes some megabytes; whatever is beyond them waits at the client.
  for (let sent = 0; sent < 400; sent++) raw.socket.write(GET.repeat(1000));
  await server.put('b', 1);
  await waitFor(() => raw.text.includes('"b"') || raw.isClosed, 20_000, 'Nothing is told');
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(raw.isClosed || raw.socket.writableLength > 1_000_000, 'everything was read');
  assert.is(server.replica.get('a').kind, 'absent');
});

connections('a watch ends where something behind it can not be read', async () => {
  await using server = await WatchServer.start();
  using raw = new Raw(server.port, 'GET /watch HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n');
  await waitFor(() => raw.isClosed, 20_000, 'The connection stays');
  assert.is(server.watching.hub.size, 0);
});

connections(
  'an upgrade behind a request that is not answered yet ends the connection',
  async () => {
    await using ahead = await WatchServer.start({ name: 'node2' });
    await using server = await WatchServer.start({ waitTimeoutMs: 60_000 });
    using client = await ahead.stream();
    await client.synced();
    await ahead.put('a', 1);
    const { cursor } = await client.until(({ key }) => key === 'a');
    const waiting = `GET /cache/a HTTP/1.1\r\nHost: x\r\nHearsay-After: ${cursor}\r\n\r\n`;
    const upgrade =
      'GET /watch HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    using raw = new Raw(server.port, waiting + upgrade);
    await waitFor(() => raw.isClosed, 20_000, 'The connection stays');
    assert.is(raw.text, '');
    assert.is(await metric(server, 'hearsay_connections_ended_total{reason="upgrade"}'), 1);
  },
);

connections(
  'a request is answered before the one behind it that can not be read',
  withServer(async (server) => {
    for (const broken of [
      'GARBAGE\r\n\r\n',
      `GET / HTTP/1.1\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`,
    ]) {
      using raw = new Raw(server.port, PUT + broken);
      await waitFor(() => raw.isClosed, 20_000, 'The connection stays');
      assert.is(raw.statuses.length, 2);
      assert.is(raw.statuses[0], 200);
      assert.ok(raw.statuses[1] === 400 || raw.statuses[1] === 431);
    }
  }),
);

for (const [what, request] of [
  ['no Host', 'GET /_health HTTP/1.1\r\n\r\n'],
  ['two Hosts', 'GET /_health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['HTTP/0.9', 'GET /cache/k\r\n\r\n'],
  [
    'another coding before chunked',
    'PUT /cache/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n',
  ],
  [
    'HTTP/1.0 in chunks',
    'PUT /cache/a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
] as const)
  connections(
    `${what}: 400 as a problem, and the connection is closed`,
    withServer(async (server) => {
      const [head = '', body = ''] = (await server.exchange(request)).split('\r\n\r\n');
      assert.match(head, /^HTTP\/1\.1 400 /);
      assert.match(head, /\r\nConnection: close(\r\n|$)/);
      assert.is(problemSchema.parse(JSON.parse(body)).status, 400);
    }),
  );

// The first is set as a timer at once, the second once the connection is silent.
for (const sendTimeoutMs of [1000 * stretch(), LEAST_NOTED_MS * stretch()])
  connections(
    `a client that takes nothing of its answer for ${sendTimeoutMs} ms loses its connection, a slow one does not`,
    withServer(
      async (server) => {
        const value = 'x'.repeat(900_000);
        for (let key = 0; key < 12; key++)
          await server.put(`/cache/k${key}`, { value, version: 1 });
        const list = 'GET /cache?prefix=k HTTP/1.1\r\nHost: x\r\n\r\n';
        using stuck = new Raw(server.port, list.repeat(12));
        stuck.socket.pause();
        using slow = new Raw(server.port, list.repeat(3));
        const steps = setInterval(() => {
          slow.socket.resume();
          setImmediate(() => slow.socket.pause());
        }, 100);
        try {
          const name = 'hearsay_connections_ended_total{reason="stalled"}';
          const isEnded = async (): Promise<boolean> => (await metric(server, name)) >= 1;
          await waitFor(isEnded, 60_000, 'the stuck client is let go');
          assert.not(slow.isClosed);
        } finally {
          clearInterval(steps);
        }
      },
      { sendTimeoutMs },
    ),
  );

connections(
  'above the bound of connections health is answered, everything else is 503',
  withServer(
    async (server) => {
      using first = new Raw(server.port, GET);
      using second = new Raw(server.port, GET);
      await waitFor(() => first.text !== '' && second.text !== '', 20_000, 'No answer');
      assert.is((await server.get('/_health')).status, 200);
      const { status, headers, body } = await server.get('/cache/a');
      assert.is(status, 503);
      assert.is(headers['retry-after'], '1');
      assert.match(problemSchema.parse(body).detail, 'too many connections');
      using many = new DisposableStack();
      for (let index = 0; index < 40; index++) many.use(new Raw(server.port, GET));
      await waitFor(() => second.text !== '', 20_000, 'No answer');
    },
    { limits: { maxConnections: 2 } },
  ),
);

connections(
  'above the bound, connections that ask for nothing give way to the next',
  withServer(
    async (server) => {
      using many = new DisposableStack();
      const silent = Array.from({ length: 60 }, () => many.use(new Raw(server.port, '')));
      await waitFor(() => silent.filter(({ isClosed }) => isClosed).length === 26, 20_000, 'Kept');
      assert.is((await server.get('/_health')).status, 200);
      // Those that came first are within the bound.
      assert.not(silent[0]?.isClosed);
    },
    { limits: { maxConnections: 2 } },
  ),
);

connections('a watcher that takes nothing loses its connection, bookmarks or not', async () => {
  await using server = await WatchServer.start({
    sendTimeoutMs: 1000,
    bookmarkIntervalMs: 90,
    limits: { maxWatcherBufferBytes: 64 * 1024 * 1024 },
  });
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  using reading = new Raw(server.port, 'GET /watch HTTP/1.1\r\nHost: x\r\n\r\n');
  using many = new DisposableStack();
  for (const headers of ['', upgrade]) {
    const stuck = many.use(
      new Raw(server.port, `GET /watch?initial=true HTTP/1.1\r\nHost: x\r\n${headers}\r\n`),
    );
    await waitFor(() => stuck.text !== '', 20_000, 'The watch does not begin');
    stuck.socket.pause();
  }
  const value = 'x'.repeat(1_000_000);
  // More than the kernel takes for a client.
  for (let key = 0; key < 12; key++) await server.put(`k${key}`, value);
  const name = 'hearsay_connections_ended_total{reason="stalled"}';
  await waitFor(async () => (await metric(server, name)) === 2, 30_000, 'Stuck watchers are kept');
  assert.not(reading.isClosed);
});

connections('watchers that do not read share one bound, however many they are', async () => {
  const limits = { maxAllWatchersBufferBytes: 256 * 1024 };
  await using server = await WatchServer.start({ limits });
  // Far more than the kernel takes for a client.
  await server.putMany(0, 2400, 10_000);
  using many = new DisposableStack();
  const watch = 'GET /watch?initial=true HTTP/1.1\r\nHost: x\r\n\r\n';
  for (let index = 0; index < 16; index++) {
    const stuck = many.use(new Raw(server.port, watch));
    stuck.socket.pause();
  }
  const { hub } = server.watching;
  // Nobody may write on once each has more than its share.
  const isFull = () => hub.size === 16 && hub.behind === 16 && hub.bufferedBytes > 256 * 1024;
  await waitFor(isFull, 30_000, 'Too little waits');
  let last = 0;
  const isStill = () => {
    const before = last;
    last = hub.bufferedBytes;
    return before === last;
  };
  await waitFor(isStill, 30_000, 'More and more waits');
  assert.ok((await metric(server, 'hearsay_watcher_buffer_bytes')) > 0);
  // By their own bound alone, 16 of them would hold 4 MiB.
  assert.ok(last < 2.5 * 1024 * 1024, `${last} bytes wait`);
});

connections(
  'an address has no more connections than it may have',
  withServer(
    async (server) => {
      using first = new Raw(server.port, GET);
      await waitFor(() => first.text !== '', 20_000, 'No answer');
      using second = new Raw(server.port, GET);
      await waitFor(() => second.isClosed, 20_000, 'It is let in');
      assert.is(second.text, '');
    },
    { limits: { maxConnectionsPerAddress: 1 } },
  ),
);

const socketFrom = (remoteAddress: string): Socket =>
  Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });

connections(
  'all addresses of a /64 share one bound of connections, and those of IPv4 do not',
  () => {
    const limits = { ...defaultLimits, maxConnectionsPerAddress: 2 };
    const trustedProxies = new Networks(['2001:db8:9::/48']);
    const bound = new Connections({ limits, sendTimeoutMs: 1000, trustedProxies });
    const server = new EventEmitter() as http.Server;
    bound.attach(server);
    const isLetIn = (from: string): boolean => {
      const socket = socketFrom(from);
      server.emit('connection', socket);
      return !socket.destroyed;
    };
    assert.ok(isLetIn('2001:db8::1'));
    assert.ok(isLetIn('2001:db8::2'));
    assert.not(isLetIn('2001:db8::ffff:1:2:3'));
    assert.ok(isLetIn('2001:db8:0:1::1'));
    assert.ok(isLetIn('::ffff:10.0.0.1'));
    assert.ok(isLetIn('10.0.0.1'));
    assert.not(isLetIn('::ffff:10.0.0.1'));
    assert.ok(isLetIn('10.0.0.2'));
    for (let count = 0; count < 3; count++) assert.ok(isLetIn('2001:db8:9::1'));
    assert.is(bound.ended.address, 2);
  },
);

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

if (hasIpv6)
  connections(
    'over IPv6 the bound of an address holds, and is not that of an address of IPv4',
    withServer(
      async (server) => {
        using first = new Raw(server.port, GET, '::1');
        await waitFor(() => first.text !== '', 20_000, 'No answer');
        using second = new Raw(server.port, GET, '::1');
        await waitFor(() => second.isClosed, 20_000, 'It is let in');
        using plain = new Raw(server.port, GET);
        await waitFor(() => plain.text !== '', 20_000, 'No answer');
        assert.equal([second.text, plain.statuses], ['', [200]]);
      },
      { host: '::', limits: { maxConnectionsPerAddress: 1 } },
    ),
  );

const LIST = 'GET /cache?prefix=k HTTP/1.1\r\nHost: x\r\n\r\n';
const ENDED_AS_SLOW = 'hearsay_connections_ended_total{reason="slow"}';
const REFUSED_OF_ADDRESS = 'hearsay_requests_without_room_total{reason="address"}';

const ALL = JSON.stringify({
  ops: Array.from({ length: 12 }, (_, n) => ({ op: 'get', key: `k${n}` })),
});
/** A request for all that `fill` has put: its head and its body. */
const BATCH = [`POST /cache HTTP/1.1\r\nHost: x\r\nContent-Length: ${ALL.length}\r\n\r\n`, ALL];

/** More than the kernel takes for a client. */
async function fill(server: TestServer): Promise<void> {
  const value = 'x'.repeat(900_000);
  for (let key = 0; key < 12; key++) await server.put(`/cache/k${key}`, { value, version: 1 });
}

/** The status that a client at another address of this machine gets. */
const statusFrom = (server: TestServer, localAddress: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port } = server;
    const options = { host: '127.0.0.1', port, path, localAddress, agent: false };
    http
      .get(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
      .on('error', reject);
  });

connections(
  'reads are 503 while clients have not taken the answers of others; probes and metrics are not',
  withServer(
    async (server) => {
      await fill(server);
      using stuck = new Raw(server.port, LIST.repeat(6));
      stuck.socket.pause();
      const status = (path: string) => statusFrom(server, '127.0.0.2', path);
      await waitFor(async () => (await status('/cache/k1')) === 503, 20_000, 'Reads go on');
      assert.is(await status('/_health'), 200);
      assert.is(await status('/metrics'), 200);
      stuck.socket.destroy();
      await waitFor(async () => (await status('/cache/k1')) === 200, 20_000, 'Reads stay refused');
    },
    { limits: { maxAnswerBytes: 100_000 } },
  ),
);

connections(
  'an address that does not read its answers gets 429, and others are answered',
  withServer(
    async (server) => {
      await fill(server);
      using stuck = new Raw(server.port, LIST.repeat(6));
      stuck.socket.pause();
      const refused = async () => (await server.get('/cache/k1')).status === 429;
      await waitFor(refused, 20_000, 'The address is answered');
      const { text, headers } = await server.get('/cache/k1');
      assert.match(text, /#quota-exceeded.*"violated-policies":\["answers"]/);
      assert.is(headers['retry-after'], '1');
      assert.is(await statusFrom(server, '127.0.0.2', '/cache/k1'), 200);
      assert.ok((await metric(server, REFUSED_OF_ADDRESS)) >= 2);
    },
    { limits: { maxAnswerBytes: 16_000_000 } },
  ),
);

const METRICS = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';
const ENDED_FOR_ANSWERS = 'hearsay_connections_ended_total{reason="answers"}';

connections(
  'an answer that is not taken while its address holds more than its share costs its connection',
  withServer(
    async (server) => {
      await fill(server);
      // Each on a connection that ends with it, so that the connections can be counted.
      const told = async (name: string) => sampleOf((await server.get('/metrics')).text, name);
      using stuck = new Raw(server.port, LIST.repeat(6));
      stuck.socket.pause();
      const holdsShare = async () => (await server.get('/cache/k1')).status === 429;
      await waitFor(holdsShare, 20_000, 'The address is answered');
      assert.is(await told(ENDED_FOR_ANSWERS), 0);
      // Nothing refuses them, and they fill the kernel's room for a client.
      using unread = new Raw(server.port, METRICS.repeat(2000));
      unread.socket.pause();
      const isCut = async () => (await told(ENDED_FOR_ANSWERS)) === 1;
      await waitFor(isCut, 20_000, 'It is kept');
      const others = async () => (await told('hearsay_connections')) === 2;
      await waitFor(others, 20_000, 'It is counted on');
    },
    { sendTimeoutMs: 600_000, limits: { maxAnswerBytes: 16_000_000 } },
  ),
);

connections(
  'batches that were begun together are answered up to the share of their address',
  withServer(
    async (server) => {
      await fill(server);
      const [head = '', body = ''] = BATCH;
      using many = new DisposableStack();
      const clients = Array.from({ length: 12 }, () => many.use(new Raw(server.port, head)));
      await waitFor(
        async () => (await metric(server, 'hearsay_connections')) >= clients.length,
        20_000,
        'Not all came',
      );
      for (const { socket } of clients) {
        socket.pause();
        socket.write(body);
      }
      const isBounded = async () => (await metric(server, REFUSED_OF_ADDRESS)) >= 6;
      await waitFor(isBounded, 20_000, 'All are answered');
      const held = await metric(server, 'hearsay_answer_bytes');
      assert.ok(held > 0 && held <= 36_000_000, `${held} bytes`);
      assert.is(await statusFrom(server, '127.0.0.2', '/cache/k1'), 200);
    },
    { limits: { maxAnswerBytes: 80_000_000 } },
  ),
);

connections(
  'a client that takes its answer below the least rate loses its connection, however steady it is',
  withServer(
    async (server) => {
      await fill(server);
      using slow = new Raw(server.port, BATCH.join('').repeat(4));
      slow.socket.on('data', () => {
        slow.socket.pause();
        setTimeout(() => slow.socket.resume(), 20);
      });
      const isEnded = async () => (await metric(server, ENDED_AS_SLOW)) === 1;
      await waitFor(isEnded, 20_000, 'It is kept');
      const isForgotten = async () => (await metric(server, 'hearsay_answer_bytes')) === 0;
      await waitFor(isForgotten, 20_000, 'Its answer is still counted');
    },
    // Far above the 3 MB a second of the client.
    { sendTimeoutMs: 1000, limits: { minAnswerBytesPerSecond: 1024 ** 3 } },
  ),
);

connections('an upgrade that is malformed is a problem', async () => {
  await using server = await WatchServer.start();
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
  const answer = await new Promise<http.IncomingMessage>((resolve) =>
    http.get({ port: server.port, path: '/watch', headers, agent: false }, resolve),
  );
  assert.is(answer.statusCode, 400);
  assert.is(answer.headers['content-type'], 'application/problem+json');
  answer.destroy();
});

connections.run();
