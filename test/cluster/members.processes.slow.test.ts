// time limit: 180 s
/** Members that are cut off, sleep too long, or crash while they rejoin. */
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import type { NodeProcess } from '../support/nodes.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import { IMPATIENT, MEMBER_TIMEOUT_MS } from './impatient.ts';
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
import { batch, puts } from './writes.ts';

const members = suite('members that are long away');

const LIMIT_MS = 15_000;

members(
  'a cut in halves retires nobody; a node cut off alone is retired, rejoins, and loses nothing',
  async () => {
    await using links = await Links.open(4);
    await using cluster = await startScripted({
      nodes: 4,
      environment: IMPATIENT,
      environmentOf: (index, urls) => links.settingsOf(index, urls),
    });
    const [first, second, third, fourth] = cluster.nodes;
    assert.ok(first && second && third && fourth);
    await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
    await batch(first, puts(['left', 'right', 'contested', 'doomed'], 'before', 1));
    await sameMapWithin(5000, cluster.nodes);

    links.divide([
      [0, 1],
      [2, 3],
    ]);
    await batch(second, puts(['left'], 'in the cut', 2));
    await batch(third, puts(['right'], 'in the cut', 2));
    for (const node of cluster.nodes) await waitForSilence(node, 2, 2 * MEMBER_TIMEOUT_MS);
    links.divide([[0, 1, 2, 3]]);
    const healed = await sameMapWithin(5000, cluster.nodes);
    assert.is(healed.get('left'), '2 "in the cut"');
    assert.is(healed.get('right'), '2 "in the cut"');
    for (const node of cluster.nodes) {
      assert.is(await metric(node, 'hearsay_members'), 4);
      assert.equal(logged(node, /is retired/), []);
    }

    links.divide([[0, 1, 2], [3]]);
    await batch(fourth, puts(['contested', 'doomed', 'of the lone node'], 'unseen', 2));
    const majority = [first, second, third];
    await waitForMetric(majority, 'hearsay_members', 3, LIMIT_MS);
    await batch(second, puts(['contested'], 'of the majority', 5));
    await batch(third, [{ op: 'delete', key: 'right' }]);
    // Without it they forget: nothing dead stays in the map, nothing superseded in the log.
    await waitForMetric(majority, 'hearsay_map_dead_entries', 0, LIMIT_MS);
    for (const node of majority)
      await waitFor(
        async () => Object.keys(Object(await node.order({ kind: 'reach' }))).length > 0,
        2 * LIMIT_MS,
        `${node.nodeId} compacts its log`,
      );
    const { origin } = await fourth.view();
    // Within the retention of their return: later the cluster would know nothing of them any more.
    await batch(fourth, puts(['of the lone node, late'], 'unseen', 2));
    await batch(third, [{ op: 'delete', key: 'doomed' }]);
    await waitForMetric(majority, 'hearsay_map_dead_entries', 0, LIMIT_MS);
    links.divide([[0, 1, 2, 3]]);
    await waitForLog(fourth, /This node rejoins/, LIMIT_MS);
    await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
    // Offers are made again until enough members have judged them, and tell only then which ops lose.
    await waitForLog(fourth, /"doomed" at version 2 \(.*\) loses/, LIMIT_MS);
    assert.is.not((await fourth.view()).origin, origin);
    const shown = await sameMapWithin(5000, cluster.nodes);
    assert.is(shown.get('of the lone node, late'), '2 "unseen"');
    assert.is(shown.get('contested'), '5 "of the majority"');
    // Whether a member still knows that nobody has deleted it is a matter of time.
    if (!shown.delete('of the lone node'))
      await waitForLog(fourth, /"of the lone node" at version 2 \(.*\) is left out/, LIMIT_MS);
    assert.equal([...shown.keys()].sort(), ['contested', 'left', 'of the lone node, late']);
    assert.is(logged(fourth, /"contested" at version 2 \(.*\) loses/).length, 1);
    assert.is(logged(fourth, /"doomed" at version 2 \(.*\) loses/).length, 1);
  },
);

members(
  'a node that slept past member-timeout rejoins at once those that it knew, though NODES names none',
  async () => {
    await using cluster = await startScripted({
      environment: IMPATIENT,
      // The first must not take the restarts below for silence.
      environmentOf: (index, urls) =>
        index === 0
          ? { NODES: '', MEMBER_TIMEOUT: `${5 * MEMBER_TIMEOUT_MS}ms` }
          : { NODES: urls[0] },
    });
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
    // From now on they know one another by their logs alone.
    for (const node of [second, third]) {
      await node.stop();
      await node.start('healthy', { NODES: '' });
    }
    await batch(first, puts(['before'], 'before', 1));
    await sameMapWithin(3000, cluster.nodes);
    const { origin } = await first.view();
    await first.kill('SIGSTOP');
    try {
      await waitForMetric([second, third], 'hearsay_members', 2, LIMIT_MS);
      await batch(second, puts(['meanwhile'], 'meanwhile', 1));
    } finally {
      await first.kill('SIGCONT');
    }
    await waitForLog(first, /This node rejoins/, LIMIT_MS);
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
    assert.is.not((await first.view()).origin, origin);
    await allShowWithin(LIMIT_MS, cluster.nodes, ['before', 'meanwhile']);
    assert.equal(logged(first, /has been silent/), []);
    assert.is(logged(first, /formed the cluster/).length, 1, 'it formed none of its own meanwhile');
    assert.is(await metric(first, 'hearsay_rejoins_total'), 1);
    for (const node of [second, third]) assert.is(await metric(node, 'hearsay_rejoins_total'), 0);
  },
);

members('a rejoin that a crash has cut off is finished at the next start', async () => {
  await using cluster = await startScripted({
    environment: { JOIN_TIMEOUT: patientDuration(1000) },
  });
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  await batch(first, puts(['known'], 'known', 1));
  await sameMapWithin(3000, cluster.nodes);
  const { origin } = await third.view();
  await Promise.all([first, second, third].map((node) => node.stop()));
  await third.start();
  await batch(third, puts(['unseen'], 'unseen', 1));
  await third.stop();
  // As a crash leaves it that comes when the old log is set aside and there is no new one yet.
  const aside = join(third.dataDir, 'aside', origin);
  await mkdir(aside, { recursive: true });
  await rename(join(third.dataDir, 'hearsay.db'), join(aside, 'hearsay.db'));
  await Promise.all([first, second].map((node) => node.start()));
  await third.start();
  await allShowWithin(LIMIT_MS, cluster.nodes, ['known', 'unseen']);
  await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
  // It is kept for a while, should the node rejoin again.
  await waitForMetric([third], 'hearsay_logs_aside', 1, LIMIT_MS);
  await third.stop();
  await third.start();
  await waitForMetric([third], 'hearsay_logs_aside', 1, LIMIT_MS);
  assert.ok(existsSync(aside));
});

members(
  'nodes that have begun anew form no cluster while a member of theirs may be left',
  async () => {
    await using cluster = await startScripted({
      environment: { JOIN_TIMEOUT: patientDuration(1000) },
    });
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    const deletes: [NodeProcess, string][] = [
      [second, 'deleted on the second'],
      [third, 'deleted on the third'],
    ];
    await batch(first, puts(['kept', ...deletes.map(([, key]) => key)], 'known', 1));
    await sameMapWithin(3000, cluster.nodes);
    await Promise.all([first, second, third].map((node) => node.stop()));
    for (const [node, key] of deletes) {
      await node.start();
      const { origin } = await node.view();
      await batch(node, [{ op: 'delete', key }]);
      await node.stop();
      // As a rejoin leaves it that has not reached a member yet.
      const aside = join(node.dataDir, 'aside', origin);
      await mkdir(aside, { recursive: true });
      await rename(join(node.dataDir, 'hearsay.db'), join(aside, 'hearsay.db'));
    }
    await Promise.all([second, third].map((node) => node.start('answers')));
    for (const node of [second, third])
      await waitForLog(
        node,
        /No member of its cluster answers, and these may be left: node1/,
        LIMIT_MS,
      );
    assert.equal(
      await Promise.all([second, third].map(async (node) => (await node.get('kept')).status)),
      [503, 503],
    );
    await first.start();
    await waitFor(
      async () => [...(await sameMapWithin(LIMIT_MS, cluster.nodes)).keys()].join() === 'kept',
      LIMIT_MS,
      'both deletes show on all',
    );
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
  },
);

members.run();

const heardSchema = z.array(z.object({ last_heard_at: z.string().nullable() }));

/** Waits until the node has heard nothing of so many members for so long. */
async function waitForSilence(node: NodeProcess, count: number, silentMs: number): Promise<void> {
  await waitFor(
    async () => {
      const members = heardSchema.parse((await node.view()).members);
      const silent = members.filter(
        ({ last_heard_at: at }) => at !== null && Date.now() - Date.parse(at) > silentMs,
      );
      return silent.length >= count;
    },
    LIMIT_MS,
    `${node.nodeId} has not heard ${count} members for ${silentMs} ms`,
  );
}
