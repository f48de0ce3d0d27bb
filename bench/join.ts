/**
 * A new node joins a node that holds 500,000 keys and has compacted its log, so that it must serve a
 * snapshot. The bench measures the time of the join, and the latency of GETs at the serving node from
 * the first part of the snapshot until the new node is ready: before that the new node only starts, which
 * takes the processor and not the serving node.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { atMost, median, type Outcome, percentile, plain } from './figures.ts';
import { keyOf } from './keys.ts';
import { getLatencies } from './latency.ts';
import { checkValues, fillKeys, metric } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { type Scale, scaled } from './scale.ts';

const KEYS = 500_000;
const GETS_PER_SECOND = 500;
const OVERWRITTEN = 20_000;
const LIMIT_MS = 600_000;
const SNAPSHOTS = 'hearsay_snapshots_sent_total';

export async function benchJoin(scale: Scale): Promise<Outcome> {
  const keys = scaled(KEYS, scale);
  await using first = await startNodes(1, {
    flags: ['--retention', '2s', '--join-timeout', '200ms'],
  });
  const [url = ''] = first.urls;
  await fillKeys(url, keys);
  await fillKeys(url, Math.min(keys, OVERWRITTEN));
  await compacted(url);
  if (scale.warmUp) await joinOnce(url, keys, scale);
  const rounds: Round[] = [];
  while (rounds.length < scale.rounds) rounds.push(await joinOnce(url, keys, scale));
  const medianOf = (of: (round: Round) => number): number => median(rounds.map(of));
  return {
    figures: [
      plain('keys', keys, ''),
      plain(
        'a new node has joined and writes, after',
        medianOf(({ seconds }) => seconds),
        's',
      ),
      plain(
        'GET before, 99th percentile',
        medianOf(({ before }) => before),
        'ms',
      ),
      plain(
        'GET while the snapshot is served, 99th percentile',
        medianOf(({ during }) => during),
        'ms',
      ),
      atMost(
        'GET, 99th percentiles, while it is served / before',
        medianOf(({ before, during }) => during / before),
        '',
        2,
      ),
    ],
    skipped: [],
  };
}

interface Round {
  readonly seconds: number;
  /** 99th percentiles, in milliseconds. */
  readonly before: number;
  readonly during: number;
}

async function joinOnce(url: string, keys: number, { seconds }: Scale): Promise<Round> {
  const path = (count: number): string => `/cache/${keyOf((count * 7919) % keys)}`;
  const endAt = performance.now() + seconds * 1000;
  const before = await getLatencies(url, path, GETS_PER_SECOND, () => performance.now() > endAt);
  const sentBefore = await metric(url, SNAPSHOTS);
  const startedAt = performance.now();
  let isOver = false;
  const joining = startNodes(1, { known: url, limitMs: LIMIT_MS }).finally(() => {
    isOver = true;
  });
  const beside = async (): Promise<number[]> => {
    while (!isOver && (await metric(url, SNAPSHOTS)) === sentBefore) await wait(20);
    let sent = 0;
    const counted = (count: number): string => {
      sent++;
      return path(count);
    };
    return getLatencies(url, counted, GETS_PER_SECOND, () => isOver && sent > 0);
  };
  const [during, joined] = await Promise.all([beside(), joining]);
  await using second = joined;
  const took = (performance.now() - startedAt) / 1000;
  await checkValues(second.urls[0] ?? '', keys);
  return { seconds: took, before: percentile(before, 0.99), during: percentile(during, 0.99) };
}

async function compacted(url: string): Promise<void> {
  const endAt = performance.now() + 60_000;
  while (performance.now() < endAt) {
    if ((await metric(url, 'hearsay_log_compacted_rows_total')) > 0) return;
    await wait(200);
  }
  throw new Error('nothing was compacted within a minute');
}
