/** A log that was put back by hand. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { NodeProcess } from '../support/nodes.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import {
  allShowWithin,
  healthOf,
  sameMapWithin,
  waitForHealth,
  waitForLog,
  waitForMetric,
} from './observe.ts';
import { type ScriptedCluster, startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const LIMIT_MS = 15_000;

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

/** A copy that lacks ten ops writes so many alone, under their ids; then the others come back. */
export async function writesAlone(reused: number): Promise<void> {
  await using cluster = await startScripted({
    environment: { JOIN_TIMEOUT: patientDuration(1000) },
  });
  const { node, others, written, origin } = await aged(cluster);
  await Promise.all(others.map((other) => other.stop()));
  await node.start();
  assert.is((await node.view()).origin, origin);
  const alone = range(reused).map((index) => `alone/${index}`);
  for (const key of alone) await batch(node, puts([key], 'alone', 1));
  await Promise.all(others.map((other) => other.start()));
  await waitForLog(node, /This node rejoins/, LIMIT_MS);
  await waitFor(async () => (await node.view()).origin !== origin, LIMIT_MS, 'a new origin');
  await waitFor(async () => (await healthOf(node)).status === 'ok', LIMIT_MS, 'it is healthy');
  await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
  await batch(node, puts(['after the rejoin'], 'rejoined', 1));
  await allShowWithin(LIMIT_MS, cluster.nodes, [...written, ...alone, 'after the rejoin']);
  await waitForHealth(cluster.nodes, LIMIT_MS);
}
