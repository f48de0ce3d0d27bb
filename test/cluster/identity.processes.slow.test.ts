// time limit: 180 s
/** Further logs that were restored or copied by hand. */
import { cp } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patientDuration, waitFor } from '../support/processes.ts';
import { aged, writesAlone } from './agedLog.ts';
import {
  allShowWithin,
  logged,
  metric,
  sameMapWithin,
  waitForHealth,
  waitForMetric,
} from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts } from './writes.ts';

const identity = suite('more identities of real nodes');

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
    () => writesAlone(reused),
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
        [third, clone].some((node) => logged(node, /This node rejoins: two nodes run/).length > 0),
      LIMIT_MS,
      'one of them rejoins',
    );
    await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
    await waitForHealth(cluster.nodes, LIMIT_MS);
    for (const node of cluster.nodes) await batch(node, puts([`by ${node.nodeId}`], 'after', 1));
    const written = cluster.nodes.map(({ nodeId }) => `by ${nodeId}`);
    await allShowWithin(LIMIT_MS, cluster.nodes, ['shared', ...written]);
    const views = await Promise.all(cluster.nodes.map((node) => node.view()));
    assert.is(new Set(views.map(({ origin }) => origin)).size, 4);
  },
);

identity.run();
