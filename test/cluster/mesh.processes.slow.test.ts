// time limit: 300 s
/** A real cluster beyond a full mesh: each node has a few links, and all hold the same. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_LINKS } from '../../src/rules/links.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import { Links } from './links.ts';
import { metric, sameMapWithin, waitForMetric } from './observe.ts';
import { type ScriptedNode, startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const mesh = suite('real clusters beyond a full mesh');

const NODES = 12;
const ENVIRONMENT = {
  MESH_LIMIT: '4',
  MAX_JOINS_PER_MINUTE: '100',
  JOIN_TIMEOUT: patientDuration(3000),
  MAX_CLOCK_SKEW: '1s',
};
/** Rounds come every 10 s, and nodes that were cut off dial again within 2 s; machines may be busy. */
const LIMIT_MS = 60_000;

/** Waits until no node has more links than it may, and one of them has not all members. */
async function waitForFewLinks(nodes: readonly ScriptedNode[]): Promise<void> {
  const areFew = async (): Promise<boolean> => {
    const links = await Promise.all(nodes.map((node) => metric(node, 'hearsay_connected_peers')));
    if (links.every((count) => count <= MAX_LINKS) && links.some((count) => count < NODES - 1))
      return true;
    throw new Error(`they have ${links.join(', ')} links`);
  };
  await waitFor(areFew, LIMIT_MS, 'all nodes have few links');
}

mesh('what one node takes shows on all, and what is deleted is collected on all', async () => {
  await using cluster = await startScripted({ nodes: NODES, environment: ENVIRONMENT });
  const { nodes } = cluster;
  const [first, second] = nodes;
  assert.ok(first && second);
  await waitForMetric(nodes, 'hearsay_members', NODES, LIMIT_MS);
  await waitForFewLinks(nodes);
  const keys = range(50).map((index) => `key/${index}`);
  await batch(first, puts(keys, 'a', 1));
  assert.is((await sameMapWithin(LIMIT_MS, nodes)).size, keys.length);
  await batch(
    second,
    keys.map((key) => ({ op: 'delete', key })),
  );
  await waitForMetric(nodes, 'hearsay_map_entries', 0, LIMIT_MS);
  await waitForMetric(nodes, 'hearsay_map_dead_entries', 0, LIMIT_MS);
});

/** A PUT that waits for all. */
async function putForAll(node: ScriptedNode, key: string, timeoutMs: number): Promise<unknown> {
  const response = await node.request(`/cache/${key}?acks=all&timeout_ms=${timeoutMs}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ value: key, version: 'next' }),
  });
  const { acks, members } = (await response.json()) as { acks?: number; members?: number };
  return [response.status, acks, members];
}

mesh('acks=all waits for the members without a link, and misses one that hangs', async () => {
  await using cluster = await startScripted({ nodes: NODES, environment: ENVIRONMENT });
  const { nodes } = cluster;
  const last = nodes.at(-1);
  assert.ok(last);
  await waitForMetric(nodes, 'hearsay_members', NODES, LIMIT_MS);
  await waitForFewLinks(nodes);
  const writers = nodes.slice(0, 3);
  const stored = await Promise.all(
    writers.map((node, index) => putForAll(node, `k${index}`, LIMIT_MS)),
  );
  for (const answer of stored) assert.equal(answer, [200, NODES, NODES]);
  await last.kill('SIGSTOP');
  const [status, acks, members] = (await putForAll(nodes[0] ?? last, 'late', 2000)) as number[];
  assert.equal([status, members], [200, NODES]);
  assert.ok((acks ?? NODES) < NODES, `${acks} acks`);
  await last.kill('SIGCONT');
  assert.equal(await putForAll(nodes[0] ?? last, 'again', LIMIT_MS), [200, NODES, NODES]);
});

mesh(
  'two halves that were cut off from each other agree again, where no node names a URL',
  async () => {
    await using links = await Links.open(NODES);
    await using cluster = await startScripted({
      nodes: NODES,
      environment: ENVIRONMENT,
      environmentOf: (index, urls) => links.settingsOf(index, urls),
    });
    const { nodes } = cluster;
    await waitForMetric(nodes, 'hearsay_members', NODES, LIMIT_MS);
    await waitForFewLinks(nodes);
    const halves = [0, 1].map((half) => range(NODES).filter((index) => index % 2 === half));
    links.divide(halves);
    for (const [half, [writer = 0, ...others]] of halves.entries()) {
      const node = nodes[writer];
      assert.ok(node);
      await batch(node, puts([`half/${half}`, 'both'], half, 1 + half));
      const side = [node, ...others.flatMap((index) => nodes[index] ?? [])];
      assert.is((await sameMapWithin(LIMIT_MS, side)).size, 2);
    }
    links.divide([range(NODES)]);
    assert.equal([...(await sameMapWithin(LIMIT_MS, nodes))].sort(), [
      ['both', '2 1'],
      ['half/0', '1 0'],
      ['half/1', '2 1'],
    ]);
  },
);

mesh.run();
