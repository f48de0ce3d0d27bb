/** Tokens and acks between real nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../../scripts/patience.ts';
import { type NodeProcess, startCluster, type TestCluster } from '../../support/nodes.ts';

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

acks(
  'acks come without a pull, a token reads everywhere, and a node that hangs is missed',
  async () => {
    // Nothing below waits for the next pull.
    await using cluster = await startCluster({ environment: { PULL_INTERVAL: '60s' } });
    await comeAtOnce(cluster);
    await tokensRead(cluster);
    await missHanging(cluster);
  },
);

acks.run();

async function comeAtOnce({ nodes }: TestCluster): Promise<void> {
  for (const [index, node] of nodes.entries())
    for (let count = 0; count < 20; count++) {
      const { acks: held } = await put(node, `k${index}-${count}`, 'acks=3&timeout_ms=10000');
      assert.is(held, 3);
    }
}

async function tokensRead(cluster: TestCluster): Promise<void> {
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
}

/** The answer comes in time, with the acks of the others. */
async function missHanging(cluster: TestCluster): Promise<void> {
  const [first, second, third] = [cluster.node(0), cluster.node(1), cluster.node(2)];
  await third.kill('SIGSTOP');
  const timeoutMs = Math.round(300 * patience());
  const { acks: held } = await put(first, 'a', `acks=3&timeout_ms=${timeoutMs}`);
  assert.is(held, 2);
  assert.is((await put(first, 'b', 'acks=2&timeout_ms=10000')).acks, 2);
  await third.kill('SIGCONT');
  assert.is((await put(second, 'c', 'acks=3&timeout_ms=20000')).acks, 3);
}
