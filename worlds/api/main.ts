/** Runs the api of a region. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AccessVerifier } from '../access/accessVerifier.ts';
import { AuditLog } from '../access/audit.ts';
import { openGuard, openSigner } from '../access/serviceTokens.ts';
import { listen } from '../http/jsonApp.ts';
import { privateHostSchema } from '../http/privateHost.ts';
import { regionFetch } from '../http/regionFetch.ts';
import { healthOf, Seen } from '../process/seen.ts';
import {
  logLevelSchema,
  optionalUrlSchema,
  portSchema,
  readSettings,
  urlsSchema,
} from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import { HearsayError, openCache } from '../tables/cache.ts';
import { keyOf } from '../tables/keys.ts';
import { Configurations, OnceRecords, Revocations } from '../tables/operatorTables.ts';
import { PlayerRecords } from '../tables/playerRecords.ts';
import { nameSchema, revocationSchema } from '../tables/schemas.ts';
import { TableMirror } from '../tables/tableMirror.ts';
import { apiApp } from './apiApp.ts';
import { API_TARGET, Callers } from './callers.ts';
import { joinCounter, withdrawalCounter } from './joinMetrics.ts';
import { Joins } from './joins.ts';
import { seatAsker } from './seatAsker.ts';
import { Watchers } from './watchers.ts';
import { WorldsView } from './worldsView.ts';

const settingsSchema = z.object({
  region: nameSchema.describe('region of the api'),
  nodes: urlsSchema.describe('base URLs of the cache nodes, those of the region first'),
  tokenFile: z
    .string()
    .default('')
    .describe('file of the tokens for the nodes (default: they ask for none)'),
  linkUrl: optionalUrlSchema.describe(
    'base URL of the way to other regions (default: they are reached without one)',
  ),
  keys: z.string().min(1).describe('directory of the keys between processes'),
  dataDir: z.string().min(1).describe('directory of the audit log and of the key set of identity'),
  jwksUrl: z.url().describe('where identity publishes its key set'),
  issuer: z.url().describe('issuer that the tokens of players must name'),
  host: privateHostSchema
    .default('127.0.0.1')
    .describe('private address to listen on (default 127.0.0.1)'),
  port: portSchema.prefault('8210').describe('port to listen on (default 8210)'),
  logLevel: logLevelSchema,
});

const settings = readSettings('api', settingsSchema, process.argv.slice(2), process.env);
const { dataDir, issuer, jwksUrl, host, port } = settings;
const seen = new Seen('api', settings.logLevel);
const { log, metrics, onFault } = seen;
mkdirSync(dataDir, { recursive: true, mode: 0o700 });
const cache = openCache({ endpoints: settings.nodes, token: await readTokens(settings.tokenFile) });
const revoked = new TableMirror(cache, 'revoked', revocationSchema);
const verifier = new AccessVerifier({
  jwksUrl,
  issuer,
  file: join(dataDir, 'jwks.json'),
  isRevoked: (subject) => revoked.get(keyOf('revoked', subject)) !== undefined,
});
await verifier.start();
const callers = new Callers(verifier, await openGuard(settings.keys, API_TARGET));
const view = new WorldsView(cache);
const joins = new Joins({
  view,
  once: new OnceRecords(cache),
  now: () => Date.now(),
  onFailure: onFault,
  askForSeat: seatAsker(
    await openSigner(settings.keys, 'api'),
    regionFetch(settings.region, settings.linkUrl),
    { onWithdrawn: withdrawalCounter(metrics) },
  ),
  onResult: joinCounter(metrics),
});
const watchers = new Watchers(view);
const audit = new AuditLog(join(dataDir, 'audit'), () => Date.now());
metrics.total('worlds_audit_lines_total', 'Lines of the audit log.', () => audit.lines);
const copies = { ...view.copies, revoked };
seen.watchCache(cache, copies);
metrics.gauge('worlds_joins', 'Joins that wait for their answer.', () => joins.underWay);
const isOutOfReach = (error: unknown): boolean => error instanceof HearsayError;
const records = new PlayerRecords(cache);
const listener = await listen(
  apiApp({
    view,
    joins,
    callers,
    watchers,
    records,
    onFault,
    isOutOfReach,
    configurations: new Configurations(cache),
    revocations: new Revocations(cache),
    audit,
    now: () => Date.now(),
    seen: seen.http(() => healthOf(copies)),
  }),
  host,
  port,
);
log.info({ url: listener.url }, 'ready');

async function end(): Promise<void> {
  await listener[Symbol.asyncDispose]();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
