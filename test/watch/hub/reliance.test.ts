/** With `durability=normal` a cursor names the ops for whose sake something was not told. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCursor } from '../../../src/words/cursor.ts';
import { seqOf } from '../../../src/words/vector.ts';
import { FakeSink, type WatchOptions, watchRequest } from './fakeSink.ts';
import { type NodeOptions, settled, TestNode } from './nodes.ts';

const reliance = suite('what a cursor relies on');

async function opened({ hub }: TestNode, request: WatchOptions = {}) {
  const sink = new FakeSink();
  const watcher = hub.open(watchRequest(request), sink);
  sink.onDrain = () => hub.drained(watcher);
  for (let turns = 0; turns < 5; turns++) await settled();
  return { sink, watcher };
}

const start = (options: NodeOptions = {}): Promise<TestNode> =>
  TestNode.start('node1', { durability: 'normal', ...options });

/** Of each event: type and key, the seq of the node's own that its cursor covers, and the one that it relies on. */
const told = ({ events }: FakeSink, { replica: { origin } }: TestNode) =>
  events.map(({ type, key = '', cursor }) => {
    const { vector, relies = new Map() } = decodeCursor(cursor);
    return `${type} ${key} ${seqOf(vector, origin)} ${seqOf(relies, origin)}`;
  });

/** The first op is the node's own `join`. */
async function putAndDelete(node: TestNode): Promise<void> {
  await node.put('a', 1);
  await node.put('b', 1);
  await node.delete('a');
  await node.put('c', 1);
}

const START = { withState: false };

reliance('a watcher that reads the log, until it has read all', async () => {
  const node = await start();
  const { sink: before } = await opened(node, START);
  const cursor = decodeCursor(before.events[0]?.cursor ?? '');
  await putAndDelete(node);
  const { sink } = await opened(node, { cursor });
  assert.equal(told(sink, node), ['put b 3 5', 'delete a 4 5', 'put c 5 0', 'synced  5 0']);
});

reliance('with durability=full, nothing', async () => {
  const node = await start({ durability: 'full' });
  const { sink: before } = await opened(node, START);
  const cursor = decodeCursor(before.events[0]?.cursor ?? '');
  await putAndDelete(node);
  const { sink } = await opened(node, { cursor });
  assert.equal(told(sink, node), ['put b 3 0', 'delete a 4 0', 'put c 5 0', 'synced  5 0']);
});

reliance('a watcher whose socket was full, once it was not told something', async () => {
  const node = await start({ limits: { maxWatcherBufferBytes: 1 } });
  const { sink, watcher } = await opened(node, START);
  sink.stall();
  await node.put('first', 1);
  await node.put('second', 1);
  await putAndDelete(node);
  assert.is(watcher.standing.kind, 'behind');
  sink.drain();
  node.hub.drained(watcher);
  for (let turns = 0; turns < 20; turns++) await settled();
  assert.equal(told(sink, node), [
    'synced  1 0',
    'put first 2 0',
    'put second 3 0',
    'put b 5 7',
    'delete a 6 7',
    'put c 7 0',
  ]);
});

reliance('a watcher at the end, between the rows of one commit', async () => {
  const node = await start();
  const { sink } = await opened(node, START);
  await node.replica.submit([
    { kind: 'put', key: 'a', version: 1, ttlMs: null, value: '1', meta: null },
    { kind: 'put', key: 'b', version: 1, ttlMs: null, value: '1', meta: null },
    { kind: 'delete', key: 'a', upToVersion: null },
  ]);
  await settled();
  assert.equal(told(sink, node), ['synced  1 0', 'put b 3 4', 'delete a 4 0']);
});

reliance('the state, which shows no key that was deleted since it began', async () => {
  const node = await start({
    pages: { rows: 1, entries: 1 },
    limits: { maxWatcherBufferBytes: 1 },
  });
  for (const key of ['a', 'b', 'c']) await node.put(key, 1);
  const sink = new FakeSink();
  sink.stall();
  const watcher = node.hub.open(watchRequest({ withState: true }), sink);
  sink.onDrain = () => node.hub.drained(watcher);
  for (let turns = 0; turns < 5; turns++) await settled();
  await node.delete('b');
  sink.drain();
  node.hub.drained(watcher);
  for (let turns = 0; turns < 20; turns++) await settled();
  const events = told(sink, node);
  assert.is(events[0], 'put a 4 0');
  assert.ok(events.includes('put c 4 5') || events.includes('put c 5 0'), events.join(', '));
  assert.is(events.at(-1), 'synced  5 0');
});

reliance.run();
