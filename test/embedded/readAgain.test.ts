/** Values of an embedded node that are read again, and so are kept ready. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient } from '../../src/client/index.ts';
import { type GivenSettings, type RunningNode, StoppedError, startNode } from '../../src/index.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const LIMIT_MS = 20_000;

const again = suite('values that are read again');

again(
  'a key that is read again and again shows each change of it, by whoever made it',
  async () => {
    await withNode({}, async (node) => {
      const client = createClient({ endpoints: [node.url] });
      const read = () => {
        const [one, other] = [node.get<{ n: number }>('a'), node.get<{ n: number }>('a')];
        assert.equal(one, other);
        // A value belongs to its caller: what this one does to it, the next does not see.
        if (one !== undefined) one.value.n = -1;
        return other?.value.n;
      };
      await node.put('a', { n: 1 });
      assert.equal([read(), read()], [1, 1]);
      await node.put('a', { n: 2 });
      assert.equal([read(), read()], [2, 2]);
      await client.put('a', { n: 3 });
      assert.equal([read(), read()], [3, 3]);
      assert.is(node.get('a')?.expiresAt, null);
      const touched = await node.touch('a', 60_000);
      assert.equal(node.get('a')?.expiresAt, touched?.expiresAt);
      assert.is(read(), 3);
      await node.delete('a');
      assert.is(read(), undefined);
      await node.put('a', { n: 4 }, { ttlMs: 50 });
      await waitFor(() => read() === undefined, LIMIT_MS, 'its expiry');
      await node.put('a', { n: 5 });
      assert.equal([read(), read()], [5, 5]);
    });
  },
);

again('a value that is kept ready is not given while the node may not be read', async () => {
  await withNode({}, async (node) => {
    await node.put('a', 1);
    assert.equal([node.get('a')?.value, node.get('a')?.value], [1, 1]);
    await node.close();
    assert.throws(() => node.get('a'), isStopped);
  });
});

again('values that were read take no more than maxReadValueBytes', async () => {
  const maxReadValueBytes = 32_768;
  await withNode({ durability: 'normal', limits: { maxReadValueBytes } }, async (node) => {
    const names = Array.from({ length: 300 }, (_, index) => `key${index}`);
    await Promise.all(names.map((name) => node.put(name, { name })));
    for (let round = 0; round < 20; round++)
      for (const name of names) assert.equal(node.get(name)?.value, { name });
    const bytes = await metricOf(node, 'hearsay_read_value_bytes');
    assert.ok(bytes > 0.9 * maxReadValueBytes && bytes <= maxReadValueBytes, `${bytes}`);
  });
});

again('with maxMemory no value is in memory twice', async () => {
  await withNode({ maxMemory: 4 * 1024 * 1024 }, async (node) => {
    await node.put('a', 1);
    for (let round = 0; round < 3; round++) assert.is(node.get('a')?.value, 1);
    assert.is(await metricOf(node, 'hearsay_read_value_bytes'), 0);
    assert.ok((await metricOf(node, 'hearsay_value_hits_total')) >= 3);
  });
});

again('a read of a value that is kept ready counts as one from memory', async () => {
  await withNode({}, async (node) => {
    await node.put('a', 1);
    for (let round = 0; round < 5; round++) node.get('a');
    assert.is(await metricOf(node, 'hearsay_value_hits_total'), 5);
    assert.ok((await metricOf(node, 'hearsay_read_value_bytes')) > 0);
  });
});

again.run();

async function metricOf(node: RunningNode, name: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

async function withNode(
  settings: GivenSettings,
  run: (node: RunningNode) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  await using node = await startNode({ port: 0, ...settings, dataDir: directory.path });
  await node.ready;
  await run(node);
}

const isStopped = (error: unknown): boolean => error instanceof StoppedError;
