// time limit: 180 s
/** The upkeep of a cluster that takes its time: keys that die, waits for peers, restarts in turn. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patience } from '../../scripts/patience.ts';
import { type NodeProcess, startCluster } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';
import { findsDamage } from './damagedRow.ts';
import { healthOf, metric, sameMapWithin, waitForMetric } from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const upkeep = suite('slow upkeep of real clusters');

const LIMIT_MS = 15_000;

upkeep('dead keys leave every map within 10 s of their death', async () => {
  await using cluster = await startCluster();
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  await batch(first, puts(['alive'], 'alive', 1));
  const keys = range(3000).map((index) => `dies/${index}`);
  // Long enough to read 500 keys before they die.
  const ttl_ms = Math.round(3000 * patience());
  const mortal = (of: readonly string[]) =>
    of.map((key) => ({ op: 'put' as const, key, value: key, version: 1, ttl_ms }));
  for (let from = 0; from < keys.length; from += 1000) {
    const node = [first, second, third][from / 1000];
    if (node !== undefined) await batch(node, mortal(keys.slice(from, from + 1000)));
  }
  const lastDeathAt = performance.now() + ttl_ms;
  await sameMapWithin(3000, cluster.nodes);
  for (const key of keys.slice(0, 500)) assert.is((await third.get(key)).status, 200);
  await batch(
    second,
    keys.slice(0, 500).map((key) => ({ op: 'delete', key })),
  );
  const limitMs = lastDeathAt + 10_000 - performance.now();
  await waitForMetric(cluster.nodes, 'hearsay_map_entries', 1, limitMs);
  await waitForMetric(cluster.nodes, 'hearsay_map_dead_entries', 0, 1000);
  assert.is((await sameMapWithin(3000, cluster.nodes)).size, 1);
  // Any node can write a forgotten key again at once.
  assert.ok((await batch(third, puts(keys.slice(0, 10), 'again', 1))).every((is) => is === 200));
  assert.is((await sameMapWithin(3000, cluster.nodes)).size, 11);
});

upkeep(
  'a member that starts may write at once where peers answer, and after join-timeout where none does',
  async () => {
    const joinTimeoutMs = 3000;
    await using cluster = await startCluster({
      nodes: 2,
      // The second would wait for longer than any test for peers that do not answer.
      environmentOf: (index) => ({ JOIN_TIMEOUT: index === 0 ? `${joinTimeoutMs}ms` : '1h' }),
    });
    const [first, second] = cluster.nodes;
    assert.ok(first && second);
    await batch(first, puts(['key'], 'value', 1));
    await sameMapWithin(3000, cluster.nodes);
    await second.stop();
    await second.start('answers');
    await waitFor(async () => (await healthOf(second)).status === 'ok', LIMIT_MS, 'it may write');

    await Promise.all([first, second].map((node) => node.stop()));
    // The node's time begins in its process: from before its start none of it is missed, whatever the load.
    const startedAt = performance.now();
    await first.start('answers');
    const put = await first.put('key', { value: 'alone', version: 2 });
    if (put.status === 503) {
      assert.ok(Number(put.headers.get('Retry-After')) > 0);
      assert.is((await first.get('key')).status, 200);
      await waitFor(async () => (await healthOf(first)).status === 'ok', LIMIT_MS, 'it may write');
      assert.is((await first.put('key', { value: 'alone', version: 2 })).status, 200);
    } else assert.is(put.status, 200);
    const waitedMs = performance.now() - startedAt;
    assert.ok(waitedMs >= joinTimeoutMs, `it wrote after ${waitedMs} ms`);
    await second.start();
    assert.is((await sameMapWithin(5000, cluster.nodes)).get('key'), '2 "alone"');
  },
);

upkeep(
  'while three nodes restart in turn, every request to one that is up is answered',
  async () => {
    await using cluster = await startCluster();
    const inService = new Set<NodeProcess>(cluster.nodes);
    const failures: string[] = [];
    let answered = 0;
    let isOver = false;
    const clients = cluster.nodes.flatMap((node) => range(2).map((client) => ({ node, client })));
    const load = clients.map(async ({ node, client }) => {
      for (let count = 0; !isOver; count++) {
        if (!inService.has(node)) {
          await waitFor(() => isOver || inService.has(node), 60_000, `${node.nodeId} is back`);
          continue;
        }
        const key = `${node.nodeId}/${client}/${count % 50}`;
        try {
          const response =
            count % 2
              ? await node.get(key)
              : await node.put(key, { value: count, version: 'next' });
          await response.arrayBuffer();
          const isRight = response.status === 200 || (count % 2 === 1 && response.status === 404);
          if (!isRight) failures.push(`${node.nodeId} answers ${response.status}`);
          answered++;
        } catch (error) {
          failures.push(`${node.nodeId}: ${error} ${error instanceof Error ? error.cause : ''}`);
        }
      }
    });
    try {
      for (const node of cluster.nodes) {
        const before = answered;
        await waitFor(() => answered > before + 100, LIMIT_MS, 'requests are answered');
        inService.delete(node); // as a load balancer would; what it has sent must still be answered
        assert.is(await node.stop(), 0);
        await node.start();
        inService.add(node);
      }
    } finally {
      isOver = true;
      await Promise.all(load);
    }
    assert.equal(failures, []);
    await sameMapWithin(5000, cluster.nodes);
  },
);

upkeep(
  'a row that is missing in the log of a running node is found before it spreads, and nothing is lost',
  () => findsDamage(`DELETE FROM op WHERE key = 'key/7'`),
);

upkeep(
  'an entry that a map has lost is found, told in health and metrics, and comes back',
  async () => {
    await using cluster = await startScripted();
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    const keys = range(50).map((index) => `key/${index}`);
    await batch(first, puts(keys, 'kept', 3));
    const before = await sameMapWithin(3000, cluster.nodes);
    await second.order({ kind: 'dropEntry', key: 'key/7' });
    assert.is((await second.get('key/7')).status, 404);
    let told = false;
    await waitFor(
      async () => {
        const states = await Promise.all(cluster.nodes.map(healthOf));
        told ||= states.some(({ reasons }) =>
          reasons?.some((text) => /but another map/.test(text)),
        );
        return (await second.get('key/7')).status === 200;
      },
      LIMIT_MS,
      'the entry comes back',
    );
    assert.ok(told, 'health said so');
    assert.equal([...(await sameMapWithin(5000, cluster.nodes))], [...before]);
    const repaired = await Promise.all(
      cluster.nodes.map((node) => metric(node, 'hearsay_repaired_total')),
    );
    assert.ok(repaired.reduce((sum, count) => sum + count) >= 1);
    const disagreements = await Promise.all(
      cluster.nodes.map((node) => metric(node, 'hearsay_disagreements_total')),
    );
    assert.ok(disagreements.reduce((sum, count) => sum + count) >= 2, disagreements.join());
    await waitForMetric(cluster.nodes, 'hearsay_disagreeing_peers', 0, LIMIT_MS);
    for (const node of cluster.nodes) assert.is((await healthOf(node)).status, 'ok');
  },
);

upkeep(
  'a row that is changed in the log of a running node is found before it spreads, and nothing is lost',
  () => findsDamage(`UPDATE op SET value = '"forged"' WHERE key = 'key/7'`),
);

upkeep.run();
