/**
 * A new node joins a node that holds 500,000 keys and has compacted its log, so that it must serve a
 * snapshot. The bench measures the time of the join, and the latency of GETs at the serving node
 * meanwhile.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { atMost, type Figure, percentile, plain } from './figures.ts';
import { fillKeys } from './fill.ts';
import { getLatencies } from './latency.ts';
import { startNodes } from './nodes.ts';

const KEYS = 500_000;
const GETS_PER_SECOND = 500;
const OVERWRITTEN = 20_000;

/** @param share of the keys, for a quick run. */
export async function benchJoin(share: number): Promise<Figure[]> {
  const keys = Math.round(KEYS * share);
  await using first = await startNodes(1, ['--retention', '2s', '--join-timeout', '200ms']);
  const [url = ''] = first.urls;
  await fillKeys(url, keys, 1);
  await fillKeys(url, Math.min(keys, OVERWRITTEN), 2);
  await compacted(url);
  const path = (count: number): string => `/cache/key${1 + ((count * 7919) % keys)}`;
  const endAt = performance.now() + 5000 * Math.max(0.2, share);
  const before = await getLatencies(url, path, GETS_PER_SECOND, () => performance.now() > endAt);
  const startedAt = performance.now();
  let joined = false;
  const joining = startNodes(1, [], url).then((node) => {
    joined = true;
    return node;
  });
  const during = await getLatencies(url, path, GETS_PER_SECOND, () => joined);
  await using second = await joining;
  const seconds = (performance.now() - startedAt) / 1000;
  const last = await fetch(`${second.urls[0]}/cache/key${keys}`);
  if (!last.ok) throw new Error('the node that joined lacks a key');
  const base = percentile(before, 0.99);
  return [
    plain('keys', keys, ''),
    plain('a new node has joined and writes, after', seconds, 's'),
    plain('GET before, 99th percentile', base, 'ms'),
    plain('GET while the snapshot is served, 99th percentile', percentile(during, 0.99), 'ms'),
    atMost('ratio of the two', percentile(during, 0.99) / base, '', 2),
  ];
}

async function compacted(url: string): Promise<void> {
  const endAt = performance.now() + 60_000;
  while (performance.now() < endAt) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (/^hearsay_log_compacted_rows_total [1-9]/m.test(metrics)) return;
    await wait(200);
  }
  throw new Error('nothing was compacted within a minute');
}
