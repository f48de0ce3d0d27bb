/** `npm run worlds`: two regions on this machine, until Ctrl-C. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { maxLogBytesSchema, ShortLogs } from '../process/logFiles.ts';
import { readSettings } from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import { openCache } from '../tables/cache.ts';
import { partsOf } from '../tables/keys.ts';
import { configurationSchema, sessionSchema } from '../tables/schemas.ts';
import { TableMirror } from '../tables/tableMirror.ts';
import { createFirstWorlds } from './firstWorlds.ts';
import { placeShape, planAt } from './place.ts';
import { Supervised } from './supervisor.ts';
import type { Program, RegionPlan } from './worldsPlan.ts';

const END_LIMIT_MS = 5000;
const FLEET_END_LIMIT_MS = 20_000;
const ASK_EVERY_MS = 100;

const place = readSettings(
  'worlds',
  z.object({ ...placeShape, maxLogBytes: maxLogBytesSchema }),
  process.argv.slice(2),
  process.env,
);
const plan = await planAt(place);
const { regions } = plan;

const logDirectories = new Set<string>();
const say = (text: string): void => void process.stdout.write(`${text}\n`);
function start(program: Program, directory: string): Supervised {
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  if (!logDirectories.has(logs)) {
    logDirectories.add(logs);
    new ShortLogs(logs, place.maxLogBytes, (error) =>
      say(`A log in ${logs} is too long: ${error}`),
    );
  }
  return new Supervised(program, logs, (name) =>
    say(`${name} ended, and is started again: ${logs}`),
  );
}

// Nodes that start in two groups which can't hear each other would form two clusters.
const link = start(plan.link, resolve(place.dataDir));
const nodes: Supervised[] = [];
const fleets: Supervised[] = [];
const services: Supervised[] = [];

let isEnding = false;
const endAll = (group: readonly Supervised[], signal: NodeJS.Signals, limitMs = END_LIMIT_MS) =>
  Promise.all(group.map((one) => one.end(signal, limitMs)));
/** The worlds save before the nodes end. */
async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  say('The worlds save and end …');
  await endAll(services, 'SIGTERM');
  await endAll(fleets, 'SIGINT', FLEET_END_LIMIT_MS);
  await endAll(nodes, 'SIGTERM');
  await endAll([link], 'SIGTERM');
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end());

async function healthy(group: readonly Supervised[]): Promise<void> {
  for (const one of group) while (!isEnding && !(await one.isHealthy)) await wait(ASK_EVERY_MS);
}

/** Configures the worlds of a first start, and waits until all that are to run take players. */
async function startWorlds({ region, paths, nodeUrls }: RegionPlan): Promise<void> {
  const token = await readTokens(paths.tokenFile('operator'));
  await using cache = openCache({ endpoints: nodeUrls, token });
  await createFirstWorlds(cache, region);
  await using wanted = new TableMirror(cache, 'config', configurationSchema, region);
  await using sessions = new TableMirror(cache, 'session', sessionSchema, region);
  await Promise.all([wanted.synced, sessions.synced]);
  const takesPlayers = (world: string): boolean =>
    [...sessions.rows()].some(
      ({ key, value }) => partsOf('session', key, 3)?.[1] === world && value?.state === 'active',
    );
  for (const { key, value } of wanted.rows()) {
    const world = partsOf('config', key, 2)?.[1];
    if (world === undefined || value?.desired !== 'running') continue;
    while (!isEnding && !takesPlayers(world)) await wait(ASK_EVERY_MS);
  }
}

await healthy([link]);
if (!isEnding) {
  for (const { paths, ...region } of regions) {
    nodes.push(...region.nodes.map((node) => start(node, paths.data)));
    fleets.push(start(region.fleet, paths.data));
    services.push(...region.services.map((service) => start(service, paths.data)));
  }
  for (const program of [plan.identity, plan.edge])
    services.push(start(program, resolve(place.dataDir)));
}
await healthy([...nodes, ...fleets, ...services]);
if (!isEnding) {
  await Promise.all(regions.map(startWorlds));
  // Since this process began, which has made the programs first.
  const seconds = (performance.now() / 1000).toFixed(1);
  say(`Play at ${plan.edgeUrl} (ready after ${seconds} s). Data: ${place.dataDir}`);
}
