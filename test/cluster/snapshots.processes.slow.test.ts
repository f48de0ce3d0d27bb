// time limit: 120 s
/** Snapshots that are cut in the middle, on either side: they are begun again, and nothing half is kept. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../support/processes.ts';
import { lateMetric, logged, metric, sameMapWithin, waitForLog, waitForMetric } from './observe.ts';
import { type ScriptedCluster, type ScriptedNode, startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const snapshots = suite('snapshots that are cut');

const LIMIT_MS = 20_000;
// So many that a snapshot takes seconds: metrics tell how far it is once a second.
const KEYS = 12_000;

snapshots(
  'a new node that is killed in the middle of its snapshot begins again with none of it',
  async () => {
    await using cluster = await compactedCluster();
    const [first, second, third] = nodesOf(cluster);
    await third.start('answers');
    await untilInTheMiddle(third);
    await third.kill('SIGKILL');
    const sentBefore = await snapshotsSent([first, second]);
    await third.start();
    const shown = await sameMapWithin(5000, cluster.nodes);
    assert.is(shown.size, KEYS);
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
    assert.ok((await snapshotsSent([first, second])) > sentBefore);
  },
);

async function snapshotsSent(nodes: readonly ScriptedNode[]): Promise<number> {
  const counts = nodes.map((node) => metric(node, 'hearsay_snapshots_sent_total'));
  return (await Promise.all(counts)).reduce((sum, of) => sum + of);
}

snapshots('a new node whose sender is killed in the middle begins again with another', async () => {
  await using cluster = await compactedCluster();
  const [first, second, third] = nodesOf(cluster);
  await third.start('answers');
  const latest = latestSender([first, second]);
  await untilInTheMiddle(third, latest);
  const sender = await latest();
  const other = sender === first ? second : first;
  await sender.kill('SIGKILL');
  await waitForLog(third, /This node rejoins: a snapshot under way was cut off/, LIMIT_MS);
  await waitForLog(third, /This node has joined the cluster/, LIMIT_MS);
  const shown = await sameMapWithin(5000, [other, third]);
  assert.is(shown.size, KEYS);
  assert.is(logged(third, /are offered again/).length, 0);
  await batch(third, puts(['of the new node'], 'new', 1));
  await sender.start();
  assert.is((await sameMapWithin(5000, cluster.nodes)).size, KEYS + 1);
});

snapshots.run();

function nodesOf({ nodes }: ScriptedCluster): [ScriptedNode, ScriptedNode, ScriptedNode] {
  const [first, second, third] = nodes;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('The cluster has not three nodes.');
  return [first, second, third];
}

/** Two nodes that have forgotten how their map came about, and a third to come. */
async function compactedCluster(): Promise<ScriptedCluster> {
  const cluster = await startScripted({
    later: [2],
    // Small parts, each with a commit of its own: there is time to cut one off.
    environment: { RETENTION: '1s', MAX_DELTA_OPS: '8' },
    environmentOf: (_index, urls) => ({ NODES: urls.join() }),
  });
  const [first, second] = nodesOf(cluster);
  const keys = range(KEYS).map((index) => `key/${index}`);
  for (const version of [1, 2])
    for (let from = 0; from < KEYS; from += 1000)
      await batch(first, puts(keys.slice(from, from + 1000), `version ${version}`, version));
  for (const node of [first, second])
    await waitFor(
      async () => {
        const reach = await node.order({ kind: 'reach' });
        return Object.values(Object(reach)).some((seq) => Number(seq) >= KEYS);
      },
      LIMIT_MS,
      `${node.nodeId} compacts its log`,
    );
  return cluster;
}

/** @returns a function that tells which node was the last to begin a snapshot, if it is asked again and again. */
function latestSender(nodes: readonly [ScriptedNode, ScriptedNode]): () => Promise<ScriptedNode> {
  const sent = new Map<ScriptedNode, number>();
  let [latest] = nodes;
  return async () => {
    for (const node of nodes) {
      const count = await lateMetric(node, 'hearsay_snapshots_sent_total');
      if (count > (sent.get(node) ?? 0)) latest = node;
      sent.set(node, count);
    }
    return latest;
  };
}

async function untilInTheMiddle(
  node: ScriptedNode,
  eachTime: () => Promise<unknown> = async () => {},
): Promise<void> {
  let entries = 0;
  await waitFor(
    async () => {
      await eachTime();
      entries = await lateMetric(node, 'hearsay_map_entries');
      return entries > 0;
    },
    LIMIT_MS,
    'a part of the snapshot is there',
  );
  assert.ok(entries < KEYS, `all ${entries} entries have come`);
}
