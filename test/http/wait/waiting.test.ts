/** Tokens, `Hearsay-After`, `acks`, and who may ask from a browser. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Acks } from '../../../src/http/wait/acks.ts';
import { NOTHING_CLOSED } from '../../../src/words/closed.ts';
import { decodeCursor, encodeToken, encodeWholeToken } from '../../../src/words/cursor.ts';
import { type ServerOptions, WatchServer } from '../watch/watchServer.ts';

const waiting = suite('tokens and waiting');

const JSON_HEADERS = { 'Content-Type': 'application/json' };

interface Body {
  readonly token: string;
  readonly acks?: number;
  readonly members?: number;
  readonly detail?: string;
  readonly reason?: string;
}

async function send(server: WatchServer, method: string, path: string, body?: unknown, more = {}) {
  const headers = { ...JSON_HEADERS, ...more };
  const init =
    body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await server.fetch(path, init);
  return { status: response.status, body: (await response.json()) as Body };
}

const putOf = (version: number | 'next' = 'next') => ({ value: 1, version });
const get = (server: WatchServer, after: string) =>
  send(server, 'GET', '/cache/a', undefined, { 'Hearsay-After': after });

waiting('a write that logged an op answers with that op as its token', async () => {
  await using server = await WatchServer.start();
  for (const [method, body] of [
    ['PUT', putOf()],
    ['DELETE', undefined],
  ] as const) {
    const { token } = (await send(server, method, '/cache/a', body)).body;
    const { cluster, vector } = decodeCursor(token);
    assert.is(cluster, 'cluster1');
    assert.equal([...vector], [['node1.aaaaaa', server.replica.record('node1.aaaaaa').seq]]);
  }
});

waiting(
  'one that logged none, a batch and a delete of many answer with what they saw',
  async () => {
    await using server = await WatchServer.start();
    await server.put('a', 1);
    const whole = () => [...server.replica.vector];
    for (const [method, path, body] of [
      ['PUT', '/cache/a', putOf(1)],
      ['DELETE', '/cache/none?version=3'],
      ['POST', '/cache', { ops: [{ op: 'get', key: 'a' }] }],
      ['POST', '/cache', { ops: [{ op: 'put', key: 'b', ...putOf() }] }],
      ['POST', '/cache', { ops: [{ op: 'put', key: 'a', ...putOf(1) }] }],
      ['DELETE', '/cache?prefix=a'],
    ] as const) {
      const { token } = (await send(server, method, path, body)).body;
      assert.equal([...decodeCursor(token).vector], whole(), `${method} ${path}`);
    }
  },
);

waiting('a read after a token waits until the node holds the write', async () => {
  await using server = await WatchServer.start({ waitTimeoutMs: 10_000 });
  const next = server.replica.record('node1.aaaaaa').seq + 2;
  const token = encodeToken('cluster1', { origin: 'node1.aaaaaa', seq: next });
  const reading = get(server, token);
  await server.put('b', 1);
  await server.put('a', 1);
  assert.is((await reading).status, 200);
  assert.is((await get(server, `${token}, ${token}`)).status, 200, 'held already: at once');
});

waiting(
  'it gives up after its time with 504, with 409 for another cluster, 422 for nonsense',
  async () => {
    await using server = await WatchServer.start({ waitTimeoutMs: 30 });
    const never = encodeToken('cluster1', { origin: 'node9.aaaaaa', seq: 1 });
    assert.is((await get(server, never)).status, 504);
    const foreign = await get(server, encodeToken('cluster2', { origin: 'node1.aaaaaa', seq: 1 }));
    assert.is(foreign.status, 409);
    assert.is(foreign.body.reason, 'cluster');
    for (const nonsense of ['x', '!', 'W10', `${never},`, Array(101).fill(never).join(',')])
      assert.is((await get(server, nonsense)).status, 422, nonsense.slice(0, 20));
  },
);

waiting(
  'a token of a log that was lost with its node is told at once, once that is certain',
  async () => {
    // Longer than the test may take: it waits for the time only where it is not told at once.
    await using server = await WatchServer.start({ waitTimeoutMs: 600_000 });
    const { membership, forgetting, origin } = server.replica;
    await membership.admit('node2.aaaaaa', '{"nodeId":"node2","url":null}');
    await membership.retire('node2.aaaaaa');
    const lost = encodeToken('cluster1', { origin: 'node2.aaaaaa', seq: 7 });
    let isAnswered = false;
    const early = get(server, lost).finally(() => {
      isAnswered = true;
    });
    await get(server, encodeToken('cluster1', { origin, seq: 1 }));
    assert.not.ok(isAnswered, 'a member may have it that does not know of the retirement yet');
    const stable = { vector: new Map(server.replica.vector), clock: server.replica.nowMs() };
    await forgetting.collect(stable, 10);
    const { status, body } = await get(server, lost);
    assert.is(status, 504);
    assert.match(body.detail ?? '', /retired/);
    server.watching.stop();
    assert.is((await early).status, 504);
  },
);

waiting('every request to the cache can wait, not only reads', async () => {
  await using server = await WatchServer.start({ waitTimeoutMs: 30 });
  const never = encodeToken('cluster1', { origin: 'node9.aaaaaa', seq: 1 });
  const after = { 'Hearsay-After': never };
  assert.is((await send(server, 'PUT', '/cache/a', putOf(), after)).status, 504);
  assert.is((await send(server, 'POST', '/cache', { ops: [] }, after)).status, 504);
  assert.is((await send(server, 'GET', '/cache', undefined, after)).status, 504);
  assert.is(server.replica.map.size, 0, 'what was refused was not stored');
});

waiting('only so many wait at a time', async () => {
  await using server = await WatchServer.start({
    waitTimeoutMs: 10_000,
    limits: { maxWaiting: 1 },
  });
  const { seq } = server.replica.record('node1.aaaaaa');
  const next = encodeToken('cluster1', { origin: 'node1.aaaaaa', seq: seq + 1 });
  const both = [get(server, next), get(server, next)];
  const refused = await Promise.race(both);
  assert.is(refused.status, 503);
  await server.put('a', 1);
  const statuses = (await Promise.all(both)).map(({ status }) => status).sort();
  assert.equal(statuses, [200, 503]);
});

waiting('tokens and cursors that name many logs of nobody are refused at once', async () => {
  await using server = await WatchServer.start({ waitTimeoutMs: 60_000 });
  const vectorOf = (logs: number, seq: number) =>
    new Map(Array.from({ length: logs }, (_, index) => [`n${index}.aaaaaa`, seq]));
  const token = (logs: number, seq: number) =>
    encodeWholeToken('cluster1', vectorOf(logs, seq), NOTHING_CLOSED);
  const { status, body } = await get(server, token(65, 1));
  assert.is(status, 409);
  assert.is(body.reason, 'ahead');
  assert.is((await server.fetch(`/watch?cursor=${token(65, 1)}`)).status, 409);
  // Such as nothing was ever told of cover nothing.
  assert.is((await get(server, token(300, 0))).status, 404);
});

/** Peers that confirm when the test says so. */
class FakePeers implements Acks {
  asked = 0;
  askedForMs = 0;
  readonly #held: number[];
  #listener: () => void = () => {};

  constructor(peers: number) {
    this.#held = Array(peers).fill(0);
  }

  ask(): void {
    this.asked++;
  }

  askAll(_seq: number, forMs: number): void {
    this.ask();
    this.askedForMs = forMs;
  }

  isHeldByAll(seq: number): boolean {
    return this.count(seq) === this.#held.length;
  }

  others(): number {
    return this.#held.length;
  }

  count(seq: number): number {
    return this.#held.filter((held) => held >= seq).length;
  }

  onConfirmed(listener: () => void): () => void {
    this.#listener = listener;
    return () => {};
  }

  confirm(peer: number, seq: number): void {
    this.#held[peer] = seq;
    this.#listener();
  }
}

const withPeers = async (peers: number, options: ServerOptions = {}) => {
  const acks = new FakePeers(peers);
  return { acks, server: await WatchServer.start({ ...options, acks }) };
};

waiting('acks=N answers once N nodes, this one counted, have committed the write', async () => {
  const { acks, server: started } = await withPeers(3);
  await using server = started;
  const writing = send(server, 'PUT', '/cache/a?acks=3&timeout_ms=10000', putOf());
  while (acks.asked === 0) await new Promise((resolve) => setImmediate(resolve));
  const { seq } = server.replica.record('node1.aaaaaa');
  acks.confirm(0, seq);
  acks.confirm(1, seq - 1);
  acks.confirm(1, seq);
  const { status, body } = await writing;
  assert.is(status, 200);
  assert.is(body.acks, 3);
  const deleted = await send(server, 'DELETE', '/cache/a?acks=1');
  assert.is(deleted.body.acks, 1);
});

waiting(
  'acks that do not come in time are counted, and the write is stored all the same',
  async () => {
    const { server: started } = await withPeers(1);
    await using server = started;
    const { status, body } = await send(server, 'PUT', '/cache/a?acks=2&timeout_ms=20', putOf());
    assert.is(status, 200);
    assert.is(body.acks, 1);
    assert.is((await send(server, 'GET', '/cache/a')).status, 200);
    const none = await send(server, 'DELETE', '/cache/none?version=1&acks=2&timeout_ms=20');
    assert.is(none.body.acks, 1, 'what logged nothing waits for nobody');
  },
);

waiting(
  'acks=all answers once all members have committed the write, and says how many',
  async () => {
    const { acks, server: started } = await withPeers(2);
    await using server = started;
    const writing = send(server, 'PUT', '/cache/a?acks=all&timeout_ms=60000', putOf());
    while (acks.asked === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.is(acks.askedForMs, 60_000);
    const { seq } = server.replica.record('node1.aaaaaa');
    acks.confirm(0, seq);
    acks.confirm(1, seq);
    const { body } = await writing;
    assert.equal([body.acks, body.members], [3, 3]);
    const touch = await send(server, 'POST', '/cache/a/touch?acks=all&timeout_ms=20', {
      ttl_ms: null,
    });
    assert.equal([touch.body.acks, touch.body.members], [1, 3], 'not in time');
    const none = await send(server, 'DELETE', '/cache/none?version=1&acks=all');
    assert.equal([none.body.acks, none.body.members], [1, undefined], 'nothing was logged');
  },
);

waiting('acks out of their range are 422, and nothing is stored', async () => {
  await using server = await WatchServer.start();
  for (const query of [
    'acks=0',
    'acks=1001',
    'acks=x',
    'acks=ALL',
    'acks=',
    'acks=2&timeout_ms=0',
    'acks=1&acks=2',
  ])
    assert.is((await send(server, 'PUT', `/cache/a?${query}`, putOf())).status, 422, query);
  assert.is(server.replica.map.size, 0);
});

waiting.run();

const browsers = suite('pages in browsers');

const EVIL = 'https://evil.example';
const APP = 'https://app.example';

browsers('a page of another site changes nothing and is shown nothing', async () => {
  await using server = await WatchServer.start({ allowed: [APP] });
  const from = (Origin: string, method: string, path: string) =>
    server.fetch(path, {
      method,
      headers: { Origin, ...JSON_HEADERS },
      ...(method === 'GET' || method === 'OPTIONS' ? {} : { body: JSON.stringify(putOf()) }),
    });
  for (const Origin of [EVIL, 'null', 'http://127.0.0.1:1', 'nonsense']) {
    for (const [method, path] of [
      ['PUT', '/cache/a'],
      ['DELETE', '/cache/a'],
      ['POST', '/cache'],
    ] as const)
      assert.is((await from(Origin, method, path)).status, 403, `${Origin} ${method}`);
    const read = await from(Origin, 'GET', '/_health');
    assert.is(read.headers.get('access-control-allow-origin'), null);
    const asked = await from(Origin, 'OPTIONS', '/cache/a');
    assert.is(asked.headers.get('access-control-allow-methods'), null);
  }
  const own = await from(`http://127.0.0.1:${server.port}`, 'PUT', '/cache/a');
  assert.is(own.status, 200);
});

browsers(
  'a page of an allowed origin may do what others may, and its browser is told so',
  async () => {
    await using server = await WatchServer.start({ allowed: [APP] });
    const preflight = await server.fetch('/cache/a', {
      method: 'OPTIONS',
      headers: { Origin: APP, 'Access-Control-Request-Method': 'PUT' },
    });
    assert.is(preflight.status, 204);
    assert.is(preflight.headers.get('access-control-allow-origin'), APP);
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /PUT/);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Hearsay-After/);
    const headers = { Origin: APP, ...JSON_HEADERS };
    const stored = await server.fetch('/cache/a', {
      method: 'PUT',
      headers,
      body: JSON.stringify(putOf()),
    });
    assert.is(stored.status, 200);
    assert.is(stored.headers.get('access-control-allow-origin'), APP);
    assert.is(stored.headers.get('vary'), 'Origin');
    const missing = await server.fetch('/cache/none', { headers });
    assert.is(missing.status, 404);
    assert.is(missing.headers.get('access-control-allow-origin'), APP);
  },
);

browsers('with * every origin is allowed', async () => {
  await using server = await WatchServer.start({ allowed: ['*'] });
  const read = await server.fetch('/_health', { headers: { Origin: EVIL } });
  assert.is(read.headers.get('access-control-allow-origin'), EVIL);
});

browsers.run();
