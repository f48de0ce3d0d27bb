/** Bots in many worlds: how late ticks come, how long frames stay away, and what play costs the log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readTokens } from '../process/tokenFile.ts';
import { openCache } from '../tables/cache.ts';
import { Configurations } from '../tables/operatorTables.ts';
import { sessionSchema } from '../tables/schemas.ts';
import { TableMirror } from '../tables/tableMirror.ts';
import { logSizeOf } from './logSize.ts';
import type { RunningWorlds } from './runningWorlds.ts';
import { quantileBetween, type Scrape, scrape } from './scrape.ts';

const BOTS = fileURLToPath(new URL('../bots/main.ts', import.meta.url));
const LATE = 'worlds_tick_late_seconds';
const SETTLE_MS = 100;

const botsSchema = z.object({
  seated: z.number(),
  refused: z.number(),
  bytesPerSecond: z.number(),
  longestGapMs: z.number(),
  faults: z.number(),
  firstFault: z.string().nullable(),
});

export interface PlayFigures {
  readonly bots: number;
  readonly seated: number;
  readonly faults: number;
  readonly firstFault: string | null;
  readonly ticksSkipped: number;
  /** The upper bound of its bucket, of the worst world. */
  readonly tickLateP99Ms: number;
  readonly longestFrameGapMs: number;
  readonly bytesPerSecondAndPlayer: number;
  /** Of the whole log, less as much time without players; so are the bytes. */
  readonly opsPerPlayerMinute: number;
  readonly logBytesPerPlayerMinute: number;
}

/** Configures worlds of 50 seats each in the first region, and waits until they take players. */
export async function prepareWorlds({ regions }: RunningWorlds, count: number): Promise<string[]> {
  const [home] = regions;
  if (home === undefined) throw new Error('There is no region.');
  const token = await readTokens(home.paths.tokenFile('operator'));
  await using cache = openCache({ endpoints: home.nodeUrls, token });
  await using sessions = new TableMirror(cache, 'session', sessionSchema, home.region);
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
  const active = () => [...sessions.rows()].filter(({ value }) => value?.state === 'active');
  const ofBench = () => active().filter(({ key }) => key.includes('/bench-'));
  while (ofBench().length < count) await sleep(SETTLE_MS);
  return active().flatMap(({ value }) => value?.controlUrl ?? []);
}

/** @param worldUrls the control listeners of all worlds of the first region. */
export async function benchPlay(
  worlds: RunningWorlds,
  worldUrls: readonly string[],
  bots: number,
  seconds: number,
): Promise<PlayFigures> {
  const dataDir = worlds.regions[0]?.nodes[0]?.environment.DATA_DIR ?? '';
  const idleFrom = await logSizeOf(dataDir);
  await sleep(seconds * 1000);
  const playFrom = await logSizeOf(dataDir);
  const before = await Promise.all(worldUrls.map(scrape));
  const report = await runBots(worlds.edgeUrl, bots, seconds);
  const end = await logSizeOf(dataDir);
  const playerMinutes = Math.max(1, report.seated * seconds) / 60;
  const costOf = (size: 'ops' | 'textBytes'): number =>
    (end[size] - playFrom[size] - (playFrom[size] - idleFrom[size])) / playerMinutes;
  const after = await Promise.all(worldUrls.map(scrape));
  const both = before.flatMap((first, index): [Scrape, Scrape][] => {
    const second = after[index];
    return second === undefined ? [] : [[first, second]];
  });
  const grown = (name: string): number =>
    both.reduce((sum, [first, second]) => sum + second.total(name) - first.total(name), 0);
  return {
    bots,
    seated: report.seated,
    faults: report.faults,
    firstFault: report.firstFault,
    ticksSkipped: grown('worlds_ticks_skipped_total'),
    tickLateP99Ms:
      1000 *
      Math.max(
        ...both.map(([first, second]) =>
          quantileBetween(first.buckets(LATE), second.buckets(LATE), 0.99),
        ),
      ),
    longestFrameGapMs: report.longestGapMs,
    bytesPerSecondAndPlayer: report.bytesPerSecond,
    opsPerPlayerMinute: costOf('ops'),
    logBytesPerPlayerMinute: costOf('textBytes'),
  };
}

async function runBots(
  edgeUrl: string,
  count: number,
  seconds: number,
): Promise<z.output<typeof botsSchema>> {
  const words = ['--count', `${count}`, '--seconds', `${seconds}`, '--edge-url', edgeUrl];
  const child = spawn(process.execPath, [BOTS, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  return botsSchema.parse(JSON.parse(text));
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
