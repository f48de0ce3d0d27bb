/**
 * Keys with a TTL of 5 s, written for a minute: afterwards the map is empty and the heap is back where it
 * was, and no GET saw a key past its time.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { atMost, type Figure, plain } from './figures.ts';
import { VALUE } from './load.ts';
import { startNodes, startWeighedNode } from './nodes.ts';

const KEYS = 1_000_000;
const TTL_MS = 5000;
const BATCH = 1000;
const COLLECT_LIMIT_MS = 60_000;

/** @param share of the keys, for a quick run. */
export async function benchExpiry(share: number): Promise<Figure[]> {
  await using node = await startWeighedNode({ RETENTION: '10s', JOIN_TIMEOUT: '1s' });
  const { url } = node;
  await using _peer = await startNodes(1, ['--retention', '10s'], url);
  await write(url, 20_000, 5000); // fills caches and compiled code
  await emptied(url);
  const before = await node.heapBytes();
  const seconds = await write(url, Math.round(KEYS * share), 60_000 * share);
  const lastWriteAt = performance.now();
  await emptied(url);
  const emptiedMs = performance.now() - lastWriteAt - TTL_MS;
  const after = await node.heapBytes();
  return [
    plain('keys with a TTL of 5 s', Math.round(KEYS * share), ''),
    plain('written in', seconds, 's'),
    atMost('map empty after the last death, within', Math.max(0, emptiedMs) / 1000, 's', 10),
    plain('heap before', before / 2 ** 20, 'MiB'),
    plain('heap after', after / 2 ** 20, 'MiB'),
    atMost('ratio of the two', after / before, '', 1.1),
  ];
}

/** @returns seconds. */
async function write(url: string, keys: number, durationMs: number): Promise<number> {
  const startedAt = performance.now();
  for (let from = 0; from < keys; from += BATCH) {
    const dueAt = startedAt + (from / keys) * durationMs;
    if (performance.now() < dueAt) await wait(dueAt - performance.now());
    const ops = Array.from({ length: BATCH }, (_, index) => ({
      op: 'put',
      key: `mortal${from + index}`,
      value: VALUE,
      version: 1,
      ttl_ms: TTL_MS,
    }));
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${url}/cache`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ops }),
    });
    if (!answer.ok) throw new Error(`${url} does not take the keys: ${answer.status}`);
    await answer.arrayBuffer();
  }
  return (performance.now() - startedAt) / 1000;
}

async function emptied(url: string): Promise<void> {
  const endAt = performance.now() + COLLECT_LIMIT_MS;
  while (performance.now() < endAt) {
    if ((await metric(url, 'hearsay_map_entries')) === 0) return;
    await wait(100);
  }
  throw new Error(`the map still holds dead keys after ${COLLECT_LIMIT_MS} ms`);
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = new RegExp(`^${name}(?:{[^}]*})? ([\\d.e+]+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`${url} has no metric ${name}`);
  return Number(value);
}
