// time limit: 180 s
/** The upkeep of a cluster while it runs: it lets nodes in, finds damage, and retires members by hand. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../support/processes.ts';
import { allShowWithin, metric, sameMapWithin, waitForMetric } from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const upkeep = suite('upkeep of real clusters');

const LIMIT_MS = 15_000;

upkeep(
  'a new node with one address in NODES gets everything by a snapshot, and what is written meanwhile',
  async () => {
    await using cluster = await startScripted({
      nodes: 3,
      later: [2],
      environment: { RETENTION: '1s' },
      environmentOf: (index, urls) => (index === 2 ? { NODES: urls[0] } : {}),
    });
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    const keys = range(3000).map((index) => `key/${index}`);
    for (const version of [1, 2])
      for (let from = 0; from < keys.length; from += 1000)
        await batch(first, puts(keys.slice(from, from + 1000), `version ${version}`, version));
    await batch(
      second,
      keys.slice(0, 100).map((key) => ({ op: 'delete', key })),
    );
    await waitFor(
      async () => {
        const reach = await first.order({ kind: 'reach' });
        return Object.values(Object(reach)).some((seq) => Number(seq) >= 3000);
      },
      LIMIT_MS,
      'the first compacts its log',
    );
    const writing = range(20).map((index) => `meanwhile/${index}`);
    const [, startMs] = await Promise.all([
      (async () => {
        for (const key of writing) await batch(second, puts([key], 'meanwhile', 1));
      })(),
      timed(() => third.start()),
    ]);
    const shown = await allShowWithin(5000, cluster.nodes, [...keys.slice(100), ...writing]);
    assert.is(shown.size, 2900 + writing.length);
    const snapshots = await Promise.all(
      [first, second].map((node) => metric(node, 'hearsay_snapshots_sent_total')),
    );
    assert.is(snapshots[0], 1, `a snapshot, after ${startMs} ms`);
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
    // It learnt of the second from the first, and is a member like the others.
    await waitForMetric([third], 'hearsay_connected_peers', 2, LIMIT_MS);
    await batch(third, puts(['of the new node'], 'new', 1));
    await third.restart();
    await allShowWithin(5000, cluster.nodes, ['of the new node', ...writing]);
  },
);

upkeep('a member that is retired by hand is told so when it returns, and rejoins', async () => {
  await using cluster = await startScripted();
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  await batch(third, puts(['before'], 'before', 1));
  await sameMapWithin(3000, cluster.nodes);
  const { origin } = await third.view();
  await third.kill('SIGKILL');
  const retired = await first.request('/_cluster/retire', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Internal-Token': 'for-tests' },
    body: '{"member":"node3"}',
  });
  assert.is(retired.status, 200);
  await waitForMetric([first, second], 'hearsay_members', 2, LIMIT_MS);
  await third.start();
  await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
  assert.is.not((await third.view()).origin, origin);
  await waitFor(
    async () => (await third.put('after', { value: 'after', version: 1 })).status === 200,
    LIMIT_MS,
    'it writes again',
  );
  await allShowWithin(5000, cluster.nodes, ['before', 'after']);
});

upkeep.run();

async function timed(action: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return Math.round(performance.now() - startedAt);
}
