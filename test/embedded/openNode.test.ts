/** A member of the cluster in the program's own process: with no port, with one for peers alone, and its watches. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient } from '../../src/client/index.ts';
import { FORMAT_COUNT, formatFor } from '../../src/http/watch/formats.ts';
import {
  type GivenSettings,
  InvalidRequestError,
  type NodeEvents,
  type OpenNode,
  openNode,
  SettingError,
  StoppedError,
  type WatchEvent,
} from '../../src/index.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const LIMIT_MS = 20_000;

const open = suite('openNode');

const servers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;

open('a node alone listens nowhere, and reads and writes', async () => {
  const before = servers();
  await withOpen({}, async (node) => {
    assert.is(servers(), before);
    assert.is(node.url, null);
    assert.is(node.peerUrl, null);
    await node.put('a', { since: new Date(0) });
    assert.equal(node.get('a')?.value, { since: new Date(0) });
    assert.is((await node.touch('a', 60_000))?.version, 1);
    assert.is((await node.delete('a')).existed, true);
    assert.equal([...node.list()], []);
  });
});

open('with a port it serves REST there', async () => {
  const port = await freePorts(1);
  await withOpen({ port }, async (node) => {
    assert.is(node.url, `http://127.0.0.1:${port}`);
    await using client = createClient({ endpoints: [node.url ?? ''] });
    await client.put('a', 1);
    assert.is(node.get('a')?.value, 1);
    // Watches of the program and of clients have the same events, each in its own form.
    const [own, clients] = [node.watch(), client.watch()];
    assert.is((await clients.next()).value?.type, 'synced');
    assert.is((await take(own)).type, 'synced');
    await node.put('b', 2);
    assert.equal((await clients.next()).value, await take(own));
    await Promise.all([own.close(), clients.close()]);
  });
});

open(
  'a node with peers needs a port for them, and is told so before anything is written',
  async () => {
    for (const settings of [{ nodes: ['http://127.0.0.1:9'] }, { url: 'http://127.0.0.1:9' }]) {
      const error = await errorOf(openNode(settings));
      assert.instance(error, SettingError);
      assert.match(error.message, /peerPort/);
    }
    const wrong: (settings: unknown) => Promise<OpenNode> = openNode as never;
    assert.instance(await errorOf(wrong(null)), SettingError);
    assert.instance(await errorOf(wrong({ peerPrt: 5 })), SettingError);
    // Off loopback the nodes of a cluster must share a secret, here too.
    assert.instance(await errorOf(openNode({ host: '0.0.0.0', peerPort: 1 })), SettingError);
  },
);

open('nodes with a port for peers alone are a cluster, and serve no client', async () => {
  await withPair(async ([left, right]) => {
    assert.is(left.url, null);
    await left.put('a', { n: 1 });
    await waitFor(() => right.get('a') !== undefined, LIMIT_MS, 'the write at the other node');
    assert.equal(right.get('a'), left.get('a'));
    const answer = await fetch(`${left.peerUrl}/cache/a`);
    assert.is(answer.status, 404);
    assert.match(await answer.text(), /for nodes alone/);

    // A cursor of one node goes on at the other, and misses nothing.
    const events = left.watch({ prefix: 'k/' });
    assert.is((await take(events)).type, 'synced');
    await left.put('k/1', 1);
    const first = await take(events);
    assert.is(first.type === 'put' && first.value, 1);
    await events.close();
    await right.put('k/2', 2);
    await waitFor(() => left.get('k/2') !== undefined, LIMIT_MS, 'the write at the first node');
    const further = right.watch({ prefix: 'k/', cursor: first.cursor });
    const second = await take(further);
    assert.is(second.type === 'put' && second.key, 'k/2');
    await further.close();
  });
});

open(
  'a watch tells the state on demand, then each change, with values as a read gives them',
  async () => {
    await withOpen({}, async (node) => {
      await node.put('a', new Map([[1, 2n]]));
      await node.put('other', 1);
      const events = node.watch({ prefix: 'a', initial: true });
      const state = await take(events);
      assert.equal(state.type === 'put' && state.value, new Map([[1, 2n]]));
      assert.is((await take(events)).type, 'synced');
      await node.put('other', 2);
      await node.put('ab', 5, { ttlMs: 30 });
      const put = await take(events);
      assert.is(put.type === 'put' && put.key, 'ab');
      const expire = await take(events);
      assert.is(expire.type === 'expire' && expire.key, 'ab');
      await node.delete('a');
      assert.is((await take(events)).type, 'delete');
      // A read that waits ends with the watch.
      const waiting = events.next();
      await events.close();
      assert.equal(await waiting, { done: true, value: undefined });
      assert.equal(await events.next(), { done: true, value: undefined });
      const bare = node.watch({ initial: true, values: false });
      const without = await take(bare);
      assert.is(without.type === 'put' && without.value, undefined);
      await bare.close();
    });
  },
);

open('nothing is missed between the call of watch and the first event that is taken', async () => {
  await withOpen({}, async (node) => {
    const events = node.watch();
    await node.put('a', 1);
    const seen = [await take(events), await take(events)];
    assert.equal(seen.map(({ type }) => type).sort(), ['put', 'synced']);
    await events.close();
  });
});

open('a program that takes events slowly is told the last state of every key', async () => {
  const limits = { maxWatcherBufferBytes: 2048 };
  await withOpen({ limits }, async (node) => {
    const events = node.watch();
    for (let round = 0; round < 20; round++)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          node.put(`k${index}`, { round, pad: 'x'.repeat(50) }),
        ),
      );
    await node.put('last', true);
    const state = new Map<string, unknown>();
    let count = 0;
    for await (const event of events) {
      count++;
      if (event.type !== 'put') continue;
      state.set(event.key, event.value);
      if (event.key === 'last') break;
    }
    assert.is(state.size, 51);
    for (const [key, value] of state)
      if (key !== 'last') assert.is((value as { round: number }).round, 19, key);
    assert.ok(count < 1000, `${count} events: some were overtaken by later ones`);
    // The loop has ended the watch.
    assert.equal(await events.next(), { done: true, value: undefined });
  });
});

open('a watch ends with its signal, and with its node', async () => {
  const aborting = new AbortController();
  let last: NodeEvents | null = null;
  await withOpen({}, async (node) => {
    const events = node.watch({ signal: aborting.signal });
    assert.is((await take(events)).type, 'synced');
    const waiting = errorOf(events.next());
    aborting.abort(new Error('enough'));
    assert.is((await waiting).message, 'enough');
    assert.throws(
      () => node.watch({ prefix: 5 as never }),
      (error: unknown) => error instanceof InvalidRequestError,
    );
    assert.throws(
      () => node.watch({ prefx: '' } as never),
      (error: unknown) => error instanceof InvalidRequestError,
    );
    assert.instance(await errorOf(node.watch({ cursor: 'none' }).next()), InvalidRequestError);
    last = node.watch();
    assert.is((await take(last)).type, 'synced');
  });
  const ended: NodeEvents | null = last;
  assert.equal(await (ended as NodeEvents | null)?.next(), { done: true, value: undefined });
});

open('no format of events over HTTP shares the bytes of a watch in the process', () => {
  const indexes = (['socket', 'stream'] as const).flatMap((over) =>
    [true, false].flatMap((withValues) =>
      [true, false].map((withTouches) => formatFor(over, { withValues, withTouches }).index),
    ),
  );
  assert.is(new Set(indexes).size, FORMAT_COUNT);
  assert.is(Math.max(...indexes), FORMAT_COUNT - 1);
});

open('a closed node begins no watch', async () => {
  let closed: OpenNode | null = null;
  await withOpen({}, async (node) => {
    closed = node;
  });
  assert.throws(
    () => (closed as OpenNode | null)?.watch(),
    (error: unknown) => error instanceof StoppedError,
  );
});

open.run();

/** @returns the next event but bookmarks, which come on a slow machine. */
async function take(events: NodeEvents): Promise<WatchEvent> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) throw new Error('The watch has ended.');
    if (value.type !== 'bookmark') return value;
  }
}

async function withOpen(
  settings: GivenSettings,
  run: (node: OpenNode) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  await using node = await openNode({ dataDir: directory.path, ...settings });
  await node.ready;
  await run(node);
}

async function withPair(run: (nodes: readonly [OpenNode, OpenNode]) => Promise<void>) {
  await using directory = await temporaryDirectory();
  await using stack = new AsyncDisposableStack();
  const port = await freePorts(2);
  const nodes = [port, port + 1].map((peerPort) => `http://127.0.0.1:${peerPort}`);
  const start = async (index: number): Promise<OpenNode> =>
    stack.use(
      await openNode({
        nodeId: `node${index}`,
        nodes,
        peerPort: port + index,
        dataDir: join(directory.path, String(index)),
        pullIntervalMs: 50,
      }),
    );
  const pair = [await start(0), await start(1)] as const;
  await Promise.all(pair.map(({ ready }) => ready));
  await run(pair);
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It was expected to be rejected.');
}
