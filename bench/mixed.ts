/**
 * GETs beside 5,000 PUTs a second, each synced to the disk before its answer: the 99th percentile of the
 * GETs with and without them, in turn. The same on a disk on which each fsync takes 10 ms longer.
 */
import { atMost, type Figure, type Outcome, percentile, plain } from './figures.ts';
import { inTurn } from './inTurn.ts';
import { keyOf } from './keys.ts';
import { getLatencies } from './latency.ts';
import { checkPuts, checkValues, fillKeys, sumOfVersions } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { type PutReport, poolOf, putBeside, putter } from './pacedPuts.ts';
import { temporaryDirectory } from './processes.ts';
import { type Scale, scaled } from './scale.ts';
import { slowDisk } from './slowDisk.ts';
import { missing } from './tools.ts';

const KEYS = 100_000;
const GETS_PER_SECOND = 500;
const PUTS_PER_SECOND = 5000;
/** Enough for the PUTs that come while two commits go to a slow disk. */
const CONNECTIONS = 256;
const FSYNC_DELAY_MS = 10;

export async function benchMixed(scale: Scale): Promise<Outcome> {
  const skipped = missing('cc').map((why) => `the disk with slow fsyncs: ${why}`);
  const figures = await measure('', scale);
  if (skipped.length === 0) {
    using directory = temporaryDirectory();
    const environment = slowDisk(directory.path, FSYNC_DELAY_MS);
    figures.push(...(await measure(`, fsync + ${FSYNC_DELAY_MS} ms`, scale, environment)));
  }
  return { figures, skipped };
}

async function measure(
  where: string,
  scale: Scale,
  environment?: Readonly<Record<string, string>>,
): Promise<Figure[]> {
  const keys = scaled(KEYS, scale);
  const perSecond = scaled(PUTS_PER_SECOND, scale);
  await using nodes = await startNodes(1, environment === undefined ? {} : { environment });
  const [url = ''] = nodes.urls;
  await fillKeys(url, keys);
  if (environment !== undefined) await checkDelay(url);
  let answered = keys + (environment === undefined ? 0 : 1);
  let putsPerSecond = 0;
  const take = (report: PutReport): void => {
    answered += report.answered;
    putsPerSecond = report.answered / report.seconds;
  };
  const gets = async (): Promise<number> => {
    const endAt = performance.now() + scale.seconds * 1000;
    const path = (count: number): string => `/cache/${keyOf((count * 7919) % keys)}`;
    const isOver = (): boolean => performance.now() > endAt;
    return percentile(await getLatencies(url, path, GETS_PER_SECOND, isOver), 0.99);
  };
  const rounds = await inTurn<'alone' | 'beside', 'p99Ms' | 'putsPerSecond'>(scale, {
    alone: async () => ({ p99Ms: await gets(), putsPerSecond: 0 }),
    beside: async () => {
      const puts = await putBeside({ url, perSecond, connections: CONNECTIONS, keys });
      const p99Ms = await gets().finally(() => puts.stop().then(take));
      return { p99Ms, putsPerSecond };
    },
  });
  await checkValues(url, keys);
  checkPuts(await sumOfVersions(url), answered, 0);
  return [
    plain(`PUTs a second${where}`, rounds.median('beside', 'putsPerSecond'), '1/s'),
    plain(`GET alone, 99th percentile${where}`, rounds.median('alone', 'p99Ms'), 'ms'),
    plain(`GET beside the PUTs, 99th percentile${where}`, rounds.median('beside', 'p99Ms'), 'ms'),
    atMost(
      `GET, 99th percentiles, beside / alone${where}`,
      rounds.ratio('beside', 'alone', 'p99Ms'),
      '',
      2,
    ),
  ];
}

/** @throws Error if a PUT does not wait for the slow disk. */
async function checkDelay(url: string): Promise<void> {
  const pool = poolOf(url, 1);
  const startedAt = performance.now();
  await putter(pool)(keyOf(0));
  const tookMs = performance.now() - startedAt;
  await pool.close();
  if (tookMs < FSYNC_DELAY_MS) throw new Error(`a PUT took ${tookMs} ms: no fsync was delayed`);
}
