/** Runs the maintenance of a region, each five seconds. */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { openSigner } from '../access/serviceTokens.ts';
import { openLog } from '../process/log.ts';
import { logLevelSchema, readSettings, urlsSchema, wholeNumber } from '../process/settings.ts';
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
  logLevel: logLevelSchema,
});

const settings = readSettings('maintenance', settingsSchema, process.argv.slice(2), process.env);
const { region } = settings;
const log = openLog('maintenance', settings.logLevel);
const onFault = (error: unknown): void => log.warn({ err: error }, 'failed');
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));

const token = await readTokens(settings.tokenFile);
const cache = openCache({ endpoints: settings.nodes, token });
const configurations = new TableMirror(cache, 'config', configurationSchema, region);
const fleet = new FleetClient(
  settings.fleetUrl,
  region,
  await openSigner(settings.keys, 'maintenance'),
);
log.info({ region }, 'ready');
await configurations.synced;
for (;;) {
  await run().catch(onFault);
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
  for (const action of actions) log.info(action, 'sets');
  const runner = `${region}-${process.pid}`;
  await writeRun(cache, region, { atMs: Date.now(), runner, actions: actions.length, reports });
}
