/**
 * `npm run worlds:bench`: how soon `npm run worlds` is ready, the memory that it takes, and play with many bots. One
 * line of JSON for each figure; nothing passes or fails, for it depends on the machine.
 */
import { z } from 'zod';
import { readSettings, wholeNumber } from '../process/settings.ts';
import { benchPlay, prepareWorlds } from './play.ts';
import { startWorlds } from './runningWorlds.ts';

const settingsSchema = z.object({
  worlds: wholeNumber(0, 20)
    .prefault('9')
    .describe('worlds of 50 seats beside those of a first start (default 9)'),
  bots: z
    .string()
    .default('50,200,500')
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.int().min(1).max(1000)).min(1))
    .describe('numbers of bots, one after another (default 50,200,500)'),
  seconds: wholeNumber(1, 3600).prefault('60').describe('how long they play (default 60)'),
});

const settings = readSettings('worlds:bench', settingsSchema, process.argv.slice(2), process.env);

const tell = (figures: object): void => void process.stdout.write(`${JSON.stringify(figures)}\n`);

await using worlds = await startWorlds({
  // All bots come within a second: the bounds on all guests and joins together are not measured here.
  WORLDS_ALL_GUESTS_PER_SECOND: '1000',
  WORLDS_ALL_REQUESTS_PER_SECOND: '10000',
});
tell({ name: 'start', readySeconds: worlds.readySeconds, ...(await worlds.memory()) });
const worldUrls = await prepareWorlds(worlds, settings.worlds);
tell({ name: 'with all worlds', ...(await worlds.memory()) });
for (const bots of settings.bots)
  tell({ name: 'play', ...(await benchPlay(worlds, worldUrls, bots, settings.seconds)) });
tell({ name: 'end', processesLeft: await worlds.end() });
