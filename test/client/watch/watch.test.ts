/** A watch over connections that break: what comes, in which order, and what is asked of the server. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConnectionState } from '../../../src/client/index.ts';
import { rejection, until, withClient } from '../support.ts';
import {
  BOOKMARK,
  cursorsOf,
  deleteOf,
  expireOf,
  numbers,
  putOf,
  RESET,
  ScriptedWatch,
  SYNCED,
  take,
  touchOf,
  withWatch,
} from './scriptedWatch.ts';

const watch = suite('watch');

const test = (name: string, ...how: Parameters<typeof withWatch>) => watch(name, withWatch(...how));

test(
  'touches are asked for, and told with the new expiry',
  [putOf('a', 1), touchOf('a', { expires_at: '2026-11-24T12:00:00.000Z' }), touchOf('a')],
  async (client, server) => {
    const [, first, second] = await take(client.watch({ touches: true }), 3);
    const expiresAt = new Date('2026-11-24T12:00:00.000Z');
    assert.equal(first, { type: 'touch', key: 'a', version: 1, expiresAt, cursor: '2' });
    assert.equal(second, { type: 'touch', key: 'a', version: 1, expiresAt: null, cursor: '3' });
    await take(client.watch(), 1);
    assert.equal(
      server.connections.map(({ query }) => query.get('touches')),
      ['true', null],
    );
  },
);

test('a node that knows no touches is watched without them', [SYNCED], async (client, server) => {
  server.isOld = true;
  await take(client.watch({ touches: true }), 1);
  assert.is(server.connections[0]?.query.get('touches'), null);
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test(
  'events of every type, with their values typed',
  [
    RESET,
    putOf('a', '1970-01-01T00:00:00.007Z', {
      version: 3,
      meta: { values: ['Date'], v: 1 },
      expires_at: '2026-11-24T12:00:00.000Z',
    }),
    deleteOf('a'),
    expireOf('b'),
    { type: 'from the future' },
    SYNCED,
    BOOKMARK,
  ],
  async (client, server) => {
    const events = client.watch({ prefix: 'a&b', initial: true, values: false });
    assert.equal(await take(events, 6), [
      { type: 'reset', cursor: '1' },
      {
        type: 'put',
        key: 'a',
        value: new Date(7),
        version: 3,
        expiresAt: new Date('2026-11-24T12:00:00Z'),
        cursor: '2',
      },
      { type: 'delete', key: 'a', version: Number.MAX_SAFE_INTEGER, cursor: '3' },
      { type: 'expire', key: 'b', version: 1, cursor: '4' },
      { type: 'synced', cursor: '6' },
      { type: 'bookmark', cursor: '7' },
    ]);
    assert.is(events.cursor, '7');
    const [{ query }] = server.connections as [(typeof server.connections)[0]];
    assert.equal(Object.fromEntries(query), { prefix: 'a&b', initial: 'true', values: 'false' });
  },
);

test(
  'it goes on from the last event, on a connection that breaks',
  numbers(6),
  async (client, server) => {
    server.onSend = ({ sent }) => sent < 2;
    const states: ConnectionState[] = [];
    const events = client.watch({ cursor: '1', onConnection: (state) => states.push(state) });
    assert.equal(cursorsOf(await take(events, 5)), [2, 3, 4, 5, 6]);
    assert.equal(
      server.connections.map(({ query }) => query.get('cursor')),
      ['1', '3', '5'],
    );
    assert.equal(
      states.map(({ isConnected }) => isConnected),
      [true, false, true, false, true],
    );
  },
);

watch('on whichever node is there', async () => {
  const history = numbers(40);
  const servers = await Promise.all([1, 2, 3].map(() => ScriptedWatch.start(history)));
  const endpoints = servers.map(({ url }) => url);
  try {
    await withClient({ endpoints }, async (client) => {
      for (const server of servers) server.onSend = ({ sent }) => sent < 4;
      assert.equal(cursorsOf(await take(client.watch({ initial: true }), 40)), upTo(40));
      assert.ok(servers.every(({ connections }) => connections.length > 1));
      await servers[0]?.close();
      assert.equal(cursorsOf(await take(client.watch({ initial: true }), 40)), upTo(40));
    });
  } finally {
    for (const server of servers.slice(1)) await server.close();
  }
});

watch('whatever breaks, each event comes once and in order', () =>
  fc.assert(
    fc.asyncProperty(
      fc.infiniteStream(fc.integer({ min: 0, max: 30 })),
      fc.integer({ min: 1, max: 20 }),
      async (cuts, room) => {
        const servers = [
          await ScriptedWatch.start(numbers(50)),
          await ScriptedWatch.start(numbers(50)),
        ];
        const left = new Map<object, number>();
        for (const server of servers) {
          server.onConnect = (connection) => {
            left.set(connection, cuts.next().value ?? 0);
            return true;
          };
          server.onSend = (connection) => {
            const sends = left.get(connection) ?? 0;
            left.set(connection, sends - 1);
            return sends > 0;
          };
        }
        try {
          await withClient({ endpoints: servers.map(({ url }) => url) }, async (client) => {
            const events = client.watch({ initial: true, maxBufferedEvents: room });
            assert.equal(cursorsOf(await take(events, 50)), upTo(50));
          });
        } finally {
          for (const server of servers) await server.close();
        }
      },
    ),
    { numRuns: 15 },
  ),
);

test(
  'a reader that is slow holds little, and misses nothing',
  numbers(2000),
  async (client, server) => {
    const events = client.watch({ initial: true, maxBufferedEvents: 10 });
    const [first] = await take(events, 1);
    assert.is(first?.cursor, '1');
    await until(() => server.open.length === 0, 'the watch has let go of the connection');
    assert.equal(cursorsOf(await take(events, 1999)), upTo(2000).slice(1));
    assert.ok(server.connections.length > 2);
  },
);

test('what is long counts for more', [], async (client, server) => {
  server.history.push(...Array.from({ length: 50 }, () => putOf('a', 'x'.repeat(10_000))));
  const events = client.watch({ initial: true, maxBufferedCharacters: 25_000 });
  await take(events, 1);
  await until(() => server.open.length === 0, 'the watch has let go of the connection');
  assert.is((await take(events, 49)).length, 49);
});

test(
  'of bookmarks that nobody has taken the last is kept',
  [BOOKMARK, SYNCED, BOOKMARK, BOOKMARK, BOOKMARK],
  async (client, server) => {
    const events = client.watch();
    await take(events, 1);
    await until(() => server.connections[0]?.sent === 5, 'all has been sent');
    assert.equal(cursorsOf(await take(events, 1)), [2]);
    assert.equal(cursorsOf(await take(events, 1)), [5]);
  },
);

test('several may ask for the next event at once', numbers(3), async (client) => {
  const events = client.watch({ initial: true });
  const results = await Promise.all([events.next(), events.next(), events.next()]);
  assert.equal(
    results.map(({ value }) => value?.cursor),
    ['1', '2', '3'],
  );
});

test('leaving the loop closes the connection', numbers(1), async (client, server) => {
  for await (const event of client.watch({ initial: true })) {
    assert.is(event.cursor, '1');
    break;
  }
  await until(() => server.open.length === 0, 'the connection is closed');
});

test(
  'an abort ends a waiting loop with its reason, and the watch is over',
  numbers(1),
  async (client, server) => {
    const controller = new AbortController();
    const events = client.watch({ initial: true, signal: controller.signal });
    await take(events, 1);
    const waiting = rejection(events.next());
    const reason = new Error('enough');
    controller.abort(reason);
    assert.is(await waiting, reason);
    assert.equal(await events.next(), { done: true, value: undefined });
    await until(() => server.open.length === 0, 'the connection is closed');
  },
);

test('closing the client ends its watches quietly', numbers(1), async (client, server) => {
  const events = client.watch({ initial: true });
  await take(events, 1);
  const waiting = events.next();
  await client.close();
  assert.equal(await waiting, { done: true, value: undefined });
  await until(() => server.open.length === 0, 'the connection is closed');
});

test('a watch that nobody reads opens nothing', numbers(1), async (client, server) => {
  const events = client.watch();
  await events.return();
  assert.equal(await events.next(), { done: true, value: undefined });
  assert.is(server.connections.length, 0);
});

test('close ends a watch', numbers(1), async (client, server) => {
  const events = client.watch({ initial: true });
  await take(events, 1);
  const waiting = events.next();
  await events.close();
  assert.equal(await waiting, { done: true, value: undefined });
  await until(() => server.open.length === 0, 'the connection is closed');
});

test('a watch is closed where it goes out of scope', numbers(1), async (client, server) => {
  {
    await using events = client.watch({ initial: true });
    await take(events, 1);
  }
  await until(() => server.open.length === 0, 'the connection is closed');
});

watch.run();
