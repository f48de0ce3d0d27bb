/** Runs one instance of a world, as the fleet of a region starts it. */
import { z } from 'zod';
import { portRangeSchema } from '../http/portRange.ts';
import { privateHostSchema } from '../http/privateHost.ts';
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
import { inSpan, spanAfter } from '../process/spans.ts';
import { readTokens } from '../process/tokenFile.ts';
import { MAX_EPOCH } from '../rules/fences.ts';
import { MAX_INSTANCES, nameSchema } from '../tables/schemas.ts';
import { startWorld } from './worldProcess.ts';

const settingsSchema = z.object({
  region: nameSchema.describe('region of the world'),
  world: nameSchema.describe('name of the world'),
  slot: wholeNumber(1, MAX_INSTANCES).describe('slot that this process fills'),
  epoch: wholeNumber(1, MAX_EPOCH).describe('number of this process in its slot'),
  configurationVersion: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .prefault('0')
    .describe('least version of the configuration to start with (default 0)'),
  nodes: urlsSchema.describe('base URLs of the cache nodes, those of the region first'),
  worldTokenFile: z
    .string()
    .default('')
    .describe('file of the tokens for the nodes (default: they ask for none)'),
  keys: z.string().min(1).describe('directory of the keys between processes'),
  fleetUrl: optionalUrlSchema.describe('base URL of the fleet'),
  linkUrl: optionalUrlSchema.describe(
    'base URL of the way to other regions (default: they are reached without one)',
  ),
  host: privateHostSchema
    .default('127.0.0.1')
    .describe('private address for other processes (default 127.0.0.1)'),
  playHost: z.string().default('127.0.0.1').describe('address for players (default 127.0.0.1)'),
  publicHost: z
    .string()
    .default('')
    .describe('name by which players reach it (default: that address)'),
  tlsCertFile: fileSchema.describe('certificate of the play port (default: without TLS)'),
  tlsKeyFile: fileSchema.describe('file of its key'),
  playPorts: portRangeSchema
    .prefault('')
    .describe(
      'ports for players, such as 8300-8331, of which it takes one (default: any that is free)',
    ),
  controlPort: portSchema
    .prefault('0')
    .describe('port for other processes (default: any that is free)'),
  logLevel: logLevelSchema,
});

const { worldTokenFile, logLevel, ...settings } = readSettings(
  'world',
  settingsSchema,
  process.argv.slice(2),
  process.env,
);
const token = await readTokens(worldTokenFile);
const start = () =>
  startWorld({
    ...settings,
    token,
    tls: tlsFilesOf(settings),
    publicHost: settings.publicHost === '' ? settings.playHost : settings.publicHost,
    // The lateness of its ticks tells how late the event loop comes.
    seen: new Seen('world', logLevel, { watchesEventLoop: false }),
  });
// The fleet tells which request wanted this process.
const traceparent = process.env.WORLDS_TRACEPARENT ?? '';
const world = await (traceparent === '' ? start() : inSpan(spanAfter(traceparent), start));
process.once('SIGTERM', () => world.end('SIGTERM'));
process.once('SIGINT', () => world.end('SIGINT', 0));
process.exit((await world.ended) ? 0 : 1);
