/** Watches that nodes refuse, that find no node, or that are sent what no node sends. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { UnavailableError, WatchRefusedError } from '../../../src/client/index.ts';
import { rejectedWith, rejection, until, withClient } from '../support.ts';
import { cursorsOf, numbers, putOf, ScriptedWatch, take, withWatch } from './scriptedWatch.ts';

const failures = suite('watch failures');

const test = (name: string, ...how: Parameters<typeof withWatch>) =>
  failures(name, withWatch(...how));

test(
  'a node that refuses the cursor is left for another, and all refusing is an error',
  numbers(3),
  async (_client, server) => {
    const other = await ScriptedWatch.start(numbers(3));
    try {
      server.onConnect = ({ socket }) => {
        socket.close(1008, 'The cursor is of another cluster.');
        return false;
      };
      await withClient({ endpoints: [server.url, other.url] }, async (client) => {
        assert.equal(cursorsOf(await take(client.watch({ cursor: '1' }), 2)), [2, 3]);
        other.onConnect = server.onConnect;
        const error = await rejectedWith(WatchRefusedError, client.watch({ cursor: '1' }).next());
        assert.match(error.message, /of another cluster/);
      });
    } finally {
      await other.close();
    }
  },
);

test('what is buffered comes before the error', numbers(2), async (client, server) => {
  const events = client.watch({ cursor: '0' });
  await take(events, 1);
  await until(() => server.connections[0]?.sent === 2, 'all has been sent');
  server.onConnect = ({ socket }) => {
    socket.close(1008, 'No.');
    return false;
  };
  server.open[0]?.socket.terminate();
  await until(() => server.connections.length === 2, 'another connection was refused');
  assert.equal(cursorsOf(await take(events, 1)), [2]);
  assert.instance(await rejection(events.next()), WatchRefusedError);
  assert.equal(await events.next(), { done: true, value: undefined });
});

test('without any connection it gives up when it was told to', [], async (client) => {
  await client.close();
  await withClient({ endpoints: ['http://127.0.0.1:2'] }, async (lonely) => {
    await rejectedWith(UnavailableError, lonely.watch({ giveUpAfterMs: 50 }).next());
  });
});

test('a connection that is silent is replaced', numbers(1), async (client, server) => {
  const events = client.watch({ initial: true, idleTimeoutMs: 50 });
  await take(events, 1);
  const next = events.next();
  await until(() => server.connections.length > 1, 'another connection is made');
  server.tell(putOf('later', 1));
  assert.is((await next).value?.cursor, '2');
});

test(
  'what no node sends ends the connection, and nothing is made of it',
  numbers(2),
  async (client, server) => {
    const garbage = [
      'no JSON',
      '3',
      '{}',
      '{"type":"put","cursor":"9"}',
      '{"type":"put","key":"a","value":1,"version":1}',
    ];
    server.onConnect = ({ socket }) => {
      const text = garbage.shift();
      if (text !== undefined) socket.send(text);
      return text === undefined;
    };
    const reasons: (string | null)[] = [];
    const events = client.watch({
      initial: true,
      onConnection: ({ reason }) => reasons.push(reason),
    });
    assert.equal(cursorsOf(await take(events, 2)), [1, 2]);
    assert.is(reasons.filter((reason) => reason?.includes('no node sends')).length, 5);
  },
);

test(
  'a value that can not be decoded throws where it is read, and nowhere else',
  [putOf('a', 'x', { meta: { values: ['bigint'], v: 1 } }), putOf('b', 1)],
  async (client) => {
    const [bad, good] = await take(client.watch({ initial: true }), 2);
    assert.is(bad?.cursor, '1');
    assert.throws(() => bad?.type === 'put' && bad.value, /annotations/);
    assert.is(good?.type === 'put' && good.value, 1);
  },
);

failures.run();
