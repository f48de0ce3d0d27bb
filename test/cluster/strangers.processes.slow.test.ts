// time limit: 120 s
/** Nodes that a cluster meets and that have a past of their own: what was deleted stays so. */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { succeeds } from '../log/tools/run.ts';
import type { NodeProcess } from '../support/nodes.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import {
  allShowWithin,
  healthOf,
  logged,
  sameMapWithin,
  waitForLog,
  waitForMetric,
} from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const strangers = suite('strangers');

const LIMIT_MS = 15_000;

strangers(
  'a node on an old export that its peers dial gives way once, and brings nothing deleted back',
  async () => {
    await using cluster = await startScripted({
      later: [2],
      environment: { JOIN_TIMEOUT: patientDuration(3000), PULL_INTERVAL: '100ms' },
      // The first two dial the third, which knows nobody.
      environmentOf: (index, urls) => ({ NODES: index === 2 ? undefined : urls.join() }),
    });
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    const [kept, deleted] = [range(10).map((n) => `kept/${n}`), range(10).map((n) => `gone/${n}`)];
    await batch(first, puts([...kept, ...deleted], 'old', 1));
    await sameMapWithin(5000, [first, second]);
    const file = join(cluster.directory, 'old.jsonl');
    await succeeds('log', 'export', '--as-ops', '--url', first.url, '--output', file);
    await batch(
      first,
      deleted.map((key) => ({ op: 'delete', key })),
    );
    await succeeds('log', 'import', file, '--data-dir', third.dataDir);
    await third.start('answers');
    await waitForMetric(cluster.nodes, 'hearsay_members', 3, LIMIT_MS);
    await waitFor(async () => (await healthOf(third)).status === 'ok', LIMIT_MS, 'it may write');
    await batch(third, puts(['of the third'], 'new', 1));
    const shown = await sameMapWithin(5000, cluster.nodes);
    assert.equal([...shown.keys()], [...kept, 'of the third']);
    assert.is(
      logged(third, /This node rejoins: .* name its peers with --nodes or NODES/).length,
      1,
    );
    assert.is(logged(third, /This node formed the cluster/).length, 0);
  },
);

strangers(
  'a node that was cut off while it began anew answers nobody until it hears its cluster again',
  async () => {
    await using cluster = await startScripted({
      environment: { JOIN_TIMEOUT: patientDuration(1000) },
    });
    const [first, second, third] = cluster.nodes;
    assert.ok(first && second && third);
    await batch(first, puts(['deleted'], 'old', 1));
    await sameMapWithin(5000, cluster.nodes);
    await third.stop();
    await batch(first, [{ op: 'delete', key: 'deleted' }]);
    await sameMapWithin(5000, [first, second]);
    await Promise.all([first.stop(), second.stop()]);
    await third.start();
    await batch(third, puts(['alone'], 'new', 1));
    await third.stop();
    await beginAnew(third);
    await third.start('answers');
    await waitForLog(third, /No member of its cluster answers/, LIMIT_MS);
    const reads = ['/cache/alone', '/cache/alone?at=-1s', '/cache?prefix=a', '/watch?prefix=a'];
    for (const path of reads) {
      const response = await third.request(path);
      assert.is(response.status, 503, path);
      assert.is(response.headers.get('Retry-After'), '1');
      assert.match(await response.text(), /has not joined its cluster yet/);
    }
    assert.is((await third.put('alone', { value: 1, version: 2 })).status, 503);
    await Promise.all([first, second].map((node) => node.start()));
    await allShowWithin(LIMIT_MS, cluster.nodes, ['alone']);
    assert.equal([...(await sameMapWithin(5000, cluster.nodes)).keys()], ['alone']);
  },
);

strangers.run();

/** As a rejoin leaves a directory that a crash cuts off. */
async function beginAnew({ dataDir, nodeId }: NodeProcess): Promise<void> {
  const aside = join(dataDir, 'aside', `${nodeId}.before`);
  await mkdir(aside, { recursive: true });
  for (const name of await readdir(dataDir))
    if (name.startsWith('hearsay.db')) await rename(join(dataDir, name), join(aside, name));
}
