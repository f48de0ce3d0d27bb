import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../../scripts/patience.ts';
import { watchEventSchema } from '../../../src/http/watch/events.ts';
import { WatchServer } from './watchServer.ts';

const socket = suite('watch over a WebSocket');

const changes = (types: readonly string[]) => types.filter((type) => type !== 'bookmark');

socket('a watch without a cursor begins now, and says so at once', async () => {
  await using server = await WatchServer.start();
  await server.put('old', 1);
  using client = server.watch();
  await client.synced();
  await server.put('new', 2);
  await client.until(({ key }) => key === 'new');
  assert.equal(client.types, ['synced', 'put']);
});

socket(
  'initial=true tells what is there, in order of keys, then synced, then what comes',
  async () => {
    await using server = await WatchServer.start();
    for (const key of ['b', 'a', 'gone', 'c']) await server.put(key, key);
    await server.delete('gone');
    using client = server.watch('initial=true');
    await client.synced();
    await server.put('a', 'again');
    await client.until(({ value }) => value === 'again');
    assert.equal(
      client.events.map(({ type, key }) => [type, key]),
      [
        ['put', 'a'],
        ['put', 'b'],
        ['put', 'c'],
        ['synced', undefined],
        ['put', 'a'],
      ],
    );
  },
);

socket('each type of event is as its schema says', async () => {
  await using server = await WatchServer.start({ bookmarkIntervalMs: 90 });
  using client = server.watch();
  await client.synced();
  await server.put('a', { x: [1] });
  await server.delete('a');
  await server.put('b', 1, 30);
  await client.until(({ type }) => type === 'expire');
  await client.until(({ type }) => type === 'bookmark');
  const types = new Set(client.types);
  assert.equal([...types].sort(), ['bookmark', 'delete', 'expire', 'put', 'synced']);
  for (const event of client.events) watchEventSchema.parse(event);
  const [, put, deleted] = client.events;
  const { cursor: _cursor, ...told } = put ?? { cursor: '' };
  assert.equal(told, { type: 'put', key: 'a', value: { x: [1] }, version: 1, expires_at: null });
  assert.is(deleted?.version, Number.MAX_SAFE_INTEGER);
});

socket('an expiry comes within 250 ms of its time, and never before', async () => {
  await using server = await WatchServer.start();
  using client = server.watch();
  await client.synced();
  for (const ttlMs of [50, 120, 200]) await server.put(`k${ttlMs}`, 1, ttlMs);
  for (const ttlMs of [50, 120, 200]) {
    const { expires_at: at } = await client.until(
      ({ type, key }) => type === 'expire' && key === `k${ttlMs}`,
    );
    const lateMs = Date.now() - Date.parse(at ?? '');
    assert.ok(lateMs >= 0 && lateMs < 250 * patience(), `${lateMs} ms late`);
  }
});

socket('a prefix narrows, values=false leaves values and annotations out', async () => {
  await using server = await WatchServer.start();
  using client = server.watch('prefix=a%2F&values=false');
  await client.synced();
  await server.put('b', 1);
  const meta = '{"values":{}}';
  await server.replica.submit([
    { kind: 'put', key: 'a/1', version: 1, ttlMs: null, value: '2', meta },
  ]);
  const event = await client.until(({ type }) => type === 'put');
  assert.is(event.key, 'a/1');
  assert.not.ok('value' in event || 'meta' in event);
  using other = server.watch('prefix=a%2F&initial=true');
  assert.equal((await other.until(({ type }) => type === 'put')).meta, { values: {} });
});

socket('a cursor goes on after its event: nothing is missed and nothing comes twice', async () => {
  await using server = await WatchServer.start();
  using first = server.watch();
  await first.synced();
  await server.put('a', 1);
  const { cursor } = await first.until(({ key }) => key === 'a');
  first.socket.terminate();
  await server.put('b', 1);
  await server.put('c', 1, 20);
  await first.closed;
  using second = server.watch(`cursor=${cursor}`);
  await second.until(({ type }) => type === 'expire');
  await second.synced();
  const keys = second.events.map(({ key }) => key).filter((key) => key !== undefined);
  assert.is(keys[0], 'b');
  assert.not.ok(keys.includes('a'));
});

socket('digits that a double cannot hold come as they were sent, in one message each', async () => {
  await using server = await WatchServer.start();
  using client = server.watch();
  await client.synced();
  const texts: string[] = [];
  client.socket.on('message', (data) => texts.push(String(data)));
  const long = `"${'é🙂'.repeat(30_000)}"`;
  for (const value of ['12345678901234567890', '{"b" :1,\n"a":2,"b":3}', long])
    await server.replica.submit([
      { kind: 'put', key: 'a', version: 'next', ttlMs: null, value, meta: null },
    ]);
  await client.until(({ version }) => version === 3);
  assert.ok(texts[0]?.includes('"value":12345678901234567890,'));
  assert.ok(texts[1]?.includes('"value":{"b" :1,\n"a":2,"b":3},'));
  assert.ok(texts[2]?.includes(long));
});

socket(
  'a cursor that is malformed, of another cluster or never reached closes with 1008',
  async () => {
    await using server = await WatchServer.start();
    await using other = await WatchServer.start({ name: 'node2', clusterId: 'cluster2' });
    await using ahead = await WatchServer.start({ name: 'node3' });
    const cursorOf = async (from: WatchServer) => {
      using client = from.watch();
      return (await client.synced()).cursor;
    };
    for (const [cursor, reason] of [
      ['%20x', /^cursor is no cursor that a node gave/],
      ['a'.repeat(13_000), /^cursor is no cursor that a node gave/],
      [await cursorOf(other), /of another cluster/],
      [await cursorOf(ahead), /has not come to the cursor within 0.2 s/],
    ] as const) {
      using client = server.watch(`cursor=${cursor}`);
      const end = await client.closed;
      assert.is(end.code, 1008);
      assert.match(end.reason, reason);
      assert.equal(client.events, []);
    }
  },
);

socket('what is wrong with the request itself is refused before the upgrade', async () => {
  await using server = await WatchServer.start({ limits: { maxWatchers: 1 } });
  const refusal = async (query: string, headers = {}) => {
    using client = server.watch(query, headers);
    return (await client.closed).code;
  };
  assert.is(await refusal('initial=maybe'), 422);
  assert.is(await refusal('prefix=%zz'), 400);
  assert.is(await refusal(`prefix=${'a'.repeat(1025)}`), 422);
  assert.is(await refusal('', { Origin: 'https://evil.example' }), 403);
  assert.is(await refusal('', { Origin: 'null' }), 403);
  using client = server.watch();
  await client.synced();
  assert.is(await refusal(''), 503, 'one watcher more than the limit');
});

socket('pages of this very host and of allowed origins may watch', async () => {
  await using server = await WatchServer.start({ allowed: ['https://app.example'] });
  for (const Origin of ['https://app.example', `http://127.0.0.1:${server.port}`]) {
    using client = server.watch('', { Origin });
    await client.synced();
  }
});

socket('a node that has not joined is watched later', async () => {
  await using server = await WatchServer.start({ clusterId: null });
  using client = server.watch();
  assert.is((await client.closed).code, 503);
});

socket('a client that answers no ping is dropped, one that does stays', async () => {
  await using server = await WatchServer.start({ watchPingIntervalMs: 20 });
  using silent = server.watch();
  using alive = server.watch();
  await silent.synced();
  await alive.synced();
  silent.socket.pong = () => {};
  // `ws` answers pings by itself: a paused socket does not even see them.
  silent.socket.pause();
  await untilSo(() => server.watching.hub.size === 1);
  await server.put('a', 1);
  await alive.until(({ key }) => key === 'a');
});

socket('a node that stops says so with 1001', async () => {
  const server = await WatchServer.start();
  using client = server.watch();
  await client.synced();
  await server[Symbol.asyncDispose]();
  assert.is((await client.closed).code, 1001);
});

socket('under load, between the state and what comes nothing is lost or doubled', async () => {
  await using server = await WatchServer.start();
  const writes = 2000;
  const keys = 300;
  let isWriting = true;
  const writing = (async () => {
    for (let value = 0; value < writes; value++) {
      const key = `k${value % keys}`;
      if (value % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (value % 7 === 3) await server.delete(key);
      else await server.put(key, value);
    }
    isWriting = false;
  })();
  const clients = [];
  while (isWriting && clients.length < 20) {
    const client = server.watch('initial=true');
    clients.push(client);
    await client.synced();
  }
  await writing;
  await server.put('end', 'end');
  for (const client of clients) {
    await client.until(({ key }) => key === 'end');
    const mirror = new Map<string, unknown>();
    const versions = new Set<string>();
    for (const { type, key = '', value } of client.events) {
      if (type === 'put') {
        assert.not.ok(versions.has(`${key} ${value}`), `${key} is told twice`);
        versions.add(`${key} ${value}`);
        mirror.set(key, value);
      } else if (type === 'delete') mirror.delete(key);
    }
    const shown = server.replica.list('', null, { entries: 10_000 }).entries;
    assert.equal(
      [...mirror].sort(),
      shown.map(({ key, value }) => [key, JSON.parse(value ?? '')]).sort(),
    );
    client.socket.terminate();
  }
  assert.ok(clients.length > 2);
  assert.ok(changes(clients[0]?.types ?? []).length > 100);
});

socket.run();

async function untilSo(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 5));
}
