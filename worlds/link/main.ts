/** Runs the link: the network between the regions of one machine. */
import { z } from 'zod';
import { openGuard } from '../access/serviceTokens.ts';
import { listen } from '../http/jsonApp.ts';
import { Seen } from '../process/seen.ts';
import { logLevelSchema, portSchema, readSettings, wholeNumber } from '../process/settings.ts';
import { Link } from './link.ts';
import { LINK_NAME, linkApp } from './linkApp.ts';
import { crossingsSchema, passagesSchema } from './waySettings.ts';

const settingsSchema = z.object({
  keys: z.string().min(1).describe('directory of the keys between processes'),
  host: z.string().default('127.0.0.1').describe('address to listen on (default 127.0.0.1)'),
  port: portSchema.prefault('8201').describe('port of the control listener (default 8201)'),
  passages: passagesSchema.describe(
    'ways to one target, such as 8205:127.0.0.1:8212 for port 8205, separated by commas',
  ),
  crossings: crossingsSchema.describe(
    'ways to any port of one host by CONNECT, such as 8203:127.0.0.1, separated by commas',
  ),
  delayMs: wholeNumber(0, 10_000)
    .prefault('40')
    .describe('milliseconds by which each direction is delayed (default 40)'),
  maxHeldBytes: wholeNumber(1, 2 ** 30)
    .prefault(String(2 ** 20))
    .describe('bytes under way in one direction of a connection, at most (default 1048576)'),
  maxConnections: wholeNumber(1, 100_000)
    .prefault('500')
    .describe('connections at one time, at most (default 500)'),
  logLevel: logLevelSchema,
});

const settings = readSettings('link', settingsSchema, process.argv.slice(2), process.env);
const { keys, host, port, passages, crossings, delayMs, maxHeldBytes, maxConnections } = settings;
const seen = new Seen('link', settings.logLevel);
const { log, metrics, onFault } = seen;
const link = new Link({ delayMs, maxHeldBytes, maxConnections });
for (const passage of passages) await link.openPassage(host, passage.port, passage.target);
for (const crossing of crossings) await link.openCrossing(host, crossing.port, crossing.host);
const guard = await openGuard(keys, LINK_NAME);
metrics.gauge('worlds_link_cut', '1 while the regions can not hear each other.', () =>
  Number(link.isCut),
);
metrics.gauge('worlds_link_connections', 'Connections under way.', () => link.counts.connections);
metrics.gauge('worlds_link_held_bytes', 'Bytes that are delayed.', () => link.counts.heldBytes);
metrics.total(
  'worlds_link_refused_total',
  'Connections that were refused because there were too many.',
  () => link.counts.refused,
);
const app = linkApp({ link, guard, onFault, seen: seen.http(() => ({ status: 'ok' })) });
const listener = await listen(app, host, port);
log.info({ url: listener.url, delayMs }, 'ready');

async function end(): Promise<void> {
  await listener[Symbol.asyncDispose]();
  await link[Symbol.asyncDispose]();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
