/** `npm run worlds`: one region on this machine, until Ctrl-C. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { portSchema, readSettings } from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import type { WorldConfiguration } from '../rules/worldConfiguration.ts';
import { openCache } from '../tables/cache.ts';
import { Configurations } from '../tables/operatorTables.ts';
import { nameSchema } from '../tables/schemas.ts';
import { planRegion } from './regionPlan.ts';
import { makeSecrets } from './secrets.ts';
import { Supervised } from './supervisor.ts';

const FIRST_WORLDS: Readonly<Record<string, WorldConfiguration>> = {
  meadow: {
    ...{ name: 'The meadow', map: 'meadow', maxPlayers: 50, mode: 'dynamic', minInstances: 1 },
    ...{ maxInstances: 4, spareSeats: 10, desired: 'running', restartEveryHours: 24 },
  },
  harbour: {
    ...{ name: 'The harbour', map: 'harbour', maxPlayers: 50, mode: 'static', minInstances: 1 },
    ...{ maxInstances: 1, spareSeats: 0, desired: 'running', restartEveryHours: 24 },
  },
};

const END_LIMIT_MS = 5000;
const FLEET_END_LIMIT_MS = 20_000;
const ASK_EVERY_MS = 100;

const settingsSchema = z.object({
  region: nameSchema.default('eu').describe('name of the region (default eu)'),
  dataDir: z
    .string()
    .default('data/worlds')
    .describe('directory of all data (default data/worlds)'),
  firstPort: portSchema
    .prefault('8200')
    .describe('first of six ports: identity, api, fleet, maintenance, two nodes (default 8200)'),
});

const { region, dataDir, firstPort } = readSettings(
  'worlds',
  settingsSchema,
  process.argv.slice(2),
  process.env,
);
const startedAtMs = performance.now();
const data = resolve(dataDir, region);
const paths = await makeSecrets(region, data);
const plan = planRegion(region, paths, firstPort);
const logs = join(data, 'logs');
mkdirSync(logs, { recursive: true, mode: 0o700 });

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const start = (program: (typeof plan)['fleet']): Supervised =>
  new Supervised(program, logs, (name) => say(`${name} ended, and is started again: ${logs}`));
const nodes = plan.nodes.map(start);
const fleet = start(plan.fleet);
const services = plan.services.map(start);

let isEnding = false;
/** The worlds save before the nodes end. */
async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  say('The worlds save and end …');
  await Promise.all(services.map((service) => service.end('SIGTERM', END_LIMIT_MS)));
  await fleet.end('SIGINT', FLEET_END_LIMIT_MS);
  await Promise.all(nodes.map((node) => node.end('SIGTERM', END_LIMIT_MS)));
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end());

for (const one of [...nodes, fleet, ...services])
  while (!isEnding && !(await one.isHealthy)) await wait(ASK_EVERY_MS);
if (!isEnding) {
  const token = await readTokens(paths.tokenFile('operator'));
  await using cache = openCache({ endpoints: plan.nodeUrls, token });
  // A configuration that an operator has set since the first start stays.
  const configurations = new Configurations(cache);
  for (const [world, configuration] of Object.entries(FIRST_WORLDS))
    await configurations.create(region, world, configuration, Date.now());
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  say(`Identity ${plan.identityUrl}, api ${plan.apiUrl}: ready after ${seconds} s. Logs: ${logs}`);
}
