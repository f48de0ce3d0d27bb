/** Runs the edge. */
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AccessVerifier } from '../access/accessVerifier.ts';
import { jsonApp, listen } from '../http/jsonApp.ts';
import { privateHostSchema } from '../http/privateHost.ts';
import { loadPage } from '../page/pageFiles.ts';
import { Seen } from '../process/seen.ts';
import {
  fileSchema,
  logLevelSchema,
  portSchema,
  readSettings,
  tlsFilesOf,
  urlsSchema,
  wholeNumber,
} from '../process/settings.ts';
import { readTokens } from '../process/tokenFile.ts';
import { BlockTable } from '../tables/blockTable.ts';
import { openCache } from '../tables/cache.ts';
import { nameSchema } from '../tables/schemas.ts';
import { Blocks } from './blocks.ts';
import { EDGE_RATES, EdgeLimits } from './edgeLimits.ts';
import { EDGE_BOUNDS, serveEdge } from './edgeServer.ts';
import { Upstreams } from './upstreams.ts';

const MIB = 1024 * 1024;

/** @param usual the default. */
const limit = (usual: number, description: string) =>
  wholeNumber(1, 1_000_000).prefault(`${usual}`).describe(`${description} (default ${usual})`);

const apisSchema = z
  .string()
  .transform((text) =>
    text.split(',').map((one) => {
      const [region = '', ...url] = one.split('=');
      return { region, url: url.join('=') };
    }),
  )
  .pipe(z.array(z.object({ region: nameSchema, url: z.url() })).min(1));

const settingsSchema = z.object({
  identityUrl: z.url().describe('base URL of identity'),
  apis: apisSchema.describe('apis as region=URL, with commas between, the preferred one first'),
  nodes: urlsSchema.describe('base URLs of the cache nodes'),
  tokenFile: fileSchema.describe('file of the tokens for the nodes (default: they ask for none)'),
  addressKeyFile: z.string().min(1).describe('file of the secret by which addresses are hashed'),
  dataDir: z.string().min(1).describe('directory of the key set of identity'),
  issuer: z.url().describe('issuer that the tokens of players must name'),
  host: z.string().default('127.0.0.1').describe('address to listen on (default 127.0.0.1)'),
  port: portSchema.prefault('8080').describe('port to listen on (default 8080)'),
  tlsCertFile: fileSchema.describe('file of the certificate (default: without TLS)'),
  tlsKeyFile: fileSchema.describe('file of its key'),
  privateHost: privateHostSchema
    .default('127.0.0.1')
    .describe('private address for /metrics and /_health (default 127.0.0.1)'),
  privatePort: portSchema.prefault('8206').describe('its port (default 8206)'),
  playSources: z
    .string()
    .default('ws://127.0.0.1:*')
    .transform((text) => text.split(' '))
    .describe(
      'where the page may connect to worlds, with spaces between (default ws://127.0.0.1:*)',
    ),
  requestsPerSecond: limit(EDGE_RATES.requestsPerSecond, 'requests of an address in a second'),
  pageFilesPerSecond: limit(
    EDGE_RATES.pageFilesPerSecond,
    'files of the page for an address in a second',
  ),
  guestsPerMinute: limit(EDGE_RATES.guestsPerMinute, 'new guests of an address in a minute'),
  joinsPerSecond: limit(EDGE_RATES.joinsPerSecond, 'joins of a player in a second'),
  refusalsBeforeBlock: limit(
    EDGE_RATES.refusalsBeforeBlock,
    'refusals of an address in 10 s beyond which it is blocked for 10 min',
  ),
  allRequestsPerSecond: limit(EDGE_RATES.allRequestsPerSecond, 'requests of all in a second'),
  allGuestsPerSecond: limit(EDGE_RATES.allGuestsPerSecond, 'new guests of all in a second'),
  connectionsOfAddress: limit(EDGE_BOUNDS.connectionsOfAddress, 'connections of an address'),
  connections: limit(EDGE_BOUNDS.connections, 'connections of all'),
  requests: limit(EDGE_BOUNDS.requests, 'requests under way'),
  streams: limit(EDGE_BOUNDS.streams, 'watches under way'),
  memoryMib: limit(
    EDGE_BOUNDS.memoryBytes / MIB,
    'resident memory beyond which it refuses, in MiB',
  ),
  logLevel: logLevelSchema,
});

const settings = readSettings('edge', settingsSchema, process.argv.slice(2), process.env);
const { dataDir, issuer, host, port, memoryMib } = settings;
const seen = new Seen('edge', settings.logLevel);
const { log, metrics, onFault } = seen;
mkdirSync(dataDir, { recursive: true, mode: 0o700 });
const token = await readTokens(settings.tokenFile);
const cache = openCache({ endpoints: settings.nodes, token });
const secret = (await readFile(settings.addressKeyFile, 'utf8')).trim();
const blocks = new Blocks({
  table: new BlockTable(cache),
  secret,
  now: () => Date.now(),
  onFailure: onFault,
});
const verifier = new AccessVerifier({
  jwksUrl: new URL('/.well-known/jwks.json', settings.identityUrl).href,
  issuer,
  file: join(dataDir, 'jwks.json'),
  // The api looks that up: here a token only says whose joins are counted.
  isRevoked: () => false,
});
await verifier.start();
const upstreams = new Upstreams(settings.identityUrl, settings.apis);
const shown = seen.http(() => ({ status: 'ok' }));
const edge = await serveEdge({
  host,
  port,
  onFault,
  upstreams,
  tls: tlsFilesOf(settings),
  around: shown.around,
  page: loadPage({ playSources: settings.playSources }),
  limits: new EdgeLimits(blocks, settings),
  verify: (text) => verifier.verify(text),
  bounds: { ...EDGE_BOUNDS, ...settings, memoryBytes: memoryMib * MIB },
});
seen.watchCache(cache);
metrics.totals(
  'worlds_edge_refusals_total',
  'Requests that the edge refused itself, by the reason.',
  'reason',
  () => Object.fromEntries(edge.refusals),
);
metrics.gauges('worlds_edge_load', 'What is under way, by its kind.', 'kind', () => edge.load());
metrics.total(
  'worlds_edge_retries_total',
  'Requests that went on to another api.',
  () => upstreams.retries,
);
metrics.total('worlds_edge_blocks_total', 'Addresses that this edge blocked.', () => blocks.made);
const privately = await listen(
  jsonApp(shown.routes, onFault).callback(),
  settings.privateHost,
  settings.privatePort,
);
log.info({ host, port: edge.port, tls: edge.isSecure }, 'ready');

async function end(): Promise<void> {
  await privately[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end());
