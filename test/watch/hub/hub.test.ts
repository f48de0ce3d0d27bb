/** The hub's bounds, and its account of watchers. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SnapshotSource } from '../../../src/gossip/driver/snapshotSource.ts';
import { WatchGroups } from '../../../src/watch/hub/groups.ts';
import { SILENT_TICKS } from '../../../src/watch/hub/hub.ts';
import { decodeCursor } from '../../../src/words/cursor.ts';
import { StoppedError } from '../../../src/words/errors.ts';
import { noPause, streamFrom, WIDE } from '../../replica/snapshots.ts';
import { FakeSink, type WatchOptions, watchRequest } from './fakeSink.ts';
import { MAX_CLOCK_SKEW_MS, type NodeOptions, settled, TestNode } from './nodes.ts';

const isStopped = (error: unknown): boolean => error instanceof StoppedError;

const hubs = suite('the hub of a node');

async function opened({ hub }: TestNode, request: WatchOptions = {}) {
  const sink = new FakeSink();
  const watcher = hub.open(watchRequest({ withState: true, ...request }), sink);
  for (let turns = 0; turns < 5; turns++) await settled();
  return { sink, watcher };
}

hubs('it is full with as many watchers as it may have', async () => {
  const node = await TestNode.start('node1', { limits: { maxWatchers: 2 } });
  const { watcher } = await opened(node);
  assert.not(node.hub.isFull);
  await opened(node);
  assert.ok(node.hub.isFull);
  // The socket may close after the hub has ended the watch.
  for (let turn = 0; turn < 2; turn++) node.hub.remove(watcher);
  assert.is(node.hub.size, 1);
  assert.not(node.hub.isFull);
});

hubs('a watcher is told once that its watch ends', async () => {
  const node = await TestNode.start('node1');
  const { sink, watcher } = await opened(node);
  node.hub.endOne(watcher, 'failed');
  assert.is(sink.ended, 'failed');
  node.hub.endOne(watcher, 'stopping');
  assert.is(sink.ended, 'failed');
});

hubs('it takes no watcher once it has stopped, because it follows no expiries then', async () => {
  const node = await TestNode.start('node1');
  node.hub.stop();
  assert.throws(() => node.hub.open(watchRequest({}), new FakeSink()), isStopped);
  assert.is(node.hub.size, 0);
});

hubs(
  'it counts how often a watcher leaves the end, and not how often it is still behind',
  async () => {
    const node = await TestNode.start('node1', { limits: { maxWatcherBufferBytes: 1 } });
    const { sink, watcher } = await opened(node);
    const view = () => node.hub.watcherViews(1)[0];
    assert.is(view()?.fellBehind, 0);
    assert.is(node.hub.behind, 0);
    sink.stall();
    for (const key of ['a', 'b', 'c', 'd']) await node.put(key, 1);
    assert.is(watcher.standing.kind, 'behind');
    assert.is(node.hub.behind, 1);
    assert.equal([view()?.fellBehind, view()?.behindOps], [1, 3]);
    // The socket takes one event, and fills up with the next.
    sink.drain();
    sink.stall();
    node.hub.drained(watcher);
    await settled();
    assert.equal([view()?.fellBehind, view()?.behindOps], [1, 2]);
  },
);

hubs('it shows those furthest behind first, and among equals those that came first', async () => {
  const clock = { nowMs: 1_000_000 };
  const limits = { maxWatcherBufferBytes: 1 };
  const node = await TestNode.start('node1', { clock, limits });
  await opened(node, { prefix: 'first' });
  clock.nowMs++;
  await opened(node, { prefix: 'second' });
  clock.nowMs++;
  const { sink } = await opened(node, { prefix: 'k' });
  sink.stall();
  for (const key of ['k1', 'k2', 'k3']) await node.put(key, 1);
  const prefixes = (limit: number) => node.hub.watcherViews(limit).map(({ prefix }) => prefix);
  assert.equal(prefixes(3), ['k', 'first', 'second']);
  assert.equal(prefixes(1), ['k']);
});

hubs('a watcher that reads the log is as far behind as ops are left', async () => {
  const node = await TestNode.start('node1', { limits: { maxWatcherBufferBytes: 1 } });
  for (const key of ['a', 'b', 'c']) await node.put(key, 1);
  const sink = new FakeSink();
  sink.stall();
  const { sink: first } = await opened(node);
  const cursor = decodeCursor(first.events[0]?.cursor ?? '');
  const vector = new Map([[node.replica.origin, 1]]);
  node.hub.open(watchRequest({ cursor: { ...cursor, vector, state: null } }), sink);
  for (let turns = 0; turns < 5; turns++) await settled();
  const [view] = node.hub.watcherViews(1);
  // It was told one of the three, and its socket is full.
  assert.equal([view?.standing, view?.behindOps], ['reading', 2]);
});

hubs(
  'a socket takes more until more waits than it may, and nothing once its watch is over',
  async () => {
    const node = await TestNode.start('node1', { limits: { maxWatcherBufferBytes: 100 } });
    const { sink, watcher } = await opened(node);
    for (const [bytes, isWritable] of [
      [100, true],
      [101, false],
      [0, true],
    ] as const) {
      sink.bufferedBytes = bytes;
      assert.is(watcher.isWritable, isWritable, `${bytes}`);
    }
    node.hub.remove(watcher);
    assert.is(watcher.isWritable, false);
  },
);

hubs('a watcher that goes while it is told something is told no more', async () => {
  const node = await TestNode.start('node1');
  await node.put('a', 1);
  let leave = (): void => {};
  const sink = new FakeSink(() => leave());
  const watcher = node.hub.open(watchRequest({ withState: true }), sink);
  leave = () => node.hub.remove(watcher);
  for (let turns = 0; turns < 5; turns++) await settled();
  assert.is(sink.writes, 1);
});

hubs('a silent watcher gets a bookmark in the third turn, unless its socket is full', async () => {
  const node = await TestNode.start('node1', { limits: { maxWatcherBufferBytes: 1 } });
  const { sink } = await opened(node);
  const full = await opened(node);
  full.sink.stall();
  await node.put('a', 1);
  const [seen, written] = [sink.events.length, full.sink.writes];
  for (let turn = 1; turn <= 2; turn++) node.hub.tick();
  assert.is(sink.events.length, seen);
  node.hub.tick();
  assert.equal(sink.types.slice(seen), ['bookmark']);
  assert.is(full.sink.writes, written);
  for (let turn = 1; turn <= 3; turn++) node.hub.tick();
  assert.equal(sink.types.slice(seen), ['bookmark', 'bookmark']);
});

hubs('a prefix is forgotten with its last watcher, and not before', () => {
  const groups = new WatchGroups();
  const watchers = ['one', 'two'].map(() => ({}) as never);
  const [group] = watchers.map(() => groups.join('a'));
  if (group === undefined) throw new Error('There is no group.');
  const prefixesOf = (key: string) => groups.matching(key).map(({ prefix }) => prefix);
  groups.leave(group, watchers[0] as never);
  assert.equal(prefixesOf('ab'), ['a']);
  groups.leave(group, watchers[1] as never);
  assert.equal(prefixesOf('ab'), []);
});

hubs('a snapshot leaves expiries unknown up to its time by any clock', async () => {
  const clock = { nowMs: 1_000_000 };
  const sender = await TestNode.start('node1', { clock });
  await sender.put('a', 1);
  const receiver = await TestNode.start('node2', { clock });
  await streamFrom(new SnapshotSource(sender.replica, WIDE, noPause), receiver.replica);
  const { sink } = await opened(receiver);
  const cursor = decodeCursor(sink.events.at(-1)?.cursor ?? '');
  for (const [untilMs, types] of [
    [clock.nowMs + MAX_CLOCK_SKEW_MS - 1, ['reset', 'put', 'synced']],
    [clock.nowMs + MAX_CLOCK_SKEW_MS, ['synced']],
  ] as const) {
    const told = { untilMs, upTo: null };
    const { sink: resumed } = await opened(receiver, { cursor: { ...cursor, told } });
    assert.equal(resumed.types, types);
  }
});

hubs('whoever is to begin anew gets a reset before the state, whatever its cursor', async () => {
  const node = await TestNode.start('node1');
  await node.put('a', 1);
  const { sink: first } = await opened(node);
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  for (const startsAnew of [false, true]) {
    const { sink } = await opened(node, { cursor, startsAnew });
    assert.equal(sink.types, startsAnew ? ['reset', 'put', 'synced'] : ['synced']);
  }
  assert.is(node.hub.resets, 1);
});

hubs('where the log cannot be read any more, a watch that needs it ends', async () => {
  const node = await TestNode.start('node1', { limits: { maxRecentOps: 1 } });
  const { sink: first } = await opened(node, { withState: false });
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  for (const key of ['a', 'b', 'c']) await node.put(key, 1);
  await node.replica.close();
  const { sink } = await opened(node, { cursor });
  assert.equal([sink.ended, sink.events.length], ['failed', 0]);
  assert.is(node.hub.size, 1);
});

hubs('a bookmark of one that waits for the clock is of its own place', async () => {
  const clock = { nowMs: 1_000_000 };
  const node = await TestNode.start('node1', { clock });
  const { sink: first } = await opened(node);
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  const told = { ...cursor.told, untilMs: clock.nowMs + 500 };
  const { sink, watcher } = await opened(node, { cursor: { ...cursor, told } });
  assert.is(watcher.standing.kind, 'reading');
  for (let tick = 0; tick < SILENT_TICKS; tick++) node.hub.tick();
  const marked = [sink, first].map(({ events }) => decodeCursor(events.at(-1)?.cursor ?? ''));
  assert.equal([sink.types.at(-1), first.types.at(-1)], ['bookmark', 'bookmark']);
  assert.equal(
    marked.map((one) => one.told.untilMs),
    [clock.nowMs + 500, cursor.told.untilMs],
  );
});

hubs(
  'between two pages others have a turn, and after the last one none is waited for',
  async () => {
    let turns = 0;
    const pages = { rows: 1, entries: 1 };
    const node = await TestNode.start('node1', { pages, onDefer: () => turns++ });
    await opened(node);
    assert.is(turns, 0);
    for (const key of ['a', 'b', 'c']) await node.put(key, 1);
    assert.is(turns, 0);
    const { sink } = await opened(node);
    assert.equal(sink.types, ['put', 'put', 'put', 'synced']);
    assert.is(turns, 2);
  },
);

/** A node whose deliveries take long, so that a pause follows each. */
const slowNode = (options: NodeOptions = {}) =>
  TestNode.start('node1', { ...options, deliveryMs: () => 10 });

const told = ({ events }: FakeSink) =>
  events.filter(({ type }) => type !== 'synced').map(({ type, key }) => [type, key]);

hubs('events of a pause are told at its end, in order and in one write', async () => {
  const node = await slowNode();
  const { sink } = await opened(node);
  await node.put('a', 1);
  const before = sink.writes;
  await node.put('b', 1);
  await node.put('c', 1);
  assert.is(sink.writes, before);
  node.pauses.end();
  assert.is(sink.writes, before + 1);
  assert.equal(told(sink), [
    ['put', 'a'],
    ['put', 'b'],
    ['put', 'c'],
  ]);
});

hubs('a put after a pause is answered before watchers are told, once that takes long', async () => {
  const node = await slowNode();
  const { sink } = await opened(node);
  await node.put('a', 1);
  await node.put('b', 1);
  node.pauses.end();
  node.pauses.passMs(1000);
  const before = sink.writes;
  await node.put('c', 1);
  assert.is(sink.writes, before);
  node.pauses.end();
  assert.is(told(sink).length, 3);
});

hubs('a pause is twice as long after a write that eight events shared', async () => {
  const node = await slowNode();
  const { sink } = await opened(node);
  await node.put('a', 1);
  for (const count of [7, 8, 1]) {
    for (let index = 0; index < count; index++) await node.put(`${count} ${index}`, 1);
    node.pauses.end();
  }
  assert.is(told(sink).length, 17);
  assert.equal(node.pauses.pausesMs, [5, 5, 10]);
});

hubs('a watcher that comes to the end in a pause is told nothing twice', async () => {
  const node = await slowNode();
  const first = await opened(node);
  await node.put('a', 1);
  await node.put('b', 1);
  const { sink, watcher } = await opened(node);
  assert.is(watcher.standing.kind, 'live');
  await node.put('c', 1);
  node.pauses.end();
  for (const one of [sink, first.sink])
    assert.equal(told(one), [
      ['put', 'a'],
      ['put', 'b'],
      ['put', 'c'],
    ]);
});

hubs('a bookmark covers no event that is still to be told', async () => {
  const node = await slowNode();
  const { sink } = await opened(node);
  const { sink: other } = await opened(node, { prefix: 'other' });
  await node.put('a', 1);
  await node.put('b', 1);
  for (let tick = 0; tick < SILENT_TICKS; tick++) node.hub.tick();
  assert.is(sink.events.at(-1)?.key, 'a');
  assert.is(other.events.at(-1)?.type, 'bookmark');
  node.pauses.end();
  assert.is(sink.events.at(-1)?.key, 'b');
});

hubs('more events than it keeps do not wait for the end of a pause', async () => {
  const node = await slowNode({ limits: { maxRecentEvents: 4 } });
  const { sink } = await opened(node);
  for (const key of ['a', 'b', 'c', 'd']) await node.put(key, 1);
  assert.is(told(sink).length, 1);
  await node.put('e', 1);
  assert.is(told(sink).length, 5);
});

hubs('events are kept while somebody is behind, and no longer', async () => {
  const node = await TestNode.start('node1', { limits: { maxWatcherBufferBytes: 1 } });
  const { sink, watcher } = await opened(node);
  const { sink: fast } = await opened(node);
  const put = async (events: number): Promise<number> => {
    for (let event = 0; event < events; event++) await node.put(`key${event}`, event);
    return node.hub.timeline.size;
  };
  assert.ok((await put(200)) < 100);
  sink.stall();
  assert.ok((await put(200)) >= 199);
  sink.drain();
  node.hub.drained(watcher);
  for (let turns = 0; turns < 5; turns++) await settled();
  assert.is(watcher.standing.kind, 'live');
  assert.ok((await put(200)) < 100);
  for (const one of [sink, fast])
    assert.is(told(one).filter(([type]) => type === 'put').length, 600);
});

hubs('the events of a pause are told before the hub stops', async () => {
  const node = await slowNode();
  const { sink } = await opened(node);
  await node.put('a', 1);
  await node.put('b', 1);
  node.hub.stop();
  assert.equal(told(sink).at(-1), ['put', 'b']);
  assert.is(sink.ended, 'stopping');
});

hubs.run();
