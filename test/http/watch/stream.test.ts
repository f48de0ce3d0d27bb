import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { watchEventSchema } from '../../../src/http/watch/events.ts';
import { encodeRelying } from '../../../src/words/cursor.ts';
import { WatchServer } from './watchServer.ts';

const stream = suite('watch as Server-Sent Events');

stream(
  'tells the same events as a WebSocket, with type and cursor in fields of their own',
  async () => {
    await using server = await WatchServer.start();
    await server.put('a', { x: 1 });
    using client = await server.stream('initial=true');
    using socket = server.watch('initial=true');
    await Promise.all([client.synced(), socket.synced()]);
    await server.put('b', 2, 30);
    await server.delete('a');
    for (const one of [client, socket]) await one.until(({ type }) => type === 'expire');
    const known = ({ cursor: _cursor, ...event }: (typeof client.events)[number]) => event;
    assert.equal(client.events.map(known), socket.events.map(known));
    assert.is(client.response.headers['content-type'], 'text/event-stream');
    assert.match(client.text, /^retry: 1000\n\nevent: put\nid: \S+\ndata: \{"type":"put"/);
  },
);

stream('touches=true tells touches, over both, and without it they wake nobody', async () => {
  await using server = await WatchServer.start();
  await server.put('a', 1);
  using asking = await server.stream('initial=true&touches=true');
  using asking2 = server.watch('initial=true&touches=true&values=false');
  using plain = await server.stream('initial=true');
  await Promise.all([asking.synced(), asking2.synced(), plain.synced()]);
  await server.replica.submit([{ kind: 'touch', key: 'a', ttlMs: null }]);
  await server.put('b', 1);
  for (const one of [asking, asking2, plain]) await one.until(({ key }) => key === 'b');
  assert.equal(plain.types, ['put', 'synced', 'put']);
  for (const { types, events } of [asking, asking2]) {
    assert.equal(types, ['put', 'synced', 'touch', 'put']);
    const { cursor: _cursor, ...touch } = watchEventSchema.parse(events[2]);
    assert.equal(touch, { type: 'touch', key: 'a', version: 1, expires_at: null });
  }
  assert.match(asking.text, /\nevent: touch\nid: \S+\ndata: \{"type":"touch","key":"a","version"/);
  assert.is((await server.fetch('/watch?touches=1')).status, 422);
});

stream('a value with line breaks comes back whole', async () => {
  await using server = await WatchServer.start();
  using client = await server.stream();
  await client.synced();
  const value = '{"a":\r\n[1,\n\n2],\r"b":"\\n"}';
  await server.replica.submit([
    { kind: 'put', key: 'a', version: 1, ttlMs: null, value, meta: null },
  ]);
  const event = await client.until(({ type }) => type === 'put');
  assert.equal(event.value, { a: [1, 2], b: '\n' });
});

stream('Last-Event-ID goes on, and beats the cursor and initial of the URL', async () => {
  await using server = await WatchServer.start();
  using first = await server.stream('initial=true');
  const { cursor: start } = await first.synced();
  await server.put('a', 1);
  const { cursor } = await first.until(({ key }) => key === 'a');
  await server.put('b', 1);
  using second = await server.stream(`initial=true&cursor=${start}`, { 'Last-Event-ID': cursor });
  await second.synced();
  assert.equal(
    second.events.map(({ key }) => key),
    ['b', undefined],
  );
  using third = await server.stream(`initial=true&cursor=${start}`);
  await third.synced();
  assert.equal(
    third.events.map(({ key }) => key),
    ['a', 'b', undefined],
  );
});

stream('an idle stream gets bookmarks, whose cursors go on', async () => {
  await using server = await WatchServer.start({ bookmarkIntervalMs: 60 });
  using client = await server.stream('prefix=none');
  await server.put('other', 1);
  const { cursor } = await client.until(({ type }) => type === 'bookmark');
  using next = await server.stream(`prefix=&cursor=${cursor}`);
  await next.synced();
  assert.equal(next.types[0], 'synced', 'the bookmark covers what went by');
});

stream('what is wrong is a problem, as anywhere in REST', async () => {
  await using server = await WatchServer.start();
  await using other = await WatchServer.start({ name: 'node2', clusterId: 'cluster2' });
  await using ahead = await WatchServer.start({ name: 'node3' });
  const cursorOf = async (from: WatchServer) => {
    using client = await from.stream();
    return (await client.synced()).cursor;
  };
  const refusal = async (query: string, headers = {}) => {
    const response = await server.fetch(`/watch?${query}`, { headers });
    const problem = (await response.json()) as { detail: string; reason?: string };
    assert.is(response.headers.get('content-type'), 'application/problem+json');
    return [response.status, problem.reason ?? null];
  };
  assert.equal(await refusal('cursor=x'), [422, null]);
  assert.equal(await refusal('values=1'), [422, null]);
  assert.equal(await refusal('prefix=%ff'), [400, null]);
  assert.equal(await refusal('prefix=a&prefix=b'), [422, null]);
  assert.equal(await refusal(`cursor=${await cursorOf(other)}`), [409, 'cluster']);
  assert.equal(await refusal(`cursor=${await cursorOf(ahead)}`), [409, 'ahead']);
  assert.equal(await refusal('', { Origin: 'https://evil.example' }), [403, null]);
});

stream('a cursor that is ahead is waited for', async () => {
  await using ahead = await WatchServer.start({ name: 'node2' });
  await using server = await WatchServer.start({ waitTimeoutMs: 10_000 });
  using client = await ahead.stream();
  await client.synced();
  await ahead.put('a', 1);
  const { cursor } = await client.until(({ key }) => key === 'a');
  const opening = server.stream(`cursor=${cursor}`);
  await takeAll(server, ahead);
  using late = await opening;
  await late.synced();
  await ahead.put('b', 1);
  await takeAll(server, ahead);
  await late.until(({ key }) => key === 'b');
  assert.equal(
    late.events.map(({ key }) => key),
    [undefined, 'b'],
  );
});

stream(
  'a cursor that relies on an op waits for it, and begins anew if it does not come',
  async () => {
    await using ahead = await WatchServer.start({ name: 'node2' });
    await using server = await WatchServer.start({ waitTimeoutMs: 10_000 });
    using client = await server.stream();
    const { cursor } = await client.synced();
    await ahead.put('a', 1);
    const { origin } = ahead.replica;
    const { seq } = ahead.replica.record(origin);
    const opening = server.stream(`cursor=${encodeRelying(cursor, new Map([[origin, seq]]))}`);
    await takeAll(server, ahead);
    using late = await opening;
    await late.synced();
    assert.equal(
      late.events.map(({ type }) => type),
      ['put', 'synced'],
    );
    await using hasty = await WatchServer.start({ waitTimeoutMs: 100 });
    using told = await hasty.stream();
    const waiting = encodeRelying((await told.synced()).cursor, new Map([[origin, seq]]));
    using reset = await hasty.stream(`cursor=${waiting}`);
    await reset.synced();
    assert.is(reset.events[0]?.type, 'reset');
    await server.replica.membership.retire(origin);
    const gone = encodeRelying(cursor, new Map([[origin, seq + 1]]));
    using anew = await server.stream(`cursor=${gone}`);
    await anew.synced();
    assert.is(anew.events[0]?.type, 'reset');
  },
);

stream('a cursor that is waited for while the node stops is refused for now', async () => {
  await using ahead = await WatchServer.start({ name: 'node2' });
  await using server = await WatchServer.start({ waitTimeoutMs: 10_000 });
  using client = await ahead.stream();
  await ahead.put('a', 1, 1);
  const { cursor } = await client.until(({ key }) => key === 'a');
  const opening = server.fetch(`/watch?cursor=${cursor}`);
  while (server.watching.room.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // The entry expires while no expiry is followed here any more; a watcher would never be told of it.
  server.watching.hub.stop();
  await takeAll(server, ahead);
  assert.is((await opening).status, 503);
});

stream(
  'a wait for a cursor that ends because the node stops says nothing of the cursor',
  async () => {
    await using ahead = await WatchServer.start({ name: 'node2' });
    await using server = await WatchServer.start({ waitTimeoutMs: 10_000 });
    using client = await ahead.stream();
    const { cursor } = await client.synced();
    const opening = server.fetch(`/watch?cursor=${cursor}`);
    while (server.watching.room.waiting === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    server.watching.hub.stop();
    server.watching.stop();
    assert.is((await opening).status, 503);
  },
);

stream('HEAD tells what GET would, and ends', async () => {
  await using server = await WatchServer.start();
  const response = await server.fetch('/watch', { method: 'HEAD' });
  assert.is(response.status, 200);
  assert.is(response.headers.get('content-type'), 'text/event-stream');
  assert.is((await server.fetch('/watch', { method: 'PUT' })).status, 405);
});

stream('a client that goes away is forgotten, and a node that stops ends the stream', async () => {
  const server = await WatchServer.start();
  using gone = await server.stream();
  using stays = await server.stream();
  await Promise.all([gone.synced(), stays.synced()]);
  gone.response.destroy();
  while (server.watching.hub.size > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await server[Symbol.asyncDispose]();
  await stays.ended;
});

stream.run();

/** The ops of the other node come to this one. */
async function takeAll({ replica }: WatchServer, other: WatchServer): Promise<void> {
  for (const [origin, to] of other.replica.vector) {
    const after = replica.vector.get(origin) ?? 0;
    const ops = await other.replica.log.opsAfter(origin, after, { maxRows: 1000, maxBytes: 1e6 });
    const { sum } = other.replica.record(origin);
    await replica.receive({ ranges: [{ origin, after, to, sum }], ops });
  }
}
