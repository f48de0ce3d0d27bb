/**
 * GETs beside 5,000 PUTs a second, each synced to the disk before its answer: the 99th percentile of the
 * GETs with and without them, in turn. The same on a disk on which each fsync takes 10 ms longer. And the same of the
 * bare server, which keeps nothing: so much of it is the load's own and the machine's.
 */
import { startBareServer } from './bareServer.ts';
import { atMost, type Figure, type Outcome, percentile, plain } from './figures.ts';
import { inTurn, type Rounds } from './inTurn.ts';
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
  const figures = [...(await measureBare(scale)), ...(await measure('', scale))];
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
  const rounds = await alternate({ url, keys, perSecond, scale }, (report) => {
    answered += report.answered;
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

async function measureBare(scale: Scale): Promise<Figure[]> {
  const keys = scaled(KEYS, scale);
  const perSecond = scaled(PUTS_PER_SECOND, scale);
  await using bare = await startBareServer(keys);
  const rounds = await alternate({ url: bare.url, keys, perSecond, scale });
  await checkValues(bare.url, keys);
  return [
    plain('bare server: GET alone, 99th percentile', rounds.median('alone', 'p99Ms'), 'ms'),
    plain('bare server: GET beside PUTs', rounds.median('beside', 'p99Ms'), 'ms'),
    plain('bare server: beside / alone', rounds.ratio('beside', 'alone', 'p99Ms'), ''),
  ];
}

interface Target {
  readonly url: string;
  readonly keys: number;
  /** PUTs. */
  readonly perSecond: number;
  readonly scale: Scale;
}

/** GETs alone and beside PUTs, in turn. @param take gets the report of each run of PUTs. */
async function alternate(
  { url, keys, perSecond, scale }: Target,
  take: (report: PutReport) => void = () => {},
): Promise<Rounds<'alone' | 'beside', 'p99Ms' | 'putsPerSecond'>> {
  let putsPerSecond = 0;
  const note = (report: PutReport): void => {
    take(report);
    putsPerSecond = report.answered / report.seconds;
  };
  const gets = async (): Promise<number> => {
    const endAt = performance.now() + scale.seconds * 1000;
    const path = (count: number): string => `/cache/${keyOf((count * 7919) % keys)}`;
    const isOver = (): boolean => performance.now() > endAt;
    return percentile(await getLatencies(url, path, GETS_PER_SECOND, isOver), 0.99);
  };
  return await inTurn<'alone' | 'beside', 'p99Ms' | 'putsPerSecond'>(scale, {
    alone: async () => ({ p99Ms: await gets(), putsPerSecond: 0 }),
    beside: async () => {
      const puts = await putBeside({ url, perSecond, connections: CONNECTIONS, keys });
      const p99Ms = await gets().finally(() => puts.stop().then(note));
      return { p99Ms, putsPerSecond };
    },
  });
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
