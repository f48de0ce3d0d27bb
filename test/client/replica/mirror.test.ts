/** A local copy: current, expiring by itself, and never empty while its state comes in anew. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HearsayError, type Mirror, type MirrorChange } from '../../../src/client/index.ts';
import { ExpiryQueue } from '../../../src/client/replica/expiryQueue.ts';
import { rejection, until } from '../support.ts';
import {
  deleteOf,
  expireOf,
  putOf,
  RESET,
  SYNCED,
  touchOf,
  withWatch,
} from '../watch/scriptedWatch.ts';

const mirrors = suite('mirrors');

const test = (name: string, ...how: Parameters<typeof withWatch>) =>
  mirrors(name, withWatch(...how));

const contents = (mirror: Mirror): Record<string, unknown> =>
  Object.fromEntries([...mirror].map(({ key, value }) => [key, value]));

function changesOf(mirror: Mirror): string[] {
  const told: string[] = [];
  mirror.onChange(({ type, key, entry, previous }: MirrorChange) =>
    told.push(`${type} ${key} ${String(previous?.value)} → ${String(entry?.value)}`),
  );
  return told;
}

const inMs = (delayMs: number): string => new Date(Date.now() + delayMs).toISOString();

test(
  'it is complete once it is synced, and answers without a round trip',
  [putOf('p/a', 1), putOf('p/b', 2), SYNCED],
  async (client, server) => {
    const mirror = client.mirror<number>('p/');
    assert.is(mirror.get('p/a'), undefined);
    assert.is(mirror.isCurrent, false);
    await mirror.synced;
    assert.is(mirror.isCurrent, true);
    assert.equal(mirror.get('p/a'), { key: 'p/a', value: 1, version: 1, expiresAt: null });
    assert.is(mirror.size, 2);
    assert.is(mirror.has('p/b'), true);
    assert.is(mirror.has('p/c'), false);
    assert.is(server.connections[0]?.query.get('prefix'), 'p/');
    assert.is(server.connections[0]?.query.get('initial'), 'true');
  },
);

test(
  'a touch moves the expiry of its entry, and tells no listener',
  [putOf('a', 1, { expires_at: inMs(600_000) }), putOf('b', 1), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    assert.is(server.connections[0]?.query.get('touches'), 'true');
    const told = changesOf(mirror);
    server.tell(touchOf('a'), touchOf('b', { version: 2 }), touchOf('c'), putOf('d', 1));
    await until(() => told.length > 0, 'a change has been told');
    assert.equal(told, ['put d undefined → 1']);
    assert.equal(mirror.get('a'), { key: 'a', value: 1, version: 1, expiresAt: null });
    assert.equal([mirror.get('b')?.version, mirror.has('c')], [1, false]);
  },
);

test(
  'an entry that its own clock took for expired is there again when a touch comes after all',
  [putOf('a', 1, { expires_at: inMs(-1000) }), putOf('b', 2, { expires_at: inMs(-1000) }), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    assert.is(mirror.size, 0);
    const told = changesOf(mirror);
    server.tell(expireOf('b'), touchOf('b'), touchOf('a'), putOf('c', 1));
    await until(() => told.length > 1, 'two changes have been told');
    assert.equal(told, ['put a undefined → 1', 'put c undefined → 1']);
    assert.equal(contents(mirror), { a: 1, c: 1 });
  },
);

test(
  'it follows, and tells its listeners after the change',
  [putOf('a', 1), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    const told = changesOf(mirror);
    let seenInside: unknown;
    const stop = mirror.onChange(({ key }) => {
      seenInside = mirror.get(key)?.value;
    });
    server.tell(putOf('a', 2, { version: 2 }), putOf('b', 1));
    await until(() => told.length === 2, 'both changes have been told');
    assert.is(seenInside, 1);
    stop();
    server.tell(deleteOf('a'), expireOf('b'), deleteOf('never'), putOf('c', 3));
    await until(() => mirror.has('c'), 'the last change is there');
    assert.equal(contents(mirror), { c: 3 });
    assert.equal(told, [
      'put a 1 → 2',
      'put b undefined → 1',
      'delete a 2 → undefined',
      'expire b 1 → undefined',
      'put c undefined → 3',
    ]);
    assert.is(seenInside, 1);
  },
);

test(
  'an entry expires by itself, connected or not',
  [putOf('a', 1), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    const told = changesOf(mirror);
    server.tell(
      putOf('soon', 1, { expires_at: inMs(60) }),
      putOf('later', 1, { expires_at: inMs(120) }),
      putOf('kept', 1, { expires_at: inMs(300) }),
      putOf('kept', 2, { version: 2, expires_at: inMs(60_000) }),
    );
    await until(() => mirror.get('kept')?.value === 2, 'all is there');
    await server.close();
    await until(() => mirror.size === 2, 'two have expired');
    assert.equal(contents(mirror), { a: 1, kept: 2 });
    assert.equal(
      told.filter((change) => change.startsWith('expire')),
      ['expire soon 1 → undefined', 'expire later 1 → undefined'],
    );
  },
);

test(
  'one that has expired is not read, whether or not its timer has come',
  [putOf('old', 1, { expires_at: inMs(-1) }), SYNCED],
  async (client) => {
    const mirror = client.mirror();
    await mirror.synced;
    assert.is(mirror.get('old'), undefined);
    assert.is(mirror.has('old'), false);
    assert.equal(contents(mirror), {});
    assert.is(mirror.size, 0);
  },
);

test(
  'after a reset it is never empty, and in the end holds nothing of before',
  [putOf('a', 1), putOf('b', 1), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    server.tell(RESET, putOf('a', 2, { version: 2 }));
    await until(() => mirror.get('a')?.value === 2, 'the new state has begun');
    assert.is(mirror.get('b')?.value, 1);
    assert.is(mirror.isCurrent, false);
    const told = changesOf(mirror);
    // A break in the middle changes nothing of that.
    server.open[0]?.socket.terminate();
    await until(() => server.connections.length === 2, 'it is connected again');
    assert.is(mirror.get('b')?.value, 1);
    server.tell(putOf('c', 3), SYNCED);
    await until(() => mirror.isCurrent, 'it is current');
    assert.equal(contents(mirror), { a: 2, c: 3 });
    assert.equal(told, ['put c undefined → 3', 'delete b 1 → undefined']);
  },
);

test(
  'where no node goes on from its cursor, it starts anew',
  [putOf('a', 1), putOf('b', 1), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    server.onConnect = ({ socket, query }) => {
      if (!query.has('cursor')) return true;
      socket.close(1008, 'The cursor is of another cluster.');
      return false;
    };
    server.history.splice(0, 3, putOf('a', 5), SYNCED);
    server.open[0]?.socket.terminate();
    await until(() => mirror.get('a')?.value === 5 && mirror.isCurrent, 'the new state is there');
    assert.equal(contents(mirror), { a: 5 });
  },
);

test('refused at once, it fails', [], async (client, server) => {
  server.onConnect = ({ socket }) => {
    socket.close(1008, 'No watchers, please.');
    return false;
  };
  const mirror = client.mirror();
  assert.match(String(await rejection(mirror.synced)), /No watchers/);
  assert.match(String(await rejection(mirror.closed)), /No watchers/);
});

test('it is not current while it is cut off', [putOf('a', 1), SYNCED], async (client, server) => {
  const mirror = client.mirror();
  await mirror.synced;
  server.onConnect = () => false;
  server.open[0]?.socket.terminate();
  await until(() => !mirror.isCurrent, 'the loss has been noticed');
  assert.is(mirror.get('a')?.value, 1);
});

test(
  'a listener that throws disturbs no other, and is not passed over in silence',
  [putOf('a', 1), SYNCED],
  async (client, server) => {
    const mirror = client.mirror();
    await mirror.synced;
    const thrown: unknown[] = [];
    const note = (error: unknown) => thrown.push(error);
    process.on('uncaughtException', note);
    try {
      mirror.onChange(() => {
        throw new Error('mine');
      });
      const told = changesOf(mirror);
      server.tell(putOf('b', 1), putOf('c', 1));
      await until(() => told.length === 2 && thrown.length === 2, 'both have been told');
      assert.match(String(thrown[0]), /mine/);
    } finally {
      process.off('uncaughtException', note);
    }
  },
);

test('closing: by itself, by its client, by a signal', [putOf('a', 1)], async (client, server) => {
  const closed = client.mirror();
  await until(() => closed.has('a'), 'it has begun');
  await closed.close();
  assert.ok((await rejection(closed.synced)) instanceof HearsayError);
  await closed.closed;
  assert.is(closed.get('a')?.value, 1);
  const controller = new AbortController();
  const aborted = client.mirror('', { signal: controller.signal });
  controller.abort(new Error('enough'));
  assert.match(String(await rejection(aborted.closed)), /enough/);
  {
    await using disposed = client.mirror();
    await until(() => disposed.has('a'), 'it has begun');
  }
  const last = client.mirror();
  await client.close();
  await last.closed;
  await until(() => server.open.length === 0, 'every connection is closed');
});

test(
  'a value that can not be decoded is there, and throws where it is read',
  [putOf('a', 'x', { meta: { values: ['bigint'], v: 1 } }), SYNCED],
  async (client) => {
    const mirror = client.mirror();
    await mirror.synced;
    assert.is(mirror.get('a')?.version, 1);
    assert.throws(() => mirror.get('a')?.value, /annotations/);
  },
);

mirrors('the queue of expiries gives back what is current, in order', () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(20))),
      fc.nat(20),
      (items, nowMs) => {
        const current = new Map<string, number>(items);
        const queue = new ExpiryQueue((key, atMs) => current.get(key) === atMs);
        for (const [key, atMs] of items) queue.add(key, atMs);
        assert.is(queue.nextAtMs(), current.size === 0 ? null : Math.min(...current.values()));
        const due = [...new Set(queue.takeDue(nowMs))];
        const expected = [...current].filter(([, atMs]) => atMs <= nowMs).map(([key]) => key);
        assert.equal(due.sort(), expected.sort());
      },
    ),
  ),
);

mirrors.run();
