/** Watchers whose node has forgotten, or whose clock was set back: each is told the truth, or to begin anew. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCursor } from '../../../src/words/cursor.ts';
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

/** Another log's two puts come, it is retired, and it is closed. */
async function closeAnother(node: TestNode): Promise<void> {
  const other = await TestNode.start('node2');
  await other.put('of another', 1);
  await other.put('of another', 2);
  await node.pull(other);
  await node.replica.membership.retire('node2.aaaaaa');
  await node.replica.membership.close('node2.aaaaaa', 2);
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
