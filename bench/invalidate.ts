/**
 * The time from the call that revalidates a tag at one server until a read at another one no longer shows its entry:
 * two handlers of Next's `'use cache'`, each with a node of its own. Next itself adds its page, which
 * `npm run adapters -- next` tells of.
 */
import { type CacheEntry, createCacheHandler } from '../src/adapters/next/index.ts';
import { atMost, median, type Outcome, percentile, plain } from './figures.ts';
import { VALUE_TEXT } from './keys.ts';
import { startNodes } from './nodes.ts';
import { type Scale, scaled } from './scale.ts';

const INVALIDATIONS = 1000;
const KEY = 'price';
const TAG = 'prices';
const GOAL_MS = 50;
const TIMEOUT_MS = 60_000;

export async function benchInvalidate(scale: Scale): Promise<Outcome> {
  await using resources = new AsyncDisposableStack();
  const { urls } = resources.use(await startNodes(2));
  const opened = urls.map((url) => createCacheHandler({ endpoints: [url] }));
  const [first, second] = opened;
  if (first === undefined || second === undefined) throw new Error('there are two nodes');
  for (const handler of opened) resources.defer(() => handler.close());
  const isShown = async (timestamp: number): Promise<boolean> =>
    (await second.get(KEY, []))?.timestamp === timestamp;
  const times: number[] = [];
  for (let left = scaled(INVALIDATIONS, scale); left > 0; left--) {
    const entry = entryOf(VALUE_TEXT);
    await first.set(KEY, Promise.resolve(entry));
    await until(() => isShown(entry.timestamp));
    const startMs = performance.now();
    await first.updateTags([TAG]);
    await until(async () => !(await isShown(entry.timestamp)));
    times.push(performance.now() - startMs);
    // A read that failed for a moment gives nothing either.
    if (await isShown(entry.timestamp)) throw new Error('an entry is shown again');
  }
  const figures = [
    plain('invalidations', times.length, ''),
    atMost('seen at the other server, median', median(times), 'ms', GOAL_MS),
    plain('seen at the other server, 99th percentile', percentile(times, 0.99), 'ms'),
  ];
  return { figures, skipped: [] };
}

const entryOf = (text: string): CacheEntry => ({
  value: new Blob([text]).stream(),
  tags: [TAG],
  stale: 0,
  timestamp: performance.timeOrigin + performance.now(),
  expire: 3600,
  revalidate: 3600,
});

/** @throws Error after a minute. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + TIMEOUT_MS;
  while (!(await condition()))
    if (performance.now() > endAt) throw new Error('the other server does not follow');
}
