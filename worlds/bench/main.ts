/**
 * `npm run worlds:bench`: how soon `npm run worlds` is ready, the memory that it takes, play with many bots, joins,
 * listings, and a world beside a room of Colyseus. One line of JSON for each figure; nothing passes or fails, for it
 * depends on the machine.
 */
import { z } from 'zod';
import { readSettings, wholeNumber } from '../process/settings.ts';
import { benchColyseus } from './colyseus.ts';
import { emptied } from './emptied.ts';
import { benchJoins } from './joins.ts';
import { benchListings } from './listings.ts';
import { benchPlay, prepareWorlds } from './play.ts';
import { startWorlds } from './runningWorlds.ts';

const PARTS = ['play', 'joins', 'listings', 'colyseus'] as const;

const settingsSchema = z.object({
  parts: z
    .string()
    .default(PARTS.join(','))
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(PARTS)).min(1))
    .describe(`what is measured, beside the start (default ${PARTS.join(',')})`),
  worlds: wholeNumber(0, 20)
    .prefault('9')
    .describe('worlds of 50 seats beside those of a first start (default 9)'),
  bots: z
    .string()
    .default('50,200,500')
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.int().min(1).max(1000)).min(1))
    .describe('numbers of bots, one after another (default 50,200,500)'),
  firstPort: wholeNumber(1025, 60_000)
    .prefault('18200')
    .describe('first port of the worlds; the edge has the one before (default 18200)'),
  seconds: wholeNumber(1, 3600).prefault('60').describe('how long they play (default 60)'),
  rounds: wholeNumber(1, 100)
    .prefault('3')
    .describe('turns of a world and of Colyseus, of which the medians are told (default 3)'),
});

const settings = readSettings('worlds:bench', settingsSchema, process.argv.slice(2), process.env);

const tell = (figures: object): void => void process.stdout.write(`${JSON.stringify(figures)}\n`);

await using worlds = await startWorlds(settings.firstPort, {
  // All bots come within a second: the bounds on all guests and joins together are not measured here.
  WORLDS_ALL_GUESTS_PER_SECOND: '1000',
  WORLDS_ALL_REQUESTS_PER_SECOND: '10000',
});
tell({ name: 'start', readySeconds: worlds.readySeconds, ...(await worlds.memory()) });
const prepared = await prepareWorlds(worlds, settings.worlds);
tell({ name: 'with all worlds', ...(await worlds.memory()) });
const { parts, seconds, rounds } = settings;
if (parts.includes('play'))
  for (const bots of settings.bots) {
    await emptied(worlds.edgeUrl);
    tell({ name: 'play', ...(await benchPlay(worlds, prepared, bots, seconds)) });
  }
if (parts.includes('joins')) {
  await emptied(worlds.edgeUrl);
  tell({
    name: 'joins',
    ...(await benchJoins(worlds, { playing: 200, perSecond: 20, seconds: Math.min(seconds, 10) })),
  });
}
if (parts.includes('listings'))
  tell({ name: 'listings', ...(await benchListings(worlds, { seconds: 5, rounds: 5 })) });
if (parts.includes('colyseus')) {
  await emptied(worlds.edgeUrl);
  tell({
    name: 'colyseus',
    ...(await benchColyseus(worlds, 'eu/bench-1', { players: 50, seconds, rounds })),
  });
}
tell({ name: 'end', processesLeft: await worlds.end() });
