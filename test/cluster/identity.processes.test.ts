// time limit: 180 s
/** Logs that were lost, restored or copied by hand: nothing is lost, and no op id stands for two ops. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeProcess } from '../support/nodes.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import {
  allShowWithin,
  healthOf,
  logged,
  metric,
  sameMapWithin,
  waitForLog,
  waitForMetric,
} from './observe.ts';
import { type ScriptedCluster, startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const identity = suite('identity of real nodes');

const LIMIT_MS = 15_000;

identity('an old copy of a log that is restored by hand catches up and loses nothing', async () => {
  await using cluster = await startScripted();
  const { node, written } = await aged(cluster);
  await node.start();
  await batch(node, puts(['after the restore'], 'restored', 1));
  await allShowWithin(5000, cluster.nodes, [...written, 'after the restore']);
  for (const other of cluster.nodes) assert.is(await metric(other, 'hearsay_forked_origins'), 0);
});

for (const [which, reused] of [
  ['fewer', 5],
  ['as many', 10],
  ['more', 25],
] as const)
  identity(
    `an old copy that wrote ${which} ops alone than it had lost is found out, and rejoins with all of them`,
    async () => {
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
      await waitForLog(node, /this node rejoins/, LIMIT_MS);
      await waitFor(async () => (await node.view()).origin !== origin, LIMIT_MS, 'a new origin');
      await waitFor(async () => (await healthOf(node)).status === 'ok', LIMIT_MS, 'it is healthy');
      await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
      await batch(node, puts(['after the rejoin'], 'rejoined', 1));
      await allShowWithin(LIMIT_MS, cluster.nodes, [...written, ...alone, 'after the rejoin']);
      await waitForHealth(cluster.nodes);
    },
  );

identity(
  'of two nodes on copies of one database one rejoins, and the writes of both survive',
  async () => {
    await using cluster = await startScripted({
      nodes: 4,
      later: [3],
      environment: { JOIN_TIMEOUT: patientDuration(1000) },
    });
    const [first, second, third, clone] = cluster.nodes;
    assert.ok(first && second && third && clone);
    await batch(first, puts(['shared'], 'before', 1));
    await sameMapWithin(3000, cluster.nodes);
    await first.stop();
    await cp(first.dataDir, clone.dataDir, { recursive: true });
    await Promise.all([second.stop(), third.stop()]);
    // Each writes under the same origin while it is alone, so that op ids stand for two ops.
    await clone.start();
    const ofClone = range(7).map((index) => `of the clone/${index}`);
    for (const key of ofClone) await batch(clone, puts([key], 'clone', 1));
    await clone.stop();
    await first.start();
    const ofFirst = range(4).map((index) => `of the first/${index}`);
    for (const key of ofFirst) await batch(first, puts([key], 'first', 1));
    assert.ok((await first.view()).origin.startsWith('node1.'));
    await Promise.all([second, third, clone].map((node) => node.start('answers')));
    await waitFor(
      () => cluster.nodes.some((node) => logged(node, /this node rejoins/).length > 0),
      LIMIT_MS,
      'one of them rejoins',
    );
    await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
    await waitForHealth(cluster.nodes);
    await allShowWithin(LIMIT_MS, cluster.nodes, ['shared', ...ofClone, ...ofFirst]);
    const views = await Promise.all(cluster.nodes.map((node) => node.view()));
    assert.is(new Set(views.map(({ origin }) => origin)).size, 4);
    // Where the first has met writes of the clone, it rejoins as well.
    await waitForHealth(cluster.nodes);
    for (const node of cluster.nodes) await batch(node, puts([`by ${node.nodeId}`], 'after', 1));
    const after = cluster.nodes.map(({ nodeId }) => `by ${nodeId}`);
    await allShowWithin(5000, cluster.nodes, [...ofClone, ...ofFirst, ...after]);
  },
);

identity(
  'a copy that does not know the original is found out by those that both reach',
  async () => {
    await using cluster = await startScripted({
      nodes: 4,
      later: [3],
      environment: { JOIN_TIMEOUT: patientDuration(3000) },
      // The copy is at a place of its own, and knows the first node alone.
      environmentOf: (index, urls) => (index === 3 ? { NODES: urls[0] } : {}),
    });
    const [first, second, third, clone] = cluster.nodes;
    assert.ok(first && second && third && clone);
    await batch(third, puts(['shared'], 'before', 1));
    await sameMapWithin(3000, cluster.nodes.slice(0, 3));
    await cp(third.dataDir, clone.dataDir, { recursive: true });
    await clone.start('answers');
    await waitFor(
      () =>
        [third, clone].some((node) => logged(node, /this node rejoins: two nodes run/).length > 0),
      LIMIT_MS,
      'one of them rejoins',
    );
    await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
    await waitForHealth(cluster.nodes);
    for (const node of cluster.nodes) await batch(node, puts([`by ${node.nodeId}`], 'after', 1));
    const written = cluster.nodes.map(({ nodeId }) => `by ${nodeId}`);
    await allShowWithin(LIMIT_MS, cluster.nodes, ['shared', ...written]);
    const views = await Promise.all(cluster.nodes.map((node) => node.view()));
    assert.is(new Set(views.map(({ origin }) => origin)).size, 4);
  },
);

identity.run();

/** The third node, stopped, on a copy of its log that lacks its last ten writes. */
async function aged(cluster: ScriptedCluster): Promise<{
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

async function waitForHealth(nodes: readonly NodeProcess[]): Promise<void> {
  const isHealthy = async (): Promise<boolean> => {
    const states = await Promise.all(nodes.map(healthOf));
    if (states.every(({ status }) => status === 'ok')) return true;
    throw new Error(JSON.stringify(states));
  };
  await waitFor(isHealthy, LIMIT_MS, 'all are healthy');
}
