/** Runs identity. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AuditLog } from '../access/audit.ts';
import { listen } from '../http/jsonApp.ts';
import { privateHostSchema } from '../http/privateHost.ts';
import { Seen } from '../process/seen.ts';
import {
  logLevelSchema,
  portSchema,
  readSettings,
  urlsSchema,
  wholeNumber,
} from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import { HearsayError, openCache } from '../tables/cache.ts';
import { OnceRecords, Revocations } from '../tables/operatorTables.ts';
import { PlayerRecords } from '../tables/playerRecords.ts';
import { Identity } from './identity.ts';
import { identityApp } from './identityApp.ts';
import { IdentityStore } from './identityStore.ts';
import { KeyRotation } from './keyRotation.ts';

const ERASE_EVERY_MS = 10_000;

const settingsSchema = z.object({
  nodes: urlsSchema.describe('base URLs of the cache nodes'),
  tokenFile: z
    .string()
    .default('')
    .describe('file of the tokens for the nodes (default: they ask for none)'),
  dataDir: z.string().min(1).describe('directory of the accounts'),
  issuer: z.url().describe('what the tokens of players name as their issuer'),
  retentionSeconds: wholeNumber(0, 10 ** 9)
    .prefault('3600')
    .describe('how long the logs of the nodes remember what was deleted (default 3600)'),
  host: privateHostSchema
    .default('127.0.0.1')
    .describe('private address to listen on (default 127.0.0.1)'),
  port: portSchema.prefault('8200').describe('port to listen on (default 8200)'),
  logLevel: logLevelSchema,
});

const settings = readSettings('identity', settingsSchema, process.argv.slice(2), process.env);
const { dataDir, issuer, host, port } = settings;
const seen = new Seen('identity', settings.logLevel);
const { log, metrics, onFault } = seen;
mkdirSync(dataDir, { recursive: true, mode: 0o700 });
const cache = openCache({ endpoints: settings.nodes, token: await readTokens(settings.tokenFile) });
const store = new IdentityStore(join(dataDir, 'identity.sqlite'));
const keys = new KeyRotation(store);
const now = (): number => Date.now();
const audit = new AuditLog(join(dataDir, 'audit'), now);
const revocations = new Revocations(cache);
const records = new PlayerRecords(cache);
const once = new OnceRecords(cache);
const identity = new Identity({
  store,
  keys,
  issuer,
  now,
  audit,
  retentionMs: settings.retentionSeconds * 1000,
  playerKeys: {
    revoke: (subject, reason) => revocations.revoke(subject, reason),
    remove: async (player) => {
      await records.remove(player);
      await once.removeAll(player);
    },
  },
});
metrics.totals(
  'worlds_logins_total',
  'Logins and refreshes, by the way in or the refusal.',
  'result',
  () => identity.logins.counts,
);
metrics.gauge(
  'worlds_erasures',
  'Erased players whose keys are deleted again, in case a world was about to save.',
  () => store.erasures().length,
);
metrics.total('worlds_audit_lines_total', 'Lines of the audit log.', () => audit.lines);
seen.watchCache(cache);
const isOutOfReach = (error: unknown): boolean => error instanceof HearsayError;
const listener = await listen(
  identityApp({
    identity,
    keys,
    issuer,
    now,
    onFault,
    isOutOfReach,
    seen: seen.http(() => ({ status: 'ok' })),
  }),
  host,
  port,
);
const erasing = setInterval(() => void identity.repeatErasures().catch(onFault), ERASE_EVERY_MS);
log.info({ url: listener.url }, 'ready');

async function end(): Promise<void> {
  clearInterval(erasing);
  await listener[Symbol.asyncDispose]();
  store[Symbol.dispose]();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
