// time limit: 180 s
/** Logs that were copied by hand: nothing is lost, and no op id stands for two ops. */
import { cp } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { patientDuration, waitFor } from '../support/processes.ts';
import { allShowWithin, logged, sameMapWithin, waitForHealth, waitForMetric } from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const identity = suite('identity of real nodes');

const LIMIT_MS = 15_000;

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
      () => cluster.nodes.some((node) => logged(node, /This node rejoins/).length > 0),
      LIMIT_MS,
      'one of them rejoins',
    );
    await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
    await waitForHealth(cluster.nodes, LIMIT_MS);
    await allShowWithin(LIMIT_MS, cluster.nodes, ['shared', ...ofClone, ...ofFirst]);
    const views = await Promise.all(cluster.nodes.map((node) => node.view()));
    assert.is(new Set(views.map(({ origin }) => origin)).size, 4);
    // Where the first has met writes of the clone, it rejoins as well.
    await waitForHealth(cluster.nodes, LIMIT_MS);
    for (const node of cluster.nodes) await batch(node, puts([`by ${node.nodeId}`], 'after', 1));
    const after = cluster.nodes.map(({ nodeId }) => `by ${nodeId}`);
    await allShowWithin(5000, cluster.nodes, [...ofClone, ...ofFirst, ...after]);
  },
);

identity.run();
