/** Runs the maintenance of a region, each five seconds. */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { openSigner } from '../access/serviceTokens.ts';
import { jsonApp, listen } from '../http/jsonApp.ts';
import { healthOf, Seen } from '../process/seen.ts';
import {
  logLevelSchema,
  portSchema,
  readSettings,
  urlsSchema,
  wholeNumber,
} from '../process/settings.ts';
import { inSpan, spanAfter } from '../process/spans.ts';
import { Tally } from '../process/tally.ts';
import { readTokens } from '../process/tokenFile.ts';
import { openCache } from '../tables/cache.ts';
import { partsOf } from '../tables/keys.ts';
import { writeRun } from '../tables/runTable.ts';
import { configurationSchema, nameSchema } from '../tables/schemas.ts';
import { TableMirror } from '../tables/tableMirror.ts';
import { FleetClient } from './fleetClient.ts';
import { runMaintenance } from './maintenance.ts';

const settingsSchema = z.object({
  region: nameSchema.describe('region that is maintained'),
  nodes: urlsSchema.describe('base URLs of the cache nodes, those of the region first'),
  tokenFile: z
    .string()
    .default('')
    .describe('file of the tokens for the nodes (default: they ask for none)'),
  keys: z.string().min(1).describe('directory of the keys between processes'),
  fleetUrl: z.url().describe('base URL of the fleet'),
  everyMs: wholeNumber(100, 60_000)
    .prefault('5000')
    .describe('milliseconds from run to run (default 5000)'),
  host: z.string().default('127.0.0.1').describe('address to listen on (default 127.0.0.1)'),
  port: portSchema.prefault('0').describe('port for metrics (default: any that is free)'),
  logLevel: logLevelSchema,
});

const settings = readSettings('maintenance', settingsSchema, process.argv.slice(2), process.env);
const { region } = settings;
const seen = new Seen('maintenance', settings.logLevel);
const { log, metrics, onFault } = seen;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));

const token = await readTokens(settings.tokenFile);
const cache = openCache({ endpoints: settings.nodes, token });
const configurations = new TableMirror(cache, 'config', configurationSchema, region);
const fleet = new FleetClient(
  settings.fleetUrl,
  region,
  await openSigner(settings.keys, 'maintenance'),
);
const copies = { config: configurations };
const runs = new Tally(['done', 'not current', 'failed']);
const actionsSet = new Tally(['running', 'drained', 'stopped']);
let worldsReported = 0;
metrics.totals('worlds_maintenance_runs_total', 'Runs, by result.', 'result', () => runs.counts);
metrics.totals(
  'worlds_maintenance_actions_total',
  'Slots that were set, by the state that is wanted there.',
  'wanted',
  () => actionsSet.counts,
);
metrics.gauge(
  'worlds_maintenance_reports',
  'Worlds that the last run left as they are, because their configuration is missing, malformed or older.',
  () => worldsReported,
);
seen.watchCache(cache, copies);
const { routes, around } = seen.http(() => healthOf(copies));
const listener = await listen(
  jsonApp(routes, onFault, undefined, around).callback(),
  settings.host,
  settings.port,
);
log.info({ region, url: listener.url }, 'ready');
await configurations.synced;
for (;;) {
  await inSpan(spanAfter(''), run).catch((error: unknown) => {
    runs.add('failed');
    onFault(error);
  });
  await wait(settings.everyMs);
}

async function run(): Promise<void> {
  const { actions, reports } = await runMaintenance({
    isCurrent: () => configurations.isCurrent,
    worlds: () =>
      [...configurations.rows()].flatMap(({ key, value, version }) => {
        const world = partsOf('config', key, 2)?.[1];
        return world === undefined ? [] : [{ world, version, configuration: value }];
      }),
    readSlots: () => fleet.readSlots(),
    setSlot: (action) => fleet.setSlot(action),
    now: () => Date.now(),
    onFault,
  });
  for (const report of reports) log.warn(report, 'a world is left as it is');
  for (const action of actions) {
    log.info(action, 'sets');
    actionsSet.add(action.wanted);
  }
  runs.add(configurations.isCurrent ? 'done' : 'not current');
  worldsReported = reports.length;
  const runner = `${region}-${process.pid}`;
  await writeRun(cache, region, { atMs: Date.now(), runner, actions: actions.length, reports });
}
