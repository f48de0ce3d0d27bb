// time limit: 180 s, runs alone: it compares times
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeProcess } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';
import { metric, sameMapWithin } from './observe.ts';
import { type ScriptedNode, startScripted } from './scripted.ts';
import { batch, puts, range } from './writes.ts';

const slowPeer = suite('a peer that hangs');

const MIB = 1024 * 1024;
const WRITTEN_MIB = 32;

slowPeer('delays no client, holds bounded memory, and catches up when it goes on', async () => {
  await using cluster = await startScripted({ environment: { MAX_PEER_BUFFER_BYTES: '1MiB' } });
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  // Warm, so that both halves are measured on the same code and with a heap that has grown.
  await latencies(first, 100);
  await writeMuch(first, 'warm');
  await sameMapWithin(10_000, cluster.nodes);
  const before = await latencies(first, 200);
  const bytesBefore = await bytesInUse(first);

  await third.kill('SIGSTOP');
  try {
    const during = await latencies(first, 200);
    for (const name of ['hung', 'still hung']) await writeMuch(first, name);
    await sameMapWithin(20_000, [first, second]);
    // A backlog would stay for as long as the peer hangs; what sending needs for a moment does not.
    let grownMib = Number.POSITIVE_INFINITY;
    const isBounded = async (): Promise<boolean> => {
      grownMib = ((await bytesInUse(first)) - bytesBefore) / MIB;
      return grownMib < WRITTEN_MIB;
    };
    await waitFor(isBounded, 10_000, 'memory is bounded').catch(() => {});
    assert.ok(
      median(during) < 2 * median(before) + 2,
      `${median(during)} ms while a peer hangs, ${median(before)} ms before`,
    );
    assert.ok(grownMib < WRITTEN_MIB, `${grownMib} MiB more for ${2 * WRITTEN_MIB} MiB of pushes`);
    assert.ok((await metric(first, 'hearsay_pushes_shed_total')) > 0, 'pushes were shed');
  } finally {
    await third.kill('SIGCONT');
  }
  await sameMapWithin(60_000, cluster.nodes);
});

slowPeer.run();

/** Overwrites a few keys with long values, so that the map does not grow and the backlog would. */
async function writeMuch(node: NodeProcess, name: string): Promise<void> {
  const keys = range(16).map((index) => `long/${index}`);
  const value = name.repeat(16 * 1024).slice(0, 32 * 1024);
  const rounds = (WRITTEN_MIB * MIB) / (keys.length * value.length);
  for (let round = 0; round < rounds; round++) {
    const ops = puts(keys, value, 1).map((op) => ({ ...op, version: 'next' as const }));
    await batch(node, ops as Parameters<typeof batch>[1]);
  }
}

/** Milliseconds of puts, one after another. */
async function latencies(node: NodeProcess, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    const response = await node.put(`key/${index % 20}`, { value: index, version: 'next' });
    await response.arrayBuffer();
    times.push(performance.now() - startedAt);
  }
  return times;
}

const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

const bytesInUse = async (node: ScriptedNode): Promise<number> =>
  Number(await node.order({ kind: 'memory' }));
