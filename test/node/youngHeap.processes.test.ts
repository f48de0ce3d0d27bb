/** The room for young objects of a node that runs as a process. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MIB } from '../../src/words/size.ts';
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

async function writeMany({ url }: NodeProcess): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch++) {
    const ops = Array.from({ length: BATCH_OPS }, (_, index) => ({
      op: 'put',
      key: `${batch}-${index}`,
      value: 'x'.repeat(100),
      version: 1,
    }));
    const answer = await fetch(`${url}/cache`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ops }),
    });
    assert.is(answer.status, 200);
    await answer.arrayBuffer();
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
