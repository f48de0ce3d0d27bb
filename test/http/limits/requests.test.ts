/** The bounds of single requests: on their length, their time, and the rest of a refused body. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LEAST_NOTED_MS } from '../../../src/http/limits/silenceTimer.ts';
import { stretch, waitFor } from '../../support/processes.ts';
import { newAgent } from '../carrier.ts';
import { type TestServer, withServer } from '../testServer.ts';
import { Raw } from './raw.ts';

const requests = suite('requests');

const metric = async (server: TestServer, name: string): Promise<number> => {
  const { text } = await server.get('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
};

const unreadable = (reason: string): string =>
  `hearsay_unreadable_requests_total{reason="${reason}"}`;
const ended = (reason: string): string => `hearsay_connections_ended_total{reason="${reason}"}`;

const GET = 'GET /_health HTTP/1.1\r\nHost: x\r\n\r\n';
const PUT_HEAD = 'PUT /cache/a HTTP/1.1\r\nHost: x\r\nContent-Length: ';
const VALUE = '{"value":1,"version":"next"}';

requests(
  'a header block longer than its bound is 431, and is counted',
  withServer(
    async (server) => {
      const withHeader = (length: number) =>
        server.exchange(`GET /_health HTTP/1.0\r\nX: ${'x'.repeat(length)}\r\n\r\n`);
      assert.match(await withHeader(800), /^HTTP\/1\.1 200 /);
      assert.match(await withHeader(1200), /^HTTP\/1\.1 431 /);
      assert.is(await metric(server, unreadable('header')), 1);
    },
    { limits: { maxHeaderBytes: 1024 } },
  ),
);

for (const [fault, bytes] of [
  ['of an unknown method', 'LOOKUP /cache/a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['that is no HTTP', 'hello\r\n\r\n'],
])
  requests(
    `a request ${fault} is 400, which tells of both faults, and is counted`,
    withServer(async (server) => {
      const answer = await server.exchange(bytes ?? '');
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.match(
        answer,
        'not well-formed HTTP/1.1, or begins with no method that the node knows.',
      );
      assert.is(await metric(server, unreadable('form')), 1);
    }),
  );

for (const [part, bytes, times] of [
  ['header', 'GET /cache/a HTTP/1.1\r\nHost: x\r\n', { headersTimeoutMs: 200 }],
  ['body', `${PUT_HEAD}100\r\n\r\n{`, { requestTimeoutMs: 200 }],
] as const)
  requests(
    `a request whose ${part} does not come in time is 408, and is counted`,
    withServer(
      async (server) => {
        using raw = new Raw(server.port, bytes);
        await waitFor(() => raw.isClosed, 20_000, 'The connection stays');
        assert.equal(raw.statuses, [408]);
        assert.is(await metric(server, unreadable('time')), 1);
        assert.is(await metric(server, unreadable('form')), 0);
      },
      { limits: times },
    ),
  );

// The first is set as a timer at once, the second once the connection is silent.
for (const keepAliveTimeoutMs of [100, LEAST_NOTED_MS])
  requests(
    `a connection without a next request ends after its ${keepAliveTimeoutMs} ms, and is counted`,
    withServer(
      async (server) => {
        using raw = new Raw(server.port, GET);
        await waitFor(() => raw.isClosed, 20_000, 'The connection stays');
        assert.equal(raw.statuses, [200]);
        assert.is(await metric(server, ended('idle')), 1);
      },
      { limits: { keepAliveTimeoutMs } },
    ),
  );

requests(
  'a connection is kept while its time between two requests is not over',
  withServer(
    async (server) => {
      const agent = newAgent({ keepAlive: true, maxSockets: 1 });
      let connections = 0;
      server.server.on('connection', () => connections++);
      await server.send('GET', '/_health', { agent });
      await server.send('GET', '/_health', { agent });
      assert.is(connections, 1);
      agent.destroy();
    },
    { limits: { keepAliveTimeoutMs: Math.ceil(5000 * stretch()) } },
  ),
);

requests(
  'a small body is read however many bytes of long ones are under way',
  withServer(
    async (server) => {
      const half = (length: number) => `${PUT_HEAD}${length}\r\n\r\n${'x'.repeat(length - 1)}`;
      using many = new DisposableStack();
      const long = [1, 2].map(() => many.use(new Raw(server.port, half(600))));
      const isRefused = () => long.some(({ statuses }) => statuses[0] === 503);
      await waitFor(isRefused, 20_000, 'Too much is read');
      assert.is((await server.put('/cache/a', VALUE)).status, 200);
      assert.is(await metric(server, 'hearsay_long_bodies_total'), 2);
      assert.is(await metric(server, 'hearsay_bodies_refused_total'), 1);
    },
    { limits: { maxSmallBodyBytes: VALUE.length, maxBodyBytes: 1000, maxQueuedBytes: 1000 } },
  ),
);

requests(
  'a refused body that goes on beyond its bound costs its connection, and is counted',
  withServer(
    async (server) => {
      using raw = new Raw(server.port, `${PUT_HEAD}10000000\r\n\r\n`);
      await waitFor(() => raw.statuses.length === 1, 20_000, 'It is not refused');
      assert.equal(raw.statuses, [413]);
      raw.socket.write('x'.repeat(60_000));
      await waitFor(() => raw.socket.bytesWritten >= 60_000, 20_000, 'It is not sent');
      assert.not(raw.isClosed);
      raw.socket.write('x'.repeat(60_000));
      await waitFor(() => raw.isClosed, 20_000, 'The connection stays');
      assert.is(await metric(server, ended('dropped')), 1);
    },
    { limits: { maxBodyBytes: 1000, maxDroppedBodyBytes: 100_000 } },
  ),
);

requests(
  'so many connections are open beyond the bound, and the next takes the place of the oldest',
  withServer(
    async (server) => {
      using many = new DisposableStack();
      const silent = Array.from({ length: 10 }, () => many.use(new Raw(server.port, '')));
      const closed = () => silent.filter(({ isClosed }) => isClosed).length;
      await waitFor(() => closed() === 5, 20_000, 'Too many are kept');
      // It is answered in the place of another.
      assert.ok((await metric(server, ended('full'))) >= 5);
    },
    { limits: { maxConnections: 2, maxSpareConnections: 3 } },
  ),
);

requests.run();
