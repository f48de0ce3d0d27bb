/** `npm run worlds -- bots`: players that walk about, and one line of JSON about them. */
import { z } from 'zod';
import { readSettings, wholeNumber } from '../process/settings.ts';
import { nameSchema } from '../tables/schemas.ts';
import { playBot } from './bot.ts';

const settingsSchema = z.object({
  count: wholeNumber(1, 1000).prefault('20').describe('players at one time (default 20)'),
  seconds: wholeNumber(1, 86_400).prefault('15').describe('how long they play (default 15)'),
  seed: wholeNumber(0, 2 ** 32 - 1)
    .prefault('1')
    .describe('the same one makes the same steps (default 1)'),
  regions: z
    .string()
    .default('eu')
    .transform((text) => text.split(','))
    .pipe(z.array(nameSchema).min(1).max(10))
    .describe('regions that they join, the preferred ones first, separated by commas (default eu)'),
  edgeUrl: z
    .url()
    .default('http://127.0.0.1:8080')
    .describe('base URL of the edge (default http://127.0.0.1:8080)'),
});

const { count, seconds, seed, ...places } = readSettings(
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

const outcomes = await Promise.allSettled(
  Array.from({ length: count }, (_unused, number) =>
    playBot(places, number, seconds * 1000, randomOf(seed * 10_007 + number)),
  ),
);
const reports = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
const faults = [
  ...reports.flatMap((report) => report.faults),
  ...outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
];
const seated = reports.filter(({ isSeated }) => isSeated);
const sum = (of: (report: (typeof reports)[number]) => number): number =>
  seated.reduce((total, report) => total + of(report), 0);
const line = {
  bots: count,
  seated: seated.length,
  refused: reports.length - seated.length,
  bytesPerSecond: Math.round(sum(({ bytes }) => bytes) / seconds / Math.max(1, seated.length)),
  framesPerSecond: Math.round(sum(({ frames }) => frames) / seconds / Math.max(1, seated.length)),
  longestGapMs: Math.round(Math.max(0, ...seated.map(({ longestGapMs }) => longestGapMs))),
  faults: faults.length,
  firstFault: faults[0] ?? null,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exit(faults.length > 0 ? 1 : 0);
