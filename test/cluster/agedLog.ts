/** A log that was put back by hand. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { NodeProcess } from '../support/nodes.ts';
import { sameMapWithin } from './observe.ts';
import type { ScriptedCluster } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

/** The third node, stopped, on a copy of its log that lacks its last ten writes. */
export async function aged(cluster: ScriptedCluster): Promise<{
  node: NodeProcess;
  others: readonly NodeProcess[];
  written: readonly string[];
  origin: string;
}> {
  const [first, second, node] = cluster.nodes;
  assert.ok(first && second && node);
  const keys = range(20).map((index) => `key/${index}`);
  for (const key of keys.slice(0, 10)) await batch(node, puts([key], 'old', 1));
  await sameMapWithin(5000, cluster.nodes);
  const { origin } = await node.view();
  await node.stop();
  const copy = join(cluster.directory, 'copy');
  await cp(node.dataDir, copy, { recursive: true });
  await node.start();
  for (const key of keys.slice(10)) await batch(node, puts([key], 'new', 1));
  await sameMapWithin(5000, cluster.nodes);
  await node.kill('SIGKILL');
  await rm(node.dataDir, { recursive: true });
  await cp(copy, node.dataDir, { recursive: true });
  return { node, others: [first, second], written: keys, origin };
}
