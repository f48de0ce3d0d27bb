/** Visibility counts the ops of other nodes that were stamped since this node's start. */
import { Registry } from 'prom-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Timings } from '../../src/node/timings.ts';
import { put } from '../support/ops.ts';

const timings = suite('timings of replication');
const [OWN, OTHER] = ['node1.aaaaaa', 'node2.aaaaaa'];
const START_MS = 1_795_000_000_000;

/** The count and the sum of a histogram, in the text of the registry. */
async function told(registry: Registry, name: string): Promise<[number, number]> {
  const text = await registry.metrics();
  const of = (part: string): number =>
    Number(new RegExp(`^${name}_${part} (\\S+)$`, 'm').exec(text)?.[1]);
  return [of('count'), of('sum')];
}

const committed = (origin: string, bornAtMs: number, committedAt: number) => ({
  origin: OWN,
  rows: [
    {
      row: { lsn: 1, committedAt, won: true, op: put({ origin, hlc: bornAtMs * 1000 + 7 }) },
      wire: null,
      touched: null,
    },
  ],
});

timings('an op of another node is visible after the time since its stamp', async () => {
  const registry = new Registry();
  const times = new Timings(registry, START_MS);
  times.committed(committed(OTHER, START_MS + 10, START_MS + 260));
  assert.equal(await told(registry, 'hearsay_visibility_seconds'), [1, 0.25]);
});

timings('own ops, and ops from before the start, are not counted', async () => {
  const registry = new Registry();
  const times = new Timings(registry, START_MS);
  times.committed(committed(OWN, START_MS + 10, START_MS + 260));
  times.committed(committed(OTHER, START_MS - 1, START_MS + 260));
  assert.equal(await told(registry, 'hearsay_visibility_seconds'), [0, 0]);
});

timings('a stamp that is ahead of this clock counts as none', async () => {
  const registry = new Registry();
  const times = new Timings(registry, START_MS);
  times.committed(committed(OTHER, START_MS + 300, START_MS + 260));
  assert.equal(await told(registry, 'hearsay_visibility_seconds'), [1, 0]);
});

timings('a commit and its end are told in seconds', async () => {
  const registry = new Registry();
  new Timings(registry, START_MS).stored({ commitMs: 6, syncMs: 2 });
  assert.equal(await told(registry, 'hearsay_commit_duration_seconds'), [1, 0.006]);
  assert.equal(await told(registry, 'hearsay_fsync_duration_seconds'), [1, 0.002]);
});

timings('a pull is told in seconds', async () => {
  const registry = new Registry();
  new Timings(registry, START_MS).pulled(20);
  assert.equal(await told(registry, 'hearsay_pull_duration_seconds'), [1, 0.02]);
});

timings.run();
