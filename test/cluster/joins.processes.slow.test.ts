// time limit: 180 s
/** Members that go, for a while or for good, and what the others then do without them. */
import { rm } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import type { ClusterView } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';
import { IMPATIENT } from './impatient.ts';
import { Links } from './links.ts';
import {
  allShowWithin,
  logged,
  metric,
  sameMapWithin,
  waitForLog,
  waitForMetric,
} from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const members = suite('members of real clusters');

const LIMIT_MS = 15_000;

members(
  'a node comes back to a wiped directory with everything, and one lost for good holds up nothing',
  async () => {
    await using cluster = await startScripted({ environment: IMPATIENT });
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    const keys = range(100).map((index) => `key/${index}`);
    await batch(first, puts(keys.slice(0, 50), 'a', 1));
    await batch(third, puts(keys.slice(50), 'b', 1));
    const before = await sameMapWithin(3000, cluster.nodes);
    await third.kill('SIGKILL');
    await rm(third.dataDir, { recursive: true });
    await third.start();
    assert.equal(await sameMapWithin(5000, cluster.nodes), before);
    // The log that was lost is retired; what came of it stays.
    const retired = /node3\.\w+ is retired: its node goes on as node3\.\w+/;
    await waitFor(
      () => cluster.nodes.some((node) => logged(node, retired).length > 0),
      LIMIT_MS,
      'the log that was lost is retired',
    );
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
    await third.kill('SIGKILL');
    await rm(third.dataDir, { recursive: true });
    await waitForMetric([first, second], 'hearsay_members', 2, LIMIT_MS);
    await batch(
      first,
      keys.map((key) => ({ op: 'delete', key })),
    );
    await waitForMetric([first, second], 'hearsay_map_entries', 0, LIMIT_MS);
    await first.restart();
    assert.is((await sameMapWithin(3000, cluster.nodes)).size, 0);
  },
);

members('a node that only a lost node had let in belongs to the others all the same', async () => {
  await using links = await Links.open(3);
  await using cluster = await startScripted({
    later: [2],
    environment: { ...IMPATIENT, MEMBER_TIMEOUT: '1h' },
    environmentOf: (index, urls) => links.settingsOf(index, urls),
  });
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  await waitForMetric([first, second], 'hearsay_members', 2, LIMIT_MS);
  links.divide([[0], [1, 2]]);
  await third.start();
  await batch(second, puts(['of the lost node'], 'lost', 1));
  await batch(third, puts(['of the new node'], 'new', 1));
  await allShowWithin(LIMIT_MS, [second, third], ['of the lost node', 'of the new node']);
  await second.kill('SIGKILL');
  const { origin } = await third.view();
  links.divide([[0, 1, 2]]);
  await allShowWithin(LIMIT_MS, cluster.nodes, ['of the lost node', 'of the new node']);
  await waitForMetric([first, third], 'hearsay_members', 3, LIMIT_MS);
  assert.is((await third.view()).origin, origin);
  assert.is(await metric(third, 'hearsay_rejoins_total'), 0);
});

members('a cluster of one that formed apart joins the larger one with what it wrote', async () => {
  await using cluster = await startScripted({
    later: [2],
    environmentOf: (index) => (index === 2 ? { NODES: '' } : {}),
  });
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  await batch(first, puts(['of two', 'of both'], 'two', 2));
  await third.start();
  await batch(third, puts(['of one', 'of both'], 'one', 1));
  assert.is.not(clusterId(await third.view()), clusterId(await first.view()));
  await third.stop();
  await third.start('answers', { NODES: first.url });
  await allShowWithin(LIMIT_MS, cluster.nodes, ['of one', 'of two', 'of both']);
  await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
  assert.is(clusterId(await third.view()), clusterId(await first.view()));
  assert.is((await sameMapWithin(3000, cluster.nodes)).get('of both'), '2 "two"');
  await waitForLog(third, /"of both" at version 1 \(.*\) loses/, LIMIT_MS);
});

members.run();

const clusterId = (view: ClusterView): unknown =>
  z.object({ id: z.string() }).parse(view.cluster).id;
