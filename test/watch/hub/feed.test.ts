/** Watchers whose node has forgotten, or whose clock was set back: each is told the truth, or to begin anew. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCursor } from '../../../src/words/cursor.ts';
import { closeOrigin } from '../../support/closings.ts';
import { FakeSink, type SeenEvent, type WatchOptions, watchRequest } from './fakeSink.ts';
import { MAX_CLOCK_SKEW_MS, type NodeOptions, settled, TestNode } from './nodes.ts';

const feeds = suite('the feed of a node');

async function start(options: NodeOptions = {}) {
  const clock = { nowMs: 1_000_000 };
  const node = await TestNode.start('node1', { clock, ...options });
  const watch = async (request: WatchOptions = {}): Promise<FakeSink> => {
    const sink = new FakeSink();
    const watcher = node.hub.open(watchRequest(request), sink);
    sink.onDrain = () => node.hub.drained(watcher);
    for (let turns = 0; turns < 5; turns++) await settled();
    return sink;
  };
  return { node, clock, watch };
}

const cursorOf = (events: readonly SeenEvent[]) => decodeCursor(events.at(-1)?.cursor ?? '');
const told = ({ events }: FakeSink): (string | undefined)[] =>
  events.map(({ type, key }) => (key === undefined ? type : `${type} ${key}`));

feeds(
  'a cursor that lacks compacted rows is told reset, and one that has them goes on',
  async () => {
    const { node, watch } = await start({ limits: { maxRecentOps: 1 } });
    const before = cursorOf((await watch({ withState: true })).events);
    await node.put('a', 1);
    await node.put('a', 2);
    const between = cursorOf((await watch({ withState: true })).events);
    await node.put('b', 1);
    await node.collect([]);
    await node.compact();
    assert.ok((node.replica.reach().get(node.replica.origin) ?? 0) > 0);
    assert.equal(told(await watch({ cursor: before })), ['reset', 'put a', 'put b', 'synced']);
    assert.equal(told(await watch({ cursor: between })), ['put b', 'synced']);
  },
);

feeds('a touch is told to those who ask for touches, and wakes nobody else', async () => {
  const { node, watch } = await start();
  await node.put('a', 1);
  const plain = await watch({ withState: true });
  const bare = await watch({ withState: true, withValues: false });
  const asking = await watch({ withState: true, withTouches: true });
  const writes = [plain.writes, bare.writes];
  await node.touch('a', 60_000);
  await node.touch('a', 90_000);
  await settled();
  assert.equal([plain.writes, bare.writes], writes);
  assert.equal(told(asking), ['put a', 'synced', 'touch a', 'touch a']);
  const { cursor: _, ...last } = asking.events.at(-1) as SeenEvent;
  const expires_at = new Date(1_090_000).toISOString();
  assert.equal(last, { type: 'touch', key: 'a', version: 1, expires_at });
  await node.put('a', 2);
  await settled();
  assert.equal(told(plain), ['put a', 'synced', 'put a']);
});

feeds('a watcher from a cursor is told the first touch of a value as a put', async () => {
  const { node, watch } = await start();
  await node.put('a', 1);
  const cursor = cursorOf((await watch({ withState: true })).events);
  const plain = await watch({ cursor });
  const asking = await watch({ cursor, withTouches: true });
  for (let touch = 0; touch < 3; touch++) await node.touch('a', 1000 + touch);
  await settled();
  assert.equal(told(plain), ['synced', 'put a']);
  assert.equal(told(asking), ['synced', 'put a', 'touch a', 'touch a']);
});

feeds('who was away when an entry was touched is told it as a put, once', async () => {
  const { node, watch } = await start();
  await node.put('a', 1);
  const cursor = cursorOf((await watch({ withState: true })).events);
  for (let touch = 0; touch < 3; touch++) await node.touch('a', 1000 + touch);
  for (const withTouches of [false, true])
    assert.equal(told(await watch({ cursor, withTouches })), ['put a', 'synced']);
});

feeds('a put that was passed over for its touch elsewhere is told with the touch', async () => {
  const { node: first, watch } = await start();
  const second = await TestNode.start('node2', { pages: { rows: 1, entries: 1 } });
  await second.pull(first);
  const before = cursorOf((await watch({ withState: true })).events);
  await first.put('a', 1);
  await second.pull(first);
  await second.put('b', 1);
  await second.touch('a', 60_000);
  const sink = new FakeSink();
  const watcher = second.hub.open(watchRequest({ cursor: before }), sink);
  for (let turns = 0; turns < 20 && sink.events.length === 0; turns++) await Promise.resolve();
  for (let turns = 0; turns < 20 && sink.events.length === 0; turns++) await settled();
  second.hub.remove(watcher);
  // Its cursor covers the put of `a`, of which it was told nothing.
  assert.is(told(sink)[0], 'put b');
  const cursor = cursorOf(sink.events.slice(0, 1));
  assert.is(cursor.vector.get('node1.aaaaaa'), 2);
  assert.is(cursor.vector.get('node2.aaaaaa'), 1);
  await first.pull(second, 1);
  const resumed = await watch({ cursor });
  assert.equal(told(resumed), ['synced']);
  await first.pull(second);
  for (let turns = 0; turns < 5; turns++) await settled();
  assert.equal(told(resumed), ['synced', 'put a']);
});

feeds('a touch of an entry that was told as expired is told as a put', async () => {
  const { node, clock, watch } = await start();
  const slow = await TestNode.start('node2', { clock, skewMs: -100 });
  await node.put('a', 1, { ttlMs: 50 });
  await slow.pull(node);
  const sink = await watch({ withState: true, withTouches: true });
  clock.nowMs += 60;
  node.replica.sweep(10);
  await slow.touch('a', 1000);
  await node.pull(slow);
  await settled();
  assert.equal(told(sink), ['put a', 'synced', 'expire a', 'put a']);
});

feeds('a watcher that comes while a touch is being committed is told the entry', async () => {
  for (let turns = 0; turns < 40; turns++)
    for (const isNew of [true, false])
      for (const withTouches of [true, false]) {
        const { node, watch } = await start();
        const cursor = cursorOf((await watch({ withState: true })).events);
        await node.put('a', 1);
        const touched = node.touch('a', 60_000);
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        const sink = await watch({ ...(isNew ? { withState: true } : { cursor }), withTouches });
        await touched;
        for (let turn = 0; turn < 5; turn++) await settled();
        const [first] = told(sink).filter((text) => text !== 'synced');
        assert.is(first, 'put a', `after ${turns} turns: ${told(sink)}`);
      }
});

feeds('one that comes while an op is committed keeps it from nobody', async () => {
  for (let turns = 0; turns < 20; turns++) {
    const { node, watch } = await start();
    const first = await watch({ withState: true });
    const committed = node.put('a', 1);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const second = await watch({ withState: true });
    await committed;
    for (let turn = 0; turn < 5; turn++) await settled();
    for (const sink of [first, second])
      assert.equal(
        told(sink).filter((text) => text !== 'synced'),
        ['put a'],
        `after ${turns} turns`,
      );
  }
});

feeds('no event is made of a key that nobody watches', async () => {
  const { node, clock, watch } = await start();
  await watch({ prefix: 'watched' });
  await node.put('other', 1, { ttlMs: 10 });
  await node.put('watched', 1, { ttlMs: 10 });
  assert.is(node.hub.timeline.size, 1);
  clock.nowMs += 20;
  node.hub.sweep();
  assert.is(node.hub.timeline.size, 2);
});

feeds('an entry that lives again while a clock is set back is told as expired once', async () => {
  const { node, clock, watch } = await start();
  await node.put('a', 1, { ttlMs: 10 });
  await node.put('b', 1, { ttlMs: 12 });
  const sink = await watch({ withState: true });
  for (const byMs of [20, -15, 15, 0]) {
    clock.nowMs += byMs;
    node.replica.sweep(1);
    await settled();
  }
  assert.equal(told(sink), ['put a', 'put b', 'synced', 'expire a', 'expire b']);
});

feeds('a put and its touch in one commit are told as one put', async () => {
  const { node, watch } = await start();
  const sink = await watch({ withTouches: true });
  await node.replica.submit([
    { kind: 'put', key: 'a', version: 1, ttlMs: 5, value: '1', meta: null },
    { kind: 'touch', key: 'a', ttlMs: 10 },
    { kind: 'touch', key: 'a', ttlMs: 20 },
  ]);
  await node.replica.submit([
    { kind: 'touch', key: 'a', ttlMs: 30 },
    { kind: 'touch', key: 'a', ttlMs: 40 },
  ]);
  await settled();
  assert.equal(told(sink), ['synced', 'put a', 'touch a']);
});

feeds('a slow watcher is told a touch that it missed as a put', async () => {
  const { node, watch } = await start({ limits: { maxWatcherBufferBytes: 1 } });
  await node.put('a', 1);
  const sink = await watch({ withState: true });
  sink.stall();
  await node.put('b', 1);
  await node.put('c', 1);
  await node.touch('c', 1000);
  await node.touch('a', 1000);
  for (let turns = 0; turns < 20; turns++) {
    if (sink.drain()) sink.onDrain();
    await settled();
  }
  assert.equal(told(sink), ['put a', 'synced', 'put b', 'put c', 'put a']);
});

feeds('a put of the same version with another value is no touch', async () => {
  const { node, watch } = await start();
  const other = await TestNode.start('node2', { skewMs: 10 });
  await node.put('a', 1, { version: 1 });
  await other.put('a', 2, { version: 1 });
  const sink = await watch({ withState: true, withTouches: true });
  await node.pull(other);
  await settled();
  assert.equal(told(sink), ['put a', 'synced', 'put a']);
});

/** Another log's two puts come, it is retired, and it is closed. */
async function closeAnother(node: TestNode): Promise<void> {
  const other = await TestNode.start('node2');
  await other.put('of another', 1);
  await other.put('of another', 2);
  await node.pull(other);
  await node.replica.membership.retire('node2.aaaaaa');
  await closeOrigin(node.replica, 'node2.aaaaaa', 2);
}

feeds('cursors leave closed logs out, and go on where they stood', async () => {
  const { node, watch } = await start();
  await node.put('a', 1);
  const live = await watch({ withState: true });
  const before = cursorOf(live.events);
  await closeAnother(node);
  await node.put('b', 1);
  for (let turns = 0; turns < 5; turns++) await settled();
  const after = cursorOf(live.events);
  assert.equal([[...after.vector.keys()], after.closed.count], [['node1.aaaaaa'], 1]);
  assert.equal(told(await watch({ cursor: before })), ['put of another', 'put b', 'synced']);
  assert.equal(told(await watch({ cursor: after })), ['synced']);
  // One that lists a closed log covers no more of it than that.
  const ofNone = { ...after, vector: new Map([...after.vector, ['node2.aaaaaa', 0]]) };
  assert.equal(told(await watch({ cursor: ofNone })), ['put of another', 'synced']);
  const all = ['reset', 'put a', 'put b', 'put of another', 'synced'];
  const unknown = { ...after, closed: { count: 1, sum: { high: 1, low: 1 } } };
  assert.equal(told(await watch({ cursor: unknown })), all);
});

feeds(
  'a watcher that was slow when a log was closed is told its last ops all the same',
  async () => {
    const { node, watch } = await start({
      limits: { maxWatcherBufferBytes: 1, maxRecentEvents: 1 },
    });
    await node.put('a', 1);
    const slow = await watch({ withState: true });
    slow.stall();
    await node.put('a', 2);
    await closeAnother(node);
    await node.put('b', 1);
    for (let turns = 0; turns < 20; turns++) {
      if (slow.drain()) slow.onDrain();
      await settled();
    }
    assert.ok(told(slow).includes('put of another'), String(told(slow)));
    const resumed = cursorOf(slow.events);
    assert.equal(told(await watch({ cursor: resumed })), ['synced']);
  },
);

feeds(
  'a clock that was set back by more than the skew makes all begin anew, by less none',
  async () => {
    for (const [backMs, types] of [
      [MAX_CLOCK_SKEW_MS, []],
      [MAX_CLOCK_SKEW_MS + 2, ['reset', 'put a', 'synced']],
    ] as const) {
      const { node, clock, watch } = await start();
      await node.put('a', 1);
      node.replica.sweep(10);
      const sink = await watch({ withState: true });
      const before = sink.events.length;
      clock.nowMs -= backMs;
      node.replica.sweep(10);
      for (let turns = 0; turns < 5; turns++) await settled();
      assert.equal(told(sink).slice(before), types, `${backMs} ms back`);
    }
  },
);

feeds(
  'after a clock was set back, who comes is told of each entry as it is by then, and its expiry',
  async () => {
    const { node, clock, watch } = await start();
    const peer = await TestNode.start('node2', { clock });
    await node.put('early', 1, { ttlMs: 300 });
    const stayed = await watch({ withState: true });
    clock.nowMs += 500;
    node.replica.sweep(10);
    clock.nowMs -= 500;
    await peer.pull(node);
    await peer.put('a', 1, { ttlMs: 50 });
    const sink = new FakeSink();
    peer.hub.open(watchRequest({ withState: true }), sink);
    for (let turns = 0; turns < 5; turns++) await settled();
    await node.pull(peer);
    const came = await watch({ cursor: cursorOf(sink.events) });
    const begun = await watch({ withState: true });
    assert.equal(told(came), ['synced']);
    assert.equal(told(begun), ['put a', 'put early', 'synced']);
    clock.nowMs += 60;
    node.replica.sweep(10);
    for (let turns = 0; turns < 5; turns++) await settled();
    assert.equal(told(came).slice(1), ['expire a']);
    assert.equal(told(begun).slice(3), ['expire a']);
    clock.nowMs += 600;
    node.replica.sweep(10);
    await settled();
    await node.put('b', 1);
    for (let turns = 0; turns < 5; turns++) await settled();
    assert.equal(told(came).slice(2), ['expire early', 'put b']);
    assert.equal(told(begun).slice(4), ['expire early', 'put b']);
    // The clock was ahead while it was told: to it both had expired then.
    assert.equal(told(stayed), ['put early', 'synced', 'expire early', 'expire a', 'put b']);
  },
);

feeds('a node that knows of expiries only from later on resets a watcher once', async () => {
  const { node, clock, watch } = await start();
  await node.put('a', 1);
  const cursor = cursorOf((await watch({ withState: true })).events);
  node.hub.record.forget({ untilMs: clock.nowMs + 100, upTo: null });
  assert.equal(told(await watch({ withState: true })), ['put a', 'synced']);
  assert.equal(told(await watch({ cursor })), ['reset', 'put a', 'synced']);
});

feeds('who was away is not told an expiry that a later op of the key has followed', async () => {
  const { node, clock, watch } = await start();
  await node.put('a', 1, { ttlMs: 10 });
  await node.put('b', 1, { ttlMs: 10 });
  const cursor = cursorOf((await watch({ withState: true })).events);
  clock.nowMs += 20;
  node.replica.sweep(10);
  await node.put('a', 2);
  assert.equal(told(await watch({ cursor })), ['expire b', 'put a', 'synced']);
});

feeds('an op that loses to an expired entry hides the expiry from nobody', async () => {
  const { node, clock, watch } = await start();
  const peer = await TestNode.start('node2', { clock });
  await peer.put('a', 'older', { version: 1 });
  await node.put('a', 'newer', { version: 5, ttlMs: 10 });
  const cursor = cursorOf((await watch({ withState: true })).events);
  clock.nowMs += 20;
  node.replica.sweep(10);
  await node.pull(peer);
  assert.equal(told(await watch({ cursor })), ['expire a', 'synced']);
});

feeds('a cursor that was told expiries which are still to come here is told reset', async () => {
  const { node, clock, watch } = await start();
  await node.put('a', 1);
  const cursor = cursorOf((await watch({ withState: true })).events);
  for (const [aheadMs, types] of [
    [MAX_CLOCK_SKEW_MS + 1, ['synced']],
    [MAX_CLOCK_SKEW_MS + 2, ['reset', 'put a', 'synced']],
  ] as const) {
    const untilMs = clock.nowMs + aheadMs;
    const ahead = { ...cursor, told: { ...cursor.told, untilMs } };
    assert.equal(told(await watch({ cursor: ahead })), types, `${aheadMs} ms ahead`);
  }
});

feeds(
  'an entry that is dead when it comes is told once, as expired, to live watchers',
  async () => {
    const { node, clock, watch } = await start();
    const peer = await TestNode.start('node2', { clock });
    await peer.put('late', 1, { ttlMs: 10 });
    const sink = await watch({ withState: true });
    const before = sink.events.length;
    clock.nowMs += 20;
    await node.pull(peer);
    node.replica.sweep(10);
    for (let turns = 0; turns < 5; turns++) await settled();
    assert.equal(told(sink).slice(before), ['expire late']);
  },
);

feeds('the first watcher is not told again what came before it', async () => {
  const { node, watch } = await start();
  await node.put('a', 1);
  const first = await watch({ withState: true });
  await node.put('b', 1);
  for (let turns = 0; turns < 5; turns++) await settled();
  assert.equal(told(first), ['put a', 'synced', 'put b']);
});

feeds.run();
