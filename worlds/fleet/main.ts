/**
 * Runs the fleet of a region. SIGTERM ends it alone: its worlds go on, and the next fleet adopts them.
 * SIGINT ends its worlds too.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { AuditLog, audited } from '../access/audit.ts';
import { openGuard, openSigner } from '../access/serviceTokens.ts';
import { listen } from '../http/jsonApp.ts';
import { portRangeSchema, sizeOf } from '../http/portRange.ts';
import { privateHostSchema } from '../http/privateHost.ts';
import { maxLogBytesSchema, ShortLogs } from '../process/logFiles.ts';
import { Seen } from '../process/seen.ts';
import {
  fileSchema,
  logLevelSchema,
  optionalUrlSchema,
  portSchema,
  readSettings,
  tlsFilesOf,
  urlsSchema,
  wholeNumber,
} from '../process/settings.ts';
import { fleetName } from '../slots/linkMessages.ts';
import { instanceOf } from '../tables/instanceTables.ts';
import { MAX_INSTANCES, nameSchema } from '../tables/schemas.ts';
import { Fleet } from './fleet.ts';
import { fleetApp } from './fleetApp.ts';
import { registerFleetMetrics } from './fleetMetrics.ts';
import { Links } from './links.ts';
import { machineOf } from './machine.ts';
import { SlotStore } from './slotStore.ts';

const LOOK_EVERY_MS = 250;
/** A world saves for ten seconds at most. */
const END_LIMIT_MS = 15_000;

const settingsSchema = z.object({
  region: nameSchema.describe('region of the fleet'),
  nodes: urlsSchema.describe('base URLs of the cache nodes, for the worlds'),
  worldTokenFile: z
    .string()
    .default('')
    .describe('file of the tokens of worlds for the nodes (default: they ask for none)'),
  linkUrl: optionalUrlSchema.describe(
    'base URL of the way of worlds to other regions (default: they are reached without one)',
  ),
  keys: z.string().min(1).describe('directory of the keys between processes'),
  dataDir: z.string().min(1).describe('directory of the slots, and of the logs of worlds'),
  host: privateHostSchema
    .default('127.0.0.1')
    .describe('private address to listen on (default 127.0.0.1)'),
  port: portSchema.prefault('8211').describe('port to listen on (default 8211)'),
  playHost: z
    .string()
    .default('127.0.0.1')
    .describe('address of worlds for players (default 127.0.0.1)'),
  playPorts: portRangeSchema
    .prefault('')
    .describe('ports of worlds for players, such as 8300-8331 (default: any that are free)'),
  publicHost: z
    .string()
    .default('')
    .describe('name by which players reach it (default: that address)'),
  tlsCertFile: fileSchema.describe('certificate of the play ports (default: without TLS)'),
  tlsKeyFile: fileSchema.describe('file of its key'),
  maxProcesses: wholeNumber(1, 10 * MAX_INSTANCES)
    .prefault('32')
    .describe('most slots that have or want a process (default 32)'),
  maxLinks: wholeNumber(1, 100_000)
    .prefault('128')
    .describe('most connections of worlds at a time (default 128)'),
  maxLogBytes: maxLogBytesSchema,
  logLevel: logLevelSchema,
});

const settings = readSettings('fleet', settingsSchema, process.argv.slice(2), process.env);
const { region, keys, host, port, dataDir, playPorts, maxLinks } = settings;
// Each process takes one of the ports.
const maxProcesses = Math.min(settings.maxProcesses, sizeOf(playPorts));
const seen = new Seen('fleet', settings.logLevel);
const { log, onFault } = seen;
mkdirSync(dataDir, { recursive: true, mode: 0o700 });

const store = new SlotStore(join(dataDir, 'slots.sqlite'));
const tls = tlsFilesOf(settings);
const worldSettings: Record<string, string> = {
  nodes: settings.nodes.join(','),
  keys,
  host,
  'log-level': settings.logLevel,
  'play-host': settings.playHost,
  ...(playPorts.first > 0 && { 'play-ports': `${playPorts.first}-${playPorts.last}` }),
  ...(settings.publicHost !== '' && { 'public-host': settings.publicHost }),
  ...(tls !== null && { 'tls-cert-file': tls.certFile, 'tls-key-file': tls.keyFile }),
  ...(settings.linkUrl !== null && { 'link-url': settings.linkUrl }),
  ...(settings.worldTokenFile !== '' && { 'world-token-file': settings.worldTokenFile }),
};
const machine = machineOf({
  region,
  settings: worldSettings,
  logDirectory: dataDir,
  onFault,
  signer: await openSigner(keys, 'fleet'),
});
const now = (): number => Date.now();
const audit = new AuditLog(join(dataDir, 'audit'), now);
const who = fleetName(region);
const fleet = new Fleet({
  store,
  maxProcesses,
  onFault,
  now,
  machine: {
    ...machine,
    drain: (place, graceMs) => {
      const target = instanceOf({ region, ...place });
      return audited(audit, { who, role: 'fleet', action: 'instance.drain', target }, () =>
        machine.drain(place, graceMs),
      );
    },
  },
});
const guard = await openGuard(keys, who);
const app = fleetApp({ fleet, guard, onFault, audit, seen: seen.http(() => ({ status: 'ok' })) });
const listener = await listen(app, host, port);
const links = new Links(listener.server, { fleet, guard, maxLinks, onFault });
const shortLogs = new ShortLogs(dataDir, settings.maxLogBytes, onFault);
seen.metrics.total(
  'worlds_logs_emptied_total',
  'Times that the log of a world had grown too long and was begun anew.',
  () => shortLogs.emptied,
);
registerFleetMetrics(seen.metrics, { fleet, links, audit, maxProcesses });
worldSettings['fleet-url'] = listener.url;
const looking = setInterval(() => fleet.look(), LOOK_EVERY_MS);
log.info({ region, url: listener.url }, 'ready');

async function end(isWithWorlds: boolean): Promise<void> {
  log.info({ isWithWorlds }, 'ends');
  if (isWithWorlds) {
    fleet.stopAll();
    const untilMs = performance.now() + END_LIMIT_MS;
    while (fleet.views().length > 0 && performance.now() < untilMs) await wait(LOOK_EVERY_MS);
  }
  clearInterval(looking);
  shortLogs[Symbol.dispose]();
  links[Symbol.dispose]();
  await listener[Symbol.asyncDispose]();
  store[Symbol.dispose]();
  process.exit(0);
}
process.once('SIGTERM', () => void end(false));
process.once('SIGINT', () => void end(true));
