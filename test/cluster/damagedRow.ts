/** A row of a running node that is changed behind its back. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import * as assert from 'uvu/assert';
import type { NodeProcess } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';
import {
  allShowWithin,
  healthOf,
  logged,
  metric,
  sameMapWithin,
  waitForLog,
  waitForMetric,
} from './observe.ts';
import { startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const LIMIT_MS = 15_000;

/** @param statement in SQL, which changes the row of `key/7`. */
export async function findsDamage(statement: string): Promise<void> {
  await using cluster = await startScripted({
    nodes: 4,
    later: [3],
    environment: { MAX_RECENT_OPS: '16' },
    // The new node asks the damaged one, and nobody else.
    environmentOf: (index, urls) => (index === 3 ? { NODES: urls[1] } : {}),
  });
  const [first, second, third, fourth] = cluster.nodes;
  assert.ok(first && second && third && fourth);
  const keys = range(60).map((index) => `key/${index}`);
  await batch(second, puts(keys, 'true', 1));
  const before = await sameMapWithin(3000, cluster.nodes);
  damage(second, statement);
  await fourth.start('answers');
  await waitForLog(second, /This node rejoins: .*is damaged/, LIMIT_MS);
  assert.is(await metric(second, 'hearsay_rejoins_total'), 1);
  await waitFor(
    async () => (await healthOf(fourth)).status === 'ok',
    LIMIT_MS,
    'the new node is let in',
  );
  await waitForMetric(cluster.nodes, 'hearsay_members', 4, LIMIT_MS);
  assert.equal([...(await allShowWithin(5000, cluster.nodes, keys))], [...before]);
  for (const node of cluster.nodes) assert.equal(logged(node, /forged/), []);
}

/** Changes the file of a running node behind its back. */
function damage(node: NodeProcess, statement: string): void {
  const database = new Database(join(node.dataDir, 'hearsay.db'));
  try {
    assert.is(database.prepare(statement).run().changes, 1);
  } finally {
    database.close();
  }
}
