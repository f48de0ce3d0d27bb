/** Reading forward for watchers that are not at the end. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCursor } from '../../../src/words/cursor.ts';
import { closeOrigin } from '../../support/closings.ts';
import { putting, turn } from '../../support/replicas.ts';
import { FakeSink, type WatchOptions, watchRequest } from './fakeSink.ts';
import { MAX_CLOCK_SKEW_MS, settled, TestNode } from './nodes.ts';

const reads = suite('reading forward');

function openedNow({ hub }: TestNode, request: WatchOptions = {}) {
  const sink = new FakeSink();
  const watcher = hub.open(watchRequest(request), sink);
  sink.onDrain = () => hub.drained(watcher);
  return { sink, watcher };
}

async function opened(node: TestNode, request: WatchOptions = {}) {
  const one = openedNow(node, request);
  for (let turns = 0; turns < 5; turns++) await settled();
  return one;
}

const told = ({ events }: FakeSink): string[] =>
  events.map(({ type, key }) => (key === undefined ? type : `${type} ${key}`));

/** From now on pages of rows wait. @returns what lets them go on. */
function holdRows({ replica: { log } }: TestNode): () => void {
  const rowsAfter = log.rowsAfter.bind(log);
  const { promise, resolve } = Promise.withResolvers<void>();
  log.rowsAfter = async (lsn, limit) => {
    await promise;
    return rowsAfter(lsn, limit);
  };
  return resolve;
}

reads('one that is reset or goes while its page is read makes nothing of that page', async () => {
  for (const goes of [false, true]) {
    const clock = { nowMs: 1_000_000 };
    const node = await TestNode.start('node1', { clock, limits: { maxRecentOps: 1 } });
    await node.put('a', 1);
    const { sink: first, watcher: gone } = await opened(node, { withState: true });
    const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
    node.hub.remove(gone);
    for (const version of [2, 3]) await node.put('a', version);
    await node.put('b', 1);
    const goOn = holdRows(node);
    const { sink, watcher } = await opened(node, { cursor });
    if (goes) node.hub.remove(watcher);
    clock.nowMs -= MAX_CLOCK_SKEW_MS + 2;
    node.hub.sweep();
    const { resets } = node.hub;
    clock.nowMs += MAX_CLOCK_SKEW_MS + 2;
    await node.collect([]);
    await node.compact();
    assert.ok((node.replica.reach().get(node.replica.origin) ?? 0) > 2);
    goOn();
    for (let turns = 0; turns < 5; turns++) await settled();
    assert.equal([node.hub.resets, resets], goes ? [0, 0] : [1, 1]);
    assert.equal(told(sink), goes ? [] : ['reset', 'put a', 'put b', 'synced']);
  }
});

reads('one that waits for an op which is not told yet looks once, when it is told', async () => {
  let left = 0;
  for (let turns = 0; turns < 20; turns++) {
    let deferred = 0;
    const node = await TestNode.start('node1', {
      limits: { maxWatcherBufferBytes: 1 },
      onDefer: () => deferred++,
    });
    const { sink, watcher } = await opened(node);
    sink.stall();
    for (const key of ['a', 'b']) await node.put(key, 1);
    await turn();
    assert.is(watcher.standing.kind, 'behind');
    const committed = node.put('b', 2);
    for (let one = 0; one < turns; one++) await Promise.resolve();
    sink.drain();
    node.hub.drained(watcher);
    await committed;
    for (let one = 0; one < 5; one++) await settled();
    const isLeftOut = watcher.leftOut > 0;
    if (isLeftOut) left++;
    assert.equal(
      told(sink),
      isLeftOut ? ['synced', 'put a', 'put b'] : ['synced', 'put a', 'put b', 'put b'],
    );
    assert.is(deferred, 0, `after ${turns} turns`);
  }
  assert.ok(left > 0);
});

reads(
  'the state tells values that only the log has, and reads none where no values are wanted',
  async () => {
    const node = await TestNode.start('node1', { maxMemory: 80_000 });
    const keys = Array.from({ length: 100 }, (_unused, index) => `key${100 + index}`);
    for (const key of keys) await node.put(key, key.repeat(200));
    const { coldSize } = node.replica.map;
    assert.ok(coldSize > 10, `${coldSize}`);
    const bare = await opened(node, { withState: true, withValues: false });
    assert.equal(told(bare.sink), [...keys.map((key) => `put ${key}`), 'synced']);
    assert.is(node.replica.coldRows.reads, 0);
    const { sink } = openedNow(node, { withState: true });
    for (let turns = 0; turns < 100 && !sink.types.includes('synced'); turns++) await settled();
    assert.equal(
      sink.events.map(({ value }) => value),
      [...keys.map((key) => key.repeat(200)), undefined],
    );
    assert.is(node.replica.coldRows.reads, coldSize);
  },
);

reads('values are read for some 256 KiB at a time, whatever lies between', async () => {
  const limits = { maxWatcherBufferBytes: 1 };
  const node = await TestNode.start('node1', { maxMemory: 120_000, limits });
  for (let index = 0; index < 60; index++)
    await node.put(`key${100 + index}`, 'v'.repeat(index % 2 === 0 ? 16_376 : 1));
  const { coldSize } = node.replica.map;
  assert.ok(coldSize >= 22 && coldSize <= 30, `${coldSize}`);
  const sink = new FakeSink();
  sink.stall();
  node.hub.open(watchRequest({ withState: true }), sink);
  for (let turns = 0; turns < 10; turns++) await settled();
  assert.is(sink.writes, 1);
  assert.is(node.replica.coldRows.reads, 16);
});

reads(
  'a cursor holds the front of a long key, and never half of a pair of surrogates',
  async () => {
    const node = await TestNode.start('node1');
    const long = (length: number): string => `${length}`.padEnd(length, 'x');
    const keys = [long(2048), long(2049), `${long(2047)}😀`, `${long(2046)}😀x`];
    for (const key of keys) await node.put(key, 1);
    const { sink } = await opened(node, { withState: true });
    const afterOf = new Map(
      sink.events.map(({ key, cursor }) => [key, decodeCursor(cursor).state?.after]),
    );
    assert.equal(
      keys.map((key) => afterOf.get(key)),
      [long(2048), long(2049).slice(0, -1), long(2047), `${long(2046)}😀`],
    );
  },
);

reads('one is in step only once its socket has taken all', async () => {
  const clock = { nowMs: 1_000_000 };
  const node = await TestNode.start('node1', { clock, limits: { maxWatcherBufferBytes: 1 } });
  for (const key of ['a', 'b', 'c']) await node.put(key, 1, { ttlMs: 10 });
  const { sink: first } = openedNow(node, { withState: true });
  for (let turns = 0; turns < 20; turns++) await settled();
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  clock.nowMs += 20;
  node.hub.sweep();
  const sink = new FakeSink();
  sink.stall();
  const watcher = node.hub.open(watchRequest({ cursor }), sink);
  for (let turns = 0; turns < 20; turns++) {
    await settled();
    assert.ok(sink.writes <= turns + 2, 'one at a time');
    if (sink.drain()) {
      sink.stall();
      node.hub.drained(watcher);
    }
  }
  assert.equal(told(sink), ['expire a', 'expire b', 'expire c', 'synced']);
});

reads('one that lacks compacted rows is told nothing before its reset', async () => {
  for (const isClosed of [false, true]) {
    const node = await TestNode.start('node1');
    const other = await TestNode.start('node2');
    const { sink: first } = await opened(node);
    const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
    const [of, beside] = isClosed ? [other, node] : [node, other];
    await beside.put('first', 1);
    if (!isClosed) await node.pull(other);
    for (const version of [1, 2]) await of.put('a', version);
    if (isClosed) {
      await node.pull(other);
      await node.replica.membership.retire('node2.aaaaaa');
      await closeOrigin(node.replica, 'node2.aaaaaa', 2);
    }
    await node.put('last', 1);
    const stable = { vector: node.replica.wholeVector(), clock: node.replica.nowMs() };
    await node.replica.forgetting.collect(stable, 100);
    await node.compact();
    assert.ok(node.replica.record(of.replica.origin).reach > 0);
    const { sink } = await opened(node, { cursor });
    assert.equal(told(sink), ['reset', 'put a', 'put first', 'put last', 'synced']);
  }
});

reads('only events of its keys that a later one has followed count as left out', async () => {
  const node = await TestNode.start('node1');
  const other = await TestNode.start('node2');
  await other.put('k1', 'less', { version: 1 });
  const { sink: first } = await opened(node);
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  for (const key of ['k1', 'k2', 'other']) for (const _ of [1, 2]) await node.put(key, 1);
  await node.pull(other);
  await node.replica.membership.admit('node2.aaaaaa', '{}');
  const { sink, watcher } = await opened(node, { cursor, prefix: 'k' });
  assert.equal([told(sink), watcher.leftOut], [['put k1', 'put k2', 'synced'], 2]);
  assert.is(watcher.standing.kind, 'live', 'nothing is left that it would wait for');
});

reads('whoever was away is told each of many expiries, however few a sweep takes', async () => {
  const clock = { nowMs: 1_000_000 };
  const limits = { maxWatcherBufferBytes: 100_000_000 };
  const node = await TestNode.start('node1', { clock, limits });
  const keys = Array.from({ length: 3500 }, (_unused, index) => `key${1000 + index}`);
  await node.replica.submit(keys.map((key, index) => putting(key, { ttlMs: 1 + index })));
  const { sink: first, watcher } = await opened(node);
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  node.hub.remove(watcher);
  clock.nowMs += 10_000;
  const { sink } = openedNow(node, { cursor });
  for (let turns = 0; turns < 100 && !sink.types.includes('synced'); turns++) await settled();
  node.hub.sweep();
  await settled();
  assert.equal(told(sink).sort(), [...keys.map((key) => `expire ${key}`), 'synced']);
});

reads(
  'one that was away is told a DELETE once, with its version, also when the node has collected it',
  async () => {
    const node = await TestNode.start('node1');
    const other = await TestNode.start('node2');
    const { sink: first } = await opened(node);
    const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
    await other.put('named', 1, { version: 5, ttlMs: 60_000 });
    await node.pull(other);
    await node.put('whole', 1);
    await node.delete('whole');
    await node.delete('named', 7);
    const before = await opened(node, { cursor });
    const stable = { vector: node.replica.wholeVector(), clock: node.replica.nowMs() };
    await node.replica.forgetting.collect(stable, 100);
    assert.is(node.replica.map.size, 0);
    const after = await opened(node, { cursor });
    for (const { sink } of [before, after])
      assert.equal(
        sink.events.map(({ type, key, version }) => [type, key, version]),
        [
          ['delete', 'whole', Number.MAX_SAFE_INTEGER],
          ['delete', 'named', 7],
          ['synced', undefined, undefined],
        ],
      );
  },
);

reads('one that was away is told what was collected while all clocks stood higher', async () => {
  const clock = { nowMs: 1_000_000 };
  const node = await TestNode.start('node1', { clock });
  const { sink: first } = await opened(node);
  const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
  await node.put('a', 1, { ttlMs: MAX_CLOCK_SKEW_MS / 2 });
  clock.nowMs += MAX_CLOCK_SKEW_MS;
  node.hub.sweep();
  await node.collect([]);
  assert.is(node.replica.map.size, 0);
  clock.nowMs -= MAX_CLOCK_SKEW_MS;
  const { sink } = await opened(node, { cursor });
  assert.equal(told(sink), ['delete a', 'synced']);
});

reads(
  'a row that is in the log before its commit is folded is told once, after the fold',
  async () => {
    const node = await TestNode.start('node1', { limits: { maxRecentOps: 1 } });
    const { sink: first } = await opened(node);
    const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
    for (const version of [1, 2, 3]) await node.put('a', version);
    const { log } = node.replica;
    const append = log.append.bind(log);
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    log.append = async (commit) => {
      await append(commit);
      await promise;
    };
    const committed = node.put('a', 4);
    const { sink } = await opened(node, { cursor });
    assert.equal(told(sink), ['put a', 'synced']);
    goOn();
    await committed;
    for (let turns = 0; turns < 5; turns++) await settled();
    assert.equal(told(sink), ['put a', 'synced', 'put a']);
  },
);

reads('a row that goes while its page is read is mended by a reset', async () => {
  for (const [gone, before] of [
    ['b', ['put a', 'put of another']],
    ['of another', ['put a', 'put b', 'put c', 'synced']],
  ] as const) {
    const node = await TestNode.start('node1', { limits: { maxRecentOps: 1 } });
    const other = await TestNode.start('node2');
    const { sink: first } = await opened(node);
    const cursor = decodeCursor(first.events.at(-1)?.cursor ?? '');
    await other.put('of another', 1);
    for (const key of ['a', 'b']) await node.put(key, 1);
    await node.pull(other);
    await node.put('c', 1);
    const { log } = node.replica;
    const rowsAfter = log.rowsAfter.bind(log);
    log.rowsAfter = async (lsn, limit) =>
      (await rowsAfter(lsn, limit)).filter(({ op }) => op.key !== gone);
    const { sink } = await opened(node, { cursor });
    const state = ['put a', 'put b', 'put c', 'put of another', 'synced'];
    assert.equal(told(sink), [...before, 'reset', ...state]);
    assert.is(sink.ended, null);
  }
});

reads('an error of a socket ends its watch, and no other', async () => {
  const node = await TestNode.start('node1');
  await node.put('a', 1);
  const sink = new FakeSink(({ type }) => {
    if (type === 'put') throw new Error('the socket is broken');
  });
  node.hub.open(watchRequest({ withState: true }), sink);
  const { sink: other } = await opened(node, { withState: true });
  assert.equal([sink.ended, node.hub.size, node.hub.resets], ['failed', 1, 0]);
  assert.equal(told(other), ['put a', 'synced']);
});

reads.run();
