/**
 * Keys with a TTL of 5 s, written for a minute: afterwards the map is empty and the heap is back where it
 * was, and no GET saw a key past its time.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { atMost, type Outcome, plain } from './figures.ts';
import { startMeasuredNode } from './measuredNode.ts';
import { fillKeys, metric } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { temporaryDirectory } from './processes.ts';
import { type Scale, scaled } from './scale.ts';

const KEYS = 1_000_000;
const TTL_MS = 5000;
const FILL_MS = 60_000;
const WARM_UP_KEYS = 20_000;
const WARM_UP_MS = 5000;
const BATCH = 1000;
const COLLECT_LIMIT_MS = 60_000;

export async function benchExpiry(scale: Scale): Promise<Outcome> {
  using directory = temporaryDirectory();
  await using node = await startMeasuredNode(directory.path, {
    RETENTION: '10s',
    JOIN_TIMEOUT: '1s',
  });
  const { url } = node;
  await using _peer = await startNodes(1, { flags: ['--retention', '10s'], known: url });
  const keys = scaled(KEYS, scale);
  await write(url, scaled(WARM_UP_KEYS, scale), scaled(WARM_UP_MS, scale)); // fills caches and compiled code
  await emptied(url);
  const before = await node.heapBytes();
  const seconds = await write(url, keys, FILL_MS * (keys / KEYS));
  const lastWriteAt = performance.now();
  await emptied(url);
  const emptiedMs = performance.now() - lastWriteAt - TTL_MS;
  const after = await node.heapBytes();
  return {
    figures: [
      plain('keys with a TTL of 5 s', keys, ''),
      plain('written in', seconds, 's'),
      atMost('map empty after the last death, within', Math.max(0, emptiedMs) / 1000, 's', 10),
      plain('heap before', before / 2 ** 20, 'MiB'),
      plain('heap after', after / 2 ** 20, 'MiB'),
      atMost('heap, after / before', after / before, '', 1.1),
    ],
    skipped: [],
  };
}

/** @returns seconds. */
async function write(url: string, keys: number, durationMs: number): Promise<number> {
  const startedAt = performance.now();
  for (let from = 0; from < keys; from += BATCH) {
    const dueAt = startedAt + (from / keys) * durationMs;
    if (performance.now() < dueAt) await wait(dueAt - performance.now());
    const nameOf = (index: number): string => `mortal${from + index}`;
    await fillKeys(url, Math.min(BATCH, keys - from), { ttl_ms: TTL_MS }, nameOf);
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
