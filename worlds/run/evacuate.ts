/**
 * `npm run worlds -- evacuate REGION`: drains all worlds of a region by their configurations, and waits for their end.
 * Who joins then gets a seat in another region.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { readSettings, wholeNumber } from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import { evacuationChanges } from '../rules/evacuation.ts';
import { openCache } from '../tables/cache.ts';
import { partsOf } from '../tables/keys.ts';
import { Configurations } from '../tables/operatorTables.ts';
import { configurationSchema, sessionSchema } from '../tables/schemas.ts';
import { TableMirror } from '../tables/tableMirror.ts';
import { placeShape, planAt } from './place.ts';
import { REGIONS } from './worldsPlan.ts';

const LOOK_EVERY_MS = 200;

const settingsSchema = z.object({
  ...placeShape,
  desired: z
    .enum(['drained', 'running'])
    .default('drained')
    .describe('running: takes the region into use again (default drained)'),
  waitSeconds: wholeNumber(0, 3600)
    .prefault('60')
    .describe('how long to wait until its worlds have ended or started (default 60)'),
});

const [, , , name = '', ...words] = process.argv;
const isHelp = name === '--help' || name === '-h';
const settings = readSettings(
  'evacuate REGION',
  settingsSchema,
  isHelp ? [name] : words,
  process.env,
);
process.exit(await evacuate());

async function evacuate(): Promise<number> {
  const { desired, waitSeconds } = settings;
  const plan = (await planAt(settings)).regions.find(({ region }) => region === name);
  if (plan === undefined) return say(1, `Name one of these regions: ${REGIONS.join(', ')}.`);
  const { region } = plan;
  const token = await readTokens(plan.paths.tokenFile('operator'));
  await using cache = openCache({ endpoints: plan.nodeUrls, token });
  await using present = new TableMirror(cache, 'config', configurationSchema, region);
  await using sessions = new TableMirror(cache, 'session', sessionSchema, region);
  const untilMs = performance.now() + waitSeconds * 1000;
  const isSynced = await Promise.race([
    Promise.all([present.synced, sessions.synced]).then(() => true),
    wait(Math.max(LOOK_EVERY_MS, waitSeconds * 1000), false),
  ]);
  if (!isSynced) return say(1, `No node of ${region} answers: is \`npm run worlds\` started?`);
  const worlds = [...present.rows()].flatMap(({ key, value, version }) => {
    const world = partsOf('config', key, 2)?.[1];
    return world === undefined ? [] : [{ world, version, configuration: value }];
  });
  const configurations = new Configurations(cache);
  for (const { world, version, configuration } of evacuationChanges(worlds, desired)) {
    const written = await configurations.write(region, world, configuration, version);
    if (written === null)
      return say(1, `Somebody else has changed ${region}/${world} meanwhile: try again.`);
    say(0, `${region}/${world} is to be ${desired}.`);
  }
  const count = (): number => [...sessions.rows()].length;
  const isDone = (): boolean => (desired === 'drained' ? count() === 0 : count() > 0);
  while (!isDone() && performance.now() < untilMs) await wait(LOOK_EVERY_MS);
  return say(isDone() ? 0 : 1, `${count()} instances of ${region} are left.`);
}

function say(code: number, text: string): number {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  return code;
}
