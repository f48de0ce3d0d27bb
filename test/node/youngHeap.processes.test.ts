/** The room for young objects of a node that runs as a process. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MIB } from '../../src/words/size.ts';
import { batch, puts, range } from '../cluster/writes.ts';
import { type NodeProcess, startCluster } from '../support/nodes.ts';

const young = suite('the room for young objects');

/** Both halves of 8 MiB, and what V8 rounds up. */
const BOUND_BYTES = 18 * MIB;
const BATCHES = 400;
const BATCH_OPS = 100;

async function youngBytes({ url }: NodeProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^nodejs_heap_space_size_total_bytes\{space="new"\} (\d+)/m.exec(text)?.[1]);
}

async function writeMany(node: NodeProcess): Promise<void> {
  for (const one of range(BATCHES)) {
    const keys = range(BATCH_OPS).map((index) => `${one}-${index}`);
    await batch(node, puts(keys, 'x'.repeat(100), 1));
  }
}

young('stays within its bound under writes whose ops outlive collections', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const node = cluster.node(0);
  await writeMany(node);
  const bytes = await youngBytes(node);
  assert.ok(bytes > 0 && bytes <= BOUND_BYTES, `${bytes} bytes`);
});

young('stays within a smaller bound from the command line', async () => {
  const environment = { NODE_OPTIONS: '--max-semi-space-size=1' };
  await using cluster = await startCluster({ nodes: 1, environment });
  const node = cluster.node(0);
  await writeMany(node);
  const bytes = await youngBytes(node);
  assert.ok(bytes > 0 && bytes <= 4 * MIB, `${bytes} bytes`);
});

young.run();
