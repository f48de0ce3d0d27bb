// time limit: 180 s
/** Three real nodes end up with one map, whatever gets lost on the way. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seeded } from '../../src/words/random.ts';
import { startCluster, waitForConvergence } from '../support/nodes.ts';
import { sameMapWithin } from './observe.ts';
import { startScripted } from './scripted.ts';
import { type BatchOp, batch, puts, range, Writer } from './writes.ts';

const convergence = suite('convergence of real nodes');

convergence(
  'of writes that race one wins, and with half of all pushes lost each is everywhere within 3 s',
  async () => {
    await using cluster = await startScripted();
    const [first, second] = cluster.nodes;
    assert.ok(first && second);

    // One version at two nodes at once: both may take it, or the second sees the first's and answers 409.
    const keys = range(200).map((index) => `raced/${index}`);
    const statuses = await Promise.all(
      [first, second].flatMap((node) =>
        keys.map(async (key) => {
          const response = await node.put(key, { value: node.nodeId, version: 7 });
          await response.arrayBuffer();
          return response.status;
        }),
      ),
    );
    assert.ok(statuses.every((status) => status === 200 || status === 409));
    assert.ok(statuses.filter((status) => status === 200).length >= keys.length);
    const agreed = await sameMapWithin(3000, cluster.nodes);
    assert.is(agreed.size, keys.length);

    // A DELETE at a node that the PUT has not reached: only a pull can bring it there.
    await first.order({ kind: 'losePushes', share: 1 });
    let unseen = false;
    for (let tries = 0; tries < 20 && !unseen; tries++) {
      const doomed = range(50).map((index) => `doomed/${tries}/${index}`);
      await batch(first, puts(doomed, 'doomed', 3));
      const outcomes = await batch(
        second,
        doomed.flatMap((key): BatchOp[] => [
          { op: 'get', key },
          { op: 'delete', key },
        ]),
      );
      unseen = doomed.every((_, index) => outcomes[2 * index] === 404);
    }
    assert.ok(unseen, 'a DELETE came before the PUT');
    const left = await sameMapWithin(3000, cluster.nodes);
    assert.equal(sorted(left), sorted(agreed));

    for (const node of cluster.nodes) await node.order({ kind: 'losePushes', share: 0.5 });
    const writers = cluster.nodes.map((node, index) => new Writer(node, seeded(index), 100));
    const writing = writers.map(async (writer) => {
      for (let done = 0; done < 40; done++) await writer.write(3);
    });
    await Promise.all(writing);
    const shown = await sameMapWithin(3000, cluster.nodes);
    const expected = new Map([...agreed, ...writers.flatMap(({ known }) => [...known])]);
    assert.equal(sorted(shown), sorted(expected));
  },
);

convergence('digits come back as they were sent, on every node and after a restart', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const [first, second] = [cluster.node(0), cluster.node(1)];
  const value = '{"id": 12345678901234567890, "share": 0.1000000000000000055}';
  const stored = await first.request('/cache/digits', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: `{"value":${value},"version":1}`,
  });
  assert.is(stored.status, 200);
  await waitForConvergence(cluster.nodes, 3000);
  for (const node of cluster.nodes) assert.ok((await textAt(node, 'digits')).includes(value));
  await second.restart();
  assert.ok((await textAt(second, 'digits')).includes(value));
});

convergence.run();

const sorted = (map: ReadonlyMap<string, string>): [string, string][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

async function textAt(node: { get(key: string): Promise<Response> }, key: string): Promise<string> {
  return (await node.get(key)).text();
}
