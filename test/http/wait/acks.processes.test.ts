/** Tokens and acks between real nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeProcess, startCluster } from '../../support/nodes.ts';

const acks = suite('acks and tokens between nodes');

interface Stored {
  readonly token: string;
  readonly acks?: number;
}

async function put(node: NodeProcess, key: string, query: string): Promise<Stored> {
  const response = await node.request(`/cache/${key}?${query}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ value: key, version: 'next' }),
  });
  assert.is(response.status, 200);
  return (await response.json()) as Stored;
}

acks('come as soon as the others have committed, not with the next pull', async () => {
  await using cluster = await startCluster({ environment: { PULL_INTERVAL: '60s' } });
  for (const [index, node] of cluster.nodes.entries())
    for (let count = 0; count < 20; count++) {
      const { acks: held } = await put(node, `k${index}-${count}`, 'acks=3&timeout_ms=10000');
      assert.is(held, 3);
    }
});

acks('of a node that hangs are missing, and the answer comes in time', async () => {
  await using cluster = await startCluster({});
  const [first, second, third] = [cluster.node(0), cluster.node(1), cluster.node(2)];
  await third.kill('SIGSTOP');
  const { acks: held } = await put(first, 'a', 'acks=3&timeout_ms=300');
  assert.is(held, 2);
  assert.is((await put(first, 'b', 'acks=2&timeout_ms=10000')).acks, 2);
  await third.kill('SIGCONT');
  assert.is((await put(second, 'c', 'acks=3&timeout_ms=20000')).acks, 3);
});

acks('a token reads a write on every node at once', async () => {
  await using cluster = await startCluster({});
  for (let count = 0; count < 50; count++) {
    const writer = cluster.node(count % 3);
    const { token } = await put(writer, `k${count}`, '');
    for (const node of cluster.nodes) {
      const headers = { 'Hearsay-After': token };
      const response = await node.request(`/cache/k${count}`, { headers });
      assert.is(response.status, 200, `${node.nodeId} reads k${count}`);
      await response.arrayBuffer();
    }
  }
});

acks.run();
