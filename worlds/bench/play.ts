/** Bots in many worlds: how late ticks come, how long frames stay away, and what play costs the log. */
import { readTokens } from '../process/tokenFile.ts';
import { openCache } from '../tables/cache.ts';
import { Configurations } from '../tables/operatorTables.ts';
import { sessionSchema } from '../tables/schemas.ts';
import { TableMirror } from '../tables/tableMirror.ts';
import { logSizeOf } from './logSize.ts';
import { runBots } from './programs.ts';
import type { RunningWorlds } from './runningWorlds.ts';
import { quantileBetween, type Scrape, scrape } from './scrape.ts';

const LATE = 'worlds_tick_late_seconds';
const LOOK_MS = 100;
/** All bots come at once: so long after that they have logged in, joined and play. Their play is measured from then on. */
const SETTLE_SECONDS = 15;

export interface Ticks {
  readonly ticksSkipped: number;
  /** The upper bound of its bucket, of the worst world. */
  readonly tickLateP99Ms: number;
}

export interface PlayFigures {
  readonly bots: number;
  readonly seated: number;
  /** Status of a refusal → players. */
  readonly refusedBy: Readonly<Record<string, number>>;
  readonly faults: number;
  readonly firstFault: string | null;
  /** While they came, from before the first login to the end of the settle time. */
  readonly arrival: Ticks & {
    readonly settleSeconds: number;
    readonly frameGapP99Ms: number;
    readonly longestFrameGapMs: number;
  };
  readonly ticksSkipped: number;
  readonly tickLateP99Ms: number;
  /** Of a world of the other region, where nobody plays. */
  readonly emptyTickLateP99Ms: number;
  readonly frameGapP99Ms: number;
  readonly longestFrameGapMs: number;
  readonly bytesPerSecondAndPlayer: number;
  /** Of the whole log from their arrival on, less as much time without players; so are the bytes. */
  readonly opsPerPlayerMinute: number;
  readonly logBytesPerPlayerMinute: number;
}

/** The control listeners of worlds. */
export interface PreparedWorlds {
  /** All of the first region. */
  readonly urls: readonly string[];
  /** One of another region, where nobody plays. */
  readonly emptyUrl: string;
}

/** Configures worlds of 50 seats each in the first region, and waits until they take players. */
export async function prepareWorlds(
  { regions }: RunningWorlds,
  count: number,
): Promise<PreparedWorlds> {
  const [home, far] = regions;
  if (home === undefined || far === undefined) throw new Error('There is no region.');
  const token = await readTokens(home.paths.tokenFile('operator'));
  await using cache = openCache({ endpoints: home.nodeUrls, token });
  await using sessions = new TableMirror(cache, 'session', sessionSchema, home.region);
  await using others = new TableMirror(cache, 'session', sessionSchema, far.region);
  const configurations = new Configurations(cache);
  for (let number = 1; number <= count; number += 1)
    await configurations.create(
      home.region,
      `bench-${number}`,
      {
        name: `Bench ${number}`,
        map: 'meadow',
        maxPlayers: 50,
        mode: 'static',
        minInstances: 1,
        maxInstances: 1,
        spareSeats: 0,
        desired: 'running',
        restartEveryHours: 24,
      },
      Date.now(),
    );
  const activeIn = (mirror: typeof sessions) =>
    [...mirror.rows()].filter(({ value }) => value?.state === 'active');
  const active = () => activeIn(sessions);
  const ofBench = () => active().filter(({ key }) => key.includes('/bench-'));
  while (ofBench().length < count) await sleep(LOOK_MS);
  const urlsOf = (mirror: typeof sessions): string[] =>
    activeIn(mirror).flatMap(({ value }) => value?.controlUrl ?? []);
  while (urlsOf(others).length === 0) await sleep(LOOK_MS);
  return { urls: urlsOf(sessions), emptyUrl: urlsOf(others)[0] ?? '' };
}

export async function benchPlay(
  worlds: RunningWorlds,
  { urls: worldUrls, emptyUrl }: PreparedWorlds,
  bots: number,
  seconds: number,
): Promise<PlayFigures> {
  const dataDir = worlds.regions[0]?.nodes[0]?.environment.DATA_DIR ?? '';
  const idleFrom = await logSizeOf(dataDir);
  await sleep(seconds * 1000);
  const playFrom = await logSizeOf(dataDir);
  const empty = await Promise.all(worldUrls.map(scrape));
  const playing = runBots(worlds.edgeUrl, { count: bots, settleSeconds: SETTLE_SECONDS, seconds });
  await sleep(SETTLE_SECONDS * 1000);
  const settled = await Promise.all(worldUrls.map(scrape));
  const emptyBefore = await scrape(emptyUrl);
  // Their program has started a little later: all of them play yet.
  await sleep(seconds * 1000);
  const after = await Promise.all(worldUrls.map(scrape));
  const emptyAfter = await scrape(emptyUrl);
  const report = await playing;
  const end = await logSizeOf(dataDir);
  const playedSeconds = SETTLE_SECONDS + seconds;
  const playerMinutes = Math.max(1, report.seated * playedSeconds) / 60;
  const costOf = (size: 'ops' | 'textBytes'): number => {
    const idle = ((playFrom[size] - idleFrom[size]) * playedSeconds) / seconds;
    return (end[size] - playFrom[size] - idle) / playerMinutes;
  };
  return {
    bots,
    seated: report.seated,
    refusedBy: report.refusedBy,
    faults: report.faults,
    firstFault: report.firstFault,
    arrival: {
      settleSeconds: SETTLE_SECONDS,
      ...ticksBetween(empty, settled),
      frameGapP99Ms: report.arrivalGapP99Ms,
      longestFrameGapMs: report.arrivalLongestGapMs,
    },
    ...ticksBetween(settled, after),
    emptyTickLateP99Ms: lateP99Of(emptyBefore, emptyAfter),
    frameGapP99Ms: report.frameGapP99Ms,
    longestFrameGapMs: report.longestGapMs,
    bytesPerSecondAndPlayer: report.bytesPerSecond,
    opsPerPlayerMinute: costOf('ops'),
    logBytesPerPlayerMinute: costOf('textBytes'),
  };
}

/** Of the same worlds, in the same order. */
function ticksBetween(before: readonly Scrape[], after: readonly Scrape[]): Ticks {
  const both = before.flatMap((first, index): [Scrape, Scrape][] => {
    const second = after[index];
    return second === undefined ? [] : [[first, second]];
  });
  const skipped = 'worlds_ticks_skipped_total';
  return {
    ticksSkipped: both.reduce(
      (sum, [first, second]) => sum + second.total(skipped) - first.total(skipped),
      0,
    ),
    tickLateP99Ms: Math.max(...both.map(([first, second]) => lateP99Of(first, second))),
  };
}

/** In milliseconds. */
const lateP99Of = (before: Scrape, after: Scrape): number =>
  1000 * quantileBetween(before.buckets(LATE), after.buckets(LATE), 0.99);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
