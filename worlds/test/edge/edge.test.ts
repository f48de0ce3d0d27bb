/** The edge over real sockets, before services that the test makes. */
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { EDGE_RATES } from '../../edge/edgeLimits.ts';
import { loadPage } from '../../page/pageFiles.ts';

import { serveTestEdge } from '../support/testEdge.ts';

const edge = suite('edge');

const reasonOf = async (answer: Response): Promise<unknown> => {
  assert.is(answer.headers.get('Content-Type'), 'application/problem+json');
  return [answer.status, ((await answer.json()) as { reason: string }).reason];
};

edge(
  'a listed request reaches its service with the parts that are named, and no address',
  async () => {
    await using at = await serveTestEdge();
    at.one.handler = (_request, response) =>
      response.writeHead(201, { ETag: '"7"', 'X-Internal': 'secret' }).end('{"a":1}');
    const answer = await at.ask(
      'PUT',
      '/admin/worlds/eu/meadow?x=1',
      {
        Authorization: 'Bearer t',
        'If-Match': '"6"',
        'X-Forwarded-For': '192.0.2.1',
        'X-Internal-Token': 'guess',
        Cookie: '__Host-refresh=r',
      },
      '{"b":2}',
    );
    assert.is(answer.status, 201);
    assert.is(answer.headers.get('ETag'), '"7"');
    assert.is(answer.headers.get('X-Internal'), null);
    assert.is(answer.headers.get('X-Content-Type-Options'), 'nosniff');
    assert.equal(await answer.json(), { a: 1 });
    const [asked] = at.one.asked;
    assert.equal([asked?.path, asked?.body], ['/admin/worlds/eu/meadow?x=1', '{"b":2}']);
    assert.is(asked?.headers['if-match'], '"6"');
    for (const name of ['x-forwarded-for', 'x-internal-token', 'forwarded'])
      assert.is(asked?.headers[name], undefined, name);
    assert.is((await at.ask('GET', '/.well-known/jwks.json')).status, 200);
    assert.is(at.identity.asked.length, 1);
  },
);

edge(
  'all else is answered by the edge: no path of a node or of a private listener is passed on',
  async () => {
    await using at = await serveTestEdge();
    for (const path of [
      '/cache/worlds%2Fconfig',
      '/_log',
      '/metrics',
      '/seats',
      '/slots',
      '/worlds/',
    ])
      for (const method of ['GET', 'POST', 'DELETE'])
        assert.equal(await reasonOf(await at.ask(method, path)), [404, 'route'], path);
    const wrong = await at.ask('PATCH', '/worlds');
    assert.is(wrong.headers.get('Allow'), 'GET');
    assert.equal(await reasonOf(wrong), [405, 'method']);
    for (const path of ['/../_log', '/worlds/eu/../../_log'])
      assert.is((await rawRequest(at.url, 'GET', path)).split(' ')[1], '404');
    const page = await at.ask('GET', '/');
    assert.match(page.headers.get('Content-Security-Policy') ?? '', /default-src 'none'/);
    const again = { 'If-None-Match': page.headers.get('ETag') ?? '' };
    assert.is((await at.ask('GET', '/', again)).status, 304);
    assert.equal(await (await at.ask('GET', '/_health')).json(), { status: 'ok' });
    for (const service of [at.identity, at.one, at.other]) assert.is(service.asked.length, 0);
    assert.is(at.served.refusals.get('route'), 20);
  },
);

edge('a body has 16 KiB and ten seconds', async () => {
  await using at = await serveTestEdge({ bounds: { requestMs: 200 } });
  const fits = await at.ask('POST', '/join', {}, 'x'.repeat(16 * 1024));
  assert.is(fits.status, 200);
  const long = await at.ask('POST', '/join', {}, 'x'.repeat(16 * 1024 + 1));
  assert.equal(await reasonOf(long), [413, 'too large']);
  const slow = open(at.url);
  slow.write('POST /join HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
  await waitFor(() => slow.destroyed, 5000, 'the slow one is cut');
  at.one.handler = () => {};
  at.other.handler = () => {};
  await at.ask('GET', '/worlds').then(
    () => assert.unreachable('nobody answers'),
    () => {},
  );
  await waitFor(() => at.served.load().requests === 0, 5000, 'both are over');
});

edge(
  'an address, a new guest and a player have their rates, told by RateLimit headers',
  async () => {
    await using at = await serveTestEdge({
      rates: { requestsPerSecond: 15, guestsPerMinute: 3, joinsPerSecond: 2 },
    });
    const guests = await all(5, () => at.ask('POST', '/identity/guests'));
    assert.equal(guests.map(({ status }) => status).sort(), [200, 200, 200, 429, 429]);
    const refused = guests.find(({ status }) => status === 429);
    assert.is(refused?.headers.get('RateLimit-Policy'), '"guests";q=3;w=60');
    assert.match(refused?.headers.get('RateLimit') ?? '', /^"guests";r=0;t=\d+$/);
    assert.ok(Number(refused?.headers.get('Retry-After')) > 50);
    assert.is(at.identity.asked.length, 3);

    const join = (token: string) => () =>
      at.ask('POST', '/join', { Authorization: `Bearer ${token}`, 'Idempotency-Key': 'k' });
    const statuses = [...(await all(3, join('player-a'))), ...(await all(2, join('player-b')))];
    assert.is(statuses.filter(({ status }) => status === 429).length, 1);
    // A token that does not count is the api's to refuse, and spends nobody's joins.
    assert.ok((await all(4, join('forged'))).every(({ status }) => status === 200));

    const many = await all(120, () => at.ask('GET', '/worlds'));
    const over = many.filter(({ status }) => status === 429);
    assert.ok(over.length >= 15, String(over.length));
    assert.is(over[0]?.headers.get('RateLimit-Policy'), '"requests";q=15;w=1');
  },
);

edge('a browser gets all files of the page at once, and has requests left', async () => {
  const { requestsPerSecond, pageFilesPerSecond } = EDGE_RATES;
  await using at = await serveTestEdge({ rates: { requestsPerSecond, pageFilesPerSecond } });
  const paths = [...loadPage({ playSources: [] }).keys()];
  assert.ok(paths.length > requestsPerSecond);
  const answers = await Promise.all(paths.map((path) => at.ask('GET', path)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.is((await at.ask('GET', '/worlds')).status, 200);
  await using strict = await serveTestEdge({ rates: { pageFilesPerSecond: 3 } });
  const flood = await all(60, () => strict.ask('GET', '/page.css'));
  const refused = flood.find(({ status }) => status === 429);
  assert.is(refused?.headers.get('RateLimit-Policy'), '"page";q=3;w=1');
});

edge('an address that goes on after its refusals is blocked, at other edges too', async () => {
  const blocked = new Map<string, number>();
  const rates = { requestsPerSecond: 5, refusalsBeforeBlock: 10 };
  await using at = await serveTestEdge({ rates, blocked });
  await all(40, () => at.ask('GET', '/worlds'));
  assert.is(blocked.size, 1);
  assert.not.ok([...blocked.keys()].some((hash) => hash.includes('127.0.0.1')));
  await using other = await serveTestEdge({ blocked });
  const answer = await other.ask('GET', '/worlds');
  assert.ok(Number(answer.headers.get('Retry-After')) > 500);
  assert.equal(await reasonOf(answer), [429, 'blocked']);
});

edge('a join goes on to another api with its key, and a new guest is not made twice', async () => {
  await using at = await serveTestEdge({ times: { tryMs: 300, avoidMs: 60_000 } });
  const key = { 'Idempotency-Key': 'one-key' };
  at.one.handler = (request) => request.socket.destroy();
  at.other.handler = (_request, response) => response.writeHead(201).end('{}');
  assert.is((await at.ask('POST', '/join', key, '{"regions":["eu"]}')).status, 201);
  const [first, second] = [at.one.asked[0], at.other.asked[0]];
  assert.is(first?.headers['idempotency-key'], 'one-key');
  assert.equal([second?.headers['idempotency-key'], second?.body], ['one-key', first?.body]);
  // The one that failed comes last for a while.
  assert.is((await at.ask('GET', '/worlds')).status, 201);
  assert.is(at.one.asked.length, 1);

  // One that hangs, and one that lacks something: the other is asked.
  at.other.handler = () => {};
  at.one.handler = (_request, response) => response.end('{}');
  assert.is((await at.ask('POST', '/worlds/eu/meadow/join', key)).status, 200);
  at.one.handler = (_request, response) => response.writeHead(503).end('{"reason":"unreachable"}');
  at.other.handler = (_request, response) => response.writeHead(201).end('{}');
  assert.is((await at.ask('POST', '/join', key)).status, 201);
  at.other.handler = at.one.handler;
  assert.is((await at.ask('POST', '/join', key)).status, 503);

  // Whether these were carried out is not known: they are not sent again.
  at.identity.handler = (request) => request.socket.destroy();
  const guests = at.identity.asked.length;
  assert.equal(await reasonOf(await at.ask('POST', '/identity/guests')), [503, 'unreachable']);
  assert.is(at.identity.asked.length, guests + 1);
  at.one.handler = at.identity.handler;
  at.other.handler = at.identity.handler;
  const before = at.one.asked.length + at.other.asked.length;
  assert.is((await at.ask('PUT', '/admin/worlds/eu/meadow', { 'If-Match': '*' })).status, 503);
  assert.is(at.one.asked.length + at.other.asked.length, before + 1);
  await at.one[Symbol.asyncDispose]();
  at.other.handler = (_request, response) => response.end('{}');
  await using quick = await serveTestEdge();
  await quick.one[Symbol.asyncDispose]();
  assert.is((await quick.ask('PUT', '/admin/worlds/eu/meadow', { 'If-Match': '*' })).status, 200);
  assert.equal([...at.faults, ...quick.faults], []);
});

edge(
  'a request that is about a region goes to its api first, so its time is the way there',
  async () => {
    await using at = await serveTestEdge({ times: { avoidMs: 60_000 } });
    for (const [method, path] of [
      ['GET', '/worlds?region=us'],
      ['POST', '/worlds/us/meadow/join'],
      ['GET', '/admin/worlds/us/meadow'],
      ['GET', '/worlds'],
    ] as const)
      await at.ask(method, path);
    assert.is(at.other.asked.length, 3);
    assert.equal(
      at.one.asked.map(({ path }) => path),
      ['/worlds'],
    );
    at.other.handler = (_request, response) => setTimeout(() => response.end('{}'), 100);
    const startedAtMs = performance.now();
    await at.ask('GET', '/worlds?region=us');
    assert.ok(performance.now() - startedAtMs > 90);
    await at.other[Symbol.asyncDispose]();
    assert.is((await at.ask('GET', '/worlds?region=us')).status, 200, 'another one answers for it');
  },
);

edge('events pass as they come, and the stream ends at both ends', async () => {
  await using at = await serveTestEdge({ bounds: { requestMs: 300, streams: 1 } });
  let stream: ServerResponse | null = null;
  let isOver = false;
  at.one.handler = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    response.on('close', () => {
      isOver = true;
    });
    stream = response;
  };
  const watch = await at.ask('GET', '/worlds/watch', { 'Last-Event-ID': 'a.7' });
  assert.is(watch.headers.get('Content-Type'), 'text/event-stream');
  assert.is(at.one.asked[0]?.headers['last-event-id'], 'a.7');
  const send = (text: string) => (stream as ServerResponse | null)?.write(text);
  const reader = watch.body?.pipeThrough(new TextDecoderStream()).getReader();
  send('event: world\n\n');
  assert.is((await reader?.read())?.value, 'event: world\n\n');
  assert.equal(await reasonOf(await at.ask('GET', '/worlds/watch')), [503, 'busy']);
  // It outlives the time of a plain request.
  await new Promise((resolve) => setTimeout(resolve, 500));
  send(':\n\n');
  assert.is((await reader?.read())?.value, ':\n\n');
  await reader?.cancel();
  await waitFor(() => isOver && at.served.load().streams === 0, 5000, 'the stream is over');
  const second = await at.ask('GET', '/worlds/watch');
  (stream as ServerResponse | null)?.destroy();
  await second.text().then(
    () => assert.unreachable('the api ended in the midst of it'),
    () => {},
  );
});

edge('an address has so many connections, and one above them is told so', async () => {
  await using at = await serveTestEdge({ bounds: { connectionsOfAddress: 3 } });
  const sockets = Array.from({ length: 3 }, () => open(at.url));
  await waitFor(() => at.served.load().connections === 3, 5000, 'they are connected');
  const fourth = await rawRequest(at.url, 'GET', '/worlds');
  assert.match(fourth, /^HTTP\/1\.1 429 .*"reason":"connections"/s);
  const more = Array.from({ length: 6 }, () => open(at.url));
  await waitFor(
    () => more.filter(({ destroyed }) => destroyed).length === 3,
    5000,
    'three are cut',
  );
  for (const socket of [...sockets, ...more]) socket.destroy();
  await waitFor(() => at.served.load().connections === 0, 5000, 'they are gone');
  assert.is((await at.ask('GET', '/worlds')).status, 200);
});

edge('before memory runs out, or with too much under way, it refuses', async () => {
  let bytes = 2 ** 40;
  await using at = await serveTestEdge({ bounds: { requests: 2 }, memoryBytes: () => bytes });
  await waitFor(async () => (await at.ask('GET', '/worlds')).status === 503, 5000, 'it refuses');
  bytes = 0;
  await waitFor(async () => (await at.ask('GET', '/worlds')).status === 200, 5000, 'it is back');
  await waitFor(() => at.served.load().requests === 0, 5000, 'all are over');
  const waiting: ServerResponse[] = [];
  at.one.handler = (_request, response) => void waiting.push(response);
  const asked = [at.ask('GET', '/players/me'), at.ask('GET', '/players/me')];
  await waitFor(() => waiting.length === 2, 5000, 'two are under way');
  assert.equal(await reasonOf(await at.ask('GET', '/players/me')), [503, 'busy']);
  for (const response of waiting) response.end('{}');
  assert.equal(
    (await Promise.all(asked)).map(({ status }) => status),
    [200, 200],
  );
});

const all = (count: number, ask: () => Promise<Response>): Promise<Response[]> =>
  Promise.all(Array.from({ length: count }, ask));

function open(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());
  return socket;
}

/** @returns the whole answer. */
function rawRequest(url: string, method: string, path: string): Promise<string> {
  const socket = open(url);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  return new Promise((resolve) => socket.on('close', () => resolve(answer)));
}

edge.run();
