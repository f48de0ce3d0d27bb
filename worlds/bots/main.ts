/** `npm run worlds -- bots`: players that walk about, and one line of JSON about them. */
import { z } from 'zod';
import { readSettings, wholeNumber } from '../process/settings.ts';
import { nameSchema } from '../tables/schemas.ts';
import { Bot } from './bot.ts';
import { FrameGaps } from './frameGaps.ts';

const settingsSchema = z.object({
  count: wholeNumber(1, 1000).prefault('20').describe('players at one time (default 20)'),
  seconds: wholeNumber(1, 86_400).prefault('15').describe('how long they play (default 15)'),
  settleSeconds: wholeNumber(0, 600)
    .prefault('0')
    .describe('how long they play before frames, bytes and gaps are counted (default 0)'),
  seed: wholeNumber(0, 2 ** 32 - 1)
    .prefault('1')
    .describe('the same one makes the same steps (default 1)'),
  regions: z
    .string()
    .default('eu')
    .transform((text) => text.split(','))
    .pipe(z.array(nameSchema).min(1).max(10))
    .describe('regions that they join, the preferred ones first, separated by commas (default eu)'),
  world: z
    .string()
    .default('')
    .transform((text) => {
      const [region = '', world = ''] = text.split('/');
      return text === '' ? null : { region, world };
    })
    .pipe(z.object({ region: nameSchema, world: nameSchema }).nullable())
    .describe('world that they ask first, as region/world (default: any)'),
  edgeUrl: z
    .url()
    .default('http://127.0.0.1:8080')
    .describe('base URL of the edge (default http://127.0.0.1:8080)'),
});

const { count, seconds, settleSeconds, seed, ...places } = readSettings(
  'bots',
  settingsSchema,
  process.argv.slice(2),
  process.env,
);

/** The generator of mulberry32: enough for steps. */
function randomOf(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Longer than any return takes. */
const MOST_LOST_MS = 10_000;

const bots: Bot[] = [];
const faults: string[] = [];
const countedFromMs = performance.now() + settleSeconds * 1000;
const untilMs = countedFromMs + seconds * 1000;
const sleepUntil = (atMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())));
const entering = Array.from({ length: count }, async (_unused, number) => {
  try {
    const bot = await Bot.enter({ ...places, number, random: randomOf(seed * 10_007 + number) });
    bots.push(bot);
  } catch (error) {
    faults.push(String(error));
  }
});
await sleepUntil(countedFromMs);
const arrivalGaps = new FrameGaps();
for (const bot of bots) {
  arrivalGaps.add(bot.gaps);
  bot.countAnew();
}
await Promise.race([Promise.all(entering), sleepUntil(untilMs)]);
await sleepUntil(untilMs);

const gaps = new FrameGaps();
for (const bot of bots) {
  gaps.add(bot.gaps);
  faults.push(...bot.faults);
  const { stopped, lostMs } = bot;
  if (stopped !== null && stopped !== 'refused') faults.push(`Play was ended: ${stopped}.`);
  if (lostMs !== null && lostMs > MOST_LOST_MS)
    faults.push(`A player was away for ${Math.round(lostMs)} ms.`);
}
const seated = bots.filter(({ frames }) => frames > 0);
const sum = (of: (bot: Bot) => number): number => seated.reduce((total, bot) => total + of(bot), 0);
const returns = bots.flatMap((bot) => bot.returns);
const line = {
  bots: count,
  seated: seated.length,
  refused: bots.filter(({ refusedBy }) => refusedBy !== null).length,
  refusedBy: Object.fromEntries(
    [...Map.groupBy(bots, ({ refusedBy }) => refusedBy)].flatMap(([status, all]) =>
      status === null ? [] : [[status, all.length]],
    ),
  ),
  bytesPerSecond: Math.round(sum(({ bytes }) => bytes) / seconds / Math.max(1, seated.length)),
  framesPerSecond: Math.round(sum(({ frames }) => frames) / seconds / Math.max(1, seated.length)),
  frameGapP99Ms: gaps.quantile(0.99),
  longestGapMs: gaps.quantile(1),
  // Before the settle time was over; 0 without one.
  arrivalGapP99Ms: arrivalGaps.quantile(0.99),
  arrivalLongestGapMs: arrivalGaps.quantile(1),
  returns: returns.length,
  longestReturnMs: Math.round(Math.max(0, ...returns.map(({ afterMs }) => afterMs))),
  faults: faults.length,
  firstFault: faults[0] ?? null,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exit(faults.length > 0 ? 1 : 0);
