/** The HTTP server around the app: upgrades, bounds of headers, expectations, pipelines. */
import type * as http from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../src/http/openapi/answerSchemas.ts';
import { newAgent, requestTo } from './carrier.ts';
import { type TestServer, withServer } from './testServer.ts';

const servers = suite('server');

const PUT = '{"value":1,"version":"next"}';
const LENGTH = `Content-Length: ${PUT.length}`;

const message = (firstLine: string, headers: readonly string[], body = ''): string =>
  [`${firstLine} HTTP/1.1`, 'Host: x', ...headers, '', body].join('\r\n');

/** Asserts that the connection was closed after this answer, which is a problem. */
function assertProblem(answer: string, status: number): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
  assert.match(head, /\r\nContent-Type: application\/problem\+json(\r\n|$)/);
  assert.match(head, /\r\nConnection: close(\r\n|$)/);
  assert.is(problemSchema.parse(JSON.parse(body)).status, status);
}

/** Headers of the client of Java in the first request of every connection. */
const H2C = {
  Connection: 'Upgrade, HTTP2-Settings',
  Upgrade: 'h2c',
  'HTTP2-Settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
};

for (const listening of [false, true]) {
  servers(
    `an offer of h2c is answered in HTTP/1.1 ${listening ? 'beside' : 'without'} a listener for upgrades`,
    withServer(async (server) => {
      let upgrades = 0;
      let connections = 0;
      if (listening) server.server.on('upgrade', () => upgrades++);
      server.server.on('connection', () => connections++);
      const agent = newAgent({ keepAlive: true, maxSockets: 1 });
      const long = JSON.stringify({ value: 'x'.repeat(300_000), version: 'next' });
      for (const body of [PUT, long, PUT]) {
        const { status } = await server.send('PUT', '/cache/a', { headers: H2C, body, agent });
        assert.is(status, 200);
      }
      const { text } = await server.send('GET', '/cache/a', { headers: H2C, agent });
      assert.is(text, '{"value":1,"version":3,"expires_at":null}');
      assert.is(upgrades, 0);
      assert.is(connections, 1);
      agent.destroy();
    }),
  );
}

const WEBSOCKET = { Connection: 'Upgrade', Upgrade: 'WebSocket' };

servers(
  'a WebSocket upgrade goes to the listener for upgrades, whatever its path',
  withServer(async (server) => {
    const paths: (string | undefined)[] = [];
    server.server.on('upgrade', (request: http.IncomingMessage, socket) => {
      paths.push(request.url);
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
    });
    const upgrade = Object.entries(WEBSOCKET).map(([name, value]) => `${name}: ${value}`);
    assert.match(await server.exchange(message('GET /any', upgrade)), /^HTTP\/1\.1 401 /);
    assert.equal(paths, ['/any']);
  }),
);

servers(
  'a WebSocket upgrade is an ordinary GET where nobody listens for upgrades',
  withServer(async (server) => {
    const { status } = await server.get('/watch', WEBSOCKET);
    assert.is(status, 404);
  }),
);

servers(
  'a PUT that asks for a WebSocket is a PUT',
  withServer(async (server) => {
    server.server.on('upgrade', (_request, socket) => socket.destroy());
    const { status } = await server.put('/cache/a', PUT, WEBSOCKET);
    assert.is(status, 200);
  }),
);

servers(
  'headers of more than 16 KiB are 431, and the connection is closed',
  withServer(async (server) => {
    const long = message('GET /cache/a', [`X-Long: ${'x'.repeat(17_000)}`]);
    assertProblem(await server.exchange(long), 431);
    const target = message(`GET /cache/${'x'.repeat(17_000)}`, []);
    assertProblem(await server.exchange(target), 431);
  }),
);

servers(
  'what is not HTTP is 400, and the connection is closed',
  withServer(async (server) => {
    for (const bytes of ['\x16\x03\x01\x02\x00', 'GET\r\n\r\n', message('GET cache', [])])
      assertProblem(await server.exchange(bytes), 400);
  }),
);

servers(
  'a HEAD that is not HTTP is 400 without a body',
  withServer(async (server) => {
    const answer = await server.exchange(message('HEAD cache', []));
    assert.match(answer, /^HTTP\/1\.1 400 [^{]+\r\n\r\n$/);
  }),
);

servers(
  'an expectation that nobody knows is 417',
  withServer(async (server) => {
    const expecting = message('PUT /cache/a', ['Expect: a miracle', LENGTH], PUT);
    assertProblem(await server.exchange(expecting), 417);
    assert.is((await server.get('/cache/a')).status, 404);
  }),
);

/** Asks leave to send a body. @returns the status, and whether leave was given. */
function expectContinue(server: TestServer, bytes: number): Promise<[number, boolean]> {
  return new Promise((resolve, reject) => {
    let continued = false;
    const headers = { Expect: '100-continue', 'Content-Length': bytes };
    const options = { port: server.port, method: 'PUT', path: '/cache/a', headers };
    const request = requestTo(options, (response) => {
      response.resume();
      response.on('end', () => {
        request.destroy();
        resolve([response.statusCode ?? 0, continued]);
      });
    });
    request.on('continue', () => {
      continued = true;
      request.end(PUT);
    });
    request.on('error', reject);
    request.flushHeaders();
  });
}

servers(
  'a client that waits for leave to send its body gets it, or 413 at once',
  withServer(async (server) => {
    assert.equal(await expectContinue(server, PUT.length), [200, true]);
    assert.equal(await expectContinue(server, 2_000_000), [413, false]);
  }),
);

servers(
  'the refusal of a body that was waited with closes the connection',
  withServer(async (server) => {
    const headers = ['Expect: 100-continue', 'Content-Length: 2000000'];
    const answer = await server.exchange(message('PUT /cache/a', headers));
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.match(answer, /\r\nConnection: close\r\n/);
  }),
);

servers(
  'requests that come at once are answered in order',
  withServer(async (server) => {
    const put = message('PUT /cache/a', [LENGTH], PUT);
    const bad = message('PUT /cache/a', ['Content-Length: 3'], 'NaN');
    const get = message('GET /cache/a', []);
    const last = message('DELETE /cache/a', ['Connection: close']);
    const answers = await server.exchange(put + bad + get + put + get + last);
    const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.equal(statuses, ['200', '422', '200', '200', '200', '200']);
    assert.match(answers, '{"value":1,"version":2,"expires_at":null}');
  }),
);

servers(
  'HTTP/1.0 is answered and closed',
  withServer(async (server) => {
    const answer = await server.exchange('GET /_health HTTP/1.0\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, '{"node":"node1","status":"ok"}');
  }),
);

servers(
  'a connection is kept longer than load balancers keep theirs',
  withServer(async ({ server }) => {
    assert.ok(server.keepAliveTimeout > 60_000);
    assert.ok(server.headersTimeout > 0 && server.headersTimeout <= 30_000);
    assert.ok(server.requestTimeout > 0 && server.requestTimeout <= 120_000);
  }),
);

servers.run();
