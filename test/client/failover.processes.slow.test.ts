/** The client and three real nodes, of which some are killed while it is used. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient, type HearsayClient, type WatchEvent } from '../../src/client/index.ts';
import { startCluster, type TestCluster, waitForConvergence } from '../support/nodes.ts';
import { until } from './support.ts';

const nodes = suite('client and nodes');

const urlsOf = (cluster: TestCluster): string[] => cluster.nodes.map(({ url }) => url);

/** The events of a watcher, folded. */
class Mirror {
  readonly values = new Map<string, unknown>();
  /** The versions of each key, in the order in which they were told. */
  readonly versions = new Map<string, number[]>();
  syncs = 0;

  take(event: WatchEvent): void {
    if (event.type === 'put') {
      this.values.set(event.key, event.value);
      this.versions.set(event.key, [...(this.versions.get(event.key) ?? []), event.version]);
    } else if (event.type === 'delete' || event.type === 'expire') this.values.delete(event.key);
    else if (event.type === 'reset') this.values.clear();
    else if (event.type === 'synced') this.syncs++;
  }
}

async function contents(client: HearsayClient): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for await (const { key, value } of client.list()) found.set(key, value);
  return found;
}

const sorted = (map: ReadonlyMap<string, unknown>): [string, unknown][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

nodes('a watch and a mirror go on while the nodes that they hang on are killed', async () => {
  await using cluster = await startCluster();
  const endpoints = urlsOf(cluster);
  await using writer = createClient({ endpoints: endpoints.slice(1) });
  await using reader = createClient({ endpoints });
  await writer.put('w/before', 'here');

  const mirror = new Mirror();
  const connected: string[] = [];
  await using events = reader.watch({
    prefix: 'w/',
    initial: true,
    onConnection: ({ isConnected, endpoint }) => isConnected && connected.push(endpoint),
  });
  const watching = (async () => {
    for await (const event of events) mirror.take(event);
  })();
  await using copy = reader.mirror<number | string>('w/');
  await copy.synced;
  await until(() => mirror.syncs > 0, 'the watch has caught up');

  const write = async (round: number): Promise<void> => {
    for (let index = 0; index < 40; index++) {
      const puts = Array.from({ length: 5 }, (_, key) =>
        writer.put(`w/${key}`, round * 100 + index),
      );
      await Promise.all(puts);
      if (index % 10 === 5) await writer.delete('w/0');
    }
  };
  await write(1);
  await cluster.node(0).kill('SIGKILL');
  await write(2);
  await cluster.node(0).start();
  await cluster.node(1).kill('SIGKILL');
  await write(3);
  await cluster.node(1).start();
  await writer.delete('w/before');
  await writer.put('w/last', 'end');

  await waitForConvergence(cluster.nodes, 20_000);
  await until(() => mirror.values.get('w/last') === 'end', 'the watch has seen the end');
  await until(() => copy.get('w/last')?.value === 'end', 'the mirror has seen the end');
  const expected = sorted(await contents(reader));
  assert.is(expected.length, 6);
  assert.equal(sorted(mirror.values), expected);
  assert.equal(sorted(new Map([...copy].map(({ key, value }) => [key, value]))), expected);
  assert.ok(connected.length >= 2, connected.join());
  // In order and none twice: the versions of a key that was never deleted only rise.
  for (const key of ['w/1', 'w/2', 'w/3', 'w/4']) {
    const versions = mirror.versions.get(key) ?? [];
    assert.equal(
      versions,
      [...new Set(versions)].sort((a, b) => a - b),
    );
  }
  await events.return();
  await watching;
});

nodes('a cursor goes on, what was written is read, and acks are true at every node', async () => {
  await using cluster = await startCluster();
  await cursorGoesOn(cluster);
  await putWaitsForAll(cluster);
  await writesAreRead(cluster);
});

async function cursorGoesOn(cluster: TestCluster): Promise<void> {
  const [first = '', second = ''] = urlsOf(cluster);
  await using one = createClient({ endpoints: [first] });
  await using two = createClient({ endpoints: [second] });
  let cursor = '';
  const written = (async () => {
    for await (const event of one.watch({ prefix: 'c/' })) {
      cursor = event.cursor;
      if ('key' in event) return event.key;
      if (event.type === 'synced') await one.put('c/1', 1);
    }
    return '';
  })();
  assert.is(await written, 'c/1');
  await one.put('c/2', new Date(2));
  for await (const event of two.watch({ prefix: 'c/', cursor })) {
    if (!('key' in event)) continue;
    assert.is(event.key, 'c/2');
    assert.equal(event.type === 'put' && event.value, new Date(2));
    break;
  }
}

/** Kills the first node at its end. */
async function writesAreRead(cluster: TestCluster): Promise<void> {
  const [first = '', second = '', third = ''] = urlsOf(cluster);
  await using one = createClient({ endpoints: [first] });
  await using two = createClient({ endpoints: [second] });
  for (let index = 1; index <= 100; index++) {
    const { token } = await one.put('r/1', index);
    const [entry, again] = await Promise.all([
      two.get('r/1', { after: token }),
      two.get('r/1', { after: token }),
    ]);
    assert.is(entry?.value, index);
    assert.is(again?.value, index);
  }
  await using three = createClient({ endpoints: [third], ...(one.token && { after: one.token }) });
  assert.is((await three.get('r/1'))?.value, 100);

  await using own = createClient({ endpoints: [first, second], readYourWrites: true });
  await own.put('r/2', 'mine');
  await waitForConvergence(cluster.nodes, 20_000);
  await cluster.node(0).kill('SIGKILL');
  assert.is((await own.get('r/2'))?.value, 'mine');
}

async function putWaitsForAll(cluster: TestCluster): Promise<void> {
  await using client = createClient({ endpoints: urlsOf(cluster) });
  for (let index = 1; index <= 20; index++) {
    const { acks } = await client.put('k', index, { acks: 3, acksTimeoutMs: 10_000 });
    assert.is(acks, 3);
    for (const node of cluster.nodes) {
      const body = (await (await node.get('k')).json()) as { value: number };
      assert.is(body.value, index);
    }
  }
}

nodes.run();
