/**
 * Every setting of a node: its name, default, allowed values and meaning, once.
 *
 * Invariant: a row here is all that a setting needs. Its flag (`--join-timeout`), its environment
 * variable (`JOIN_TIMEOUT`), the help and the README's table are made from it.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { SettingError } from '../words/errors.ts';
import { defaultLimits, type Limits } from '../words/limits.ts';
import { isBlockedPort } from './blockedPorts.ts';
import { isLoopback } from './loopback.ts';
import type { GivenSettings, NodeSettings } from './nodeSettings.ts';
import {
  baseUrl,
  baseUrls,
  choice,
  duration,
  type Environment,
  type Flags,
  onOff,
  readGiven,
  readShape,
  refuseUnknown,
  setting,
  size,
  sizeOrNone,
  sizeText,
  whole,
} from './settingKinds.ts';
import { isToken, oneToken, refuseTwoTokens } from './token.ts';

export type { NodeSettings };

/** The default of 0.1.0, which everybody knows. */
const PUBLISHED_TOKEN = 'secret';

/** Those of asymmetric keys: a node that could sign would be an identity provider. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

export const nodeShape = {
  nodeId: setting(z.string().regex(/^[A-Za-z0-9_-]{1,32}$/), {
    default: 'node1',
    placeholder: 'name',
    allowed: '1 to 32 letters (A to Z), digits, _ or -',
    help: "this node's name in answers and logs",
  }),
  nodes: setting(baseUrls(), {
    default: '',
    placeholder: 'urls',
    allowed: 'http or https base URLs separated by commas, such as http://10.0.0.2:8000',
    allowedEach: 'http or https base URLs, such as http://10.0.0.2:8000',
    help: 'base URLs of all nodes, separated by commas; its own may be among them',
  }),
  url: setting(baseUrl().nullable(), {
    default: null,
    placeholder: 'url',
    allowed: 'an http or https base URL, such as http://10.0.0.1:8000',
    help: 'base URL at which the others reach this node; by default the one of --nodes that answers as this node',
  }),
  cluster: setting(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/), {
    default: 'hearsay',
    placeholder: 'name',
    allowed: '1 to 64 letters (A to Z), digits, dots, _ or -',
    help: 'name of the cluster; this node refuses nodes of another name',
  }),
  internalToken: setting(z.string().refine(isToken).nullable(), {
    default: null,
    placeholder: 'token',
    allowed: '1 to 256 printable ASCII characters without spaces',
    help: 'secret that the nodes of a cluster share; other users of the machine see a flag, so give a file',
    isSecret: true,
  }),
  internalTokenFile: setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help: 'file that holds the token; else, on loopback alone, one that all nodes of this user share',
  }),
  host: setting(z.string().refine(isHost), {
    default: '127.0.0.1',
    placeholder: 'address',
    allowed: 'a host name or an IP address, without a port',
    help: 'address to listen on; 0.0.0.0 for all',
  }),
  port: whole(0, 65_535, {
    default: '8000',
    placeholder: 'port',
    help: 'port to listen on; 0 for any free one',
  }),
  authFile: setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help: 'file of tokens, which says who may do what; see `hearsay token create`',
  }),
  jwks: setting(path().nullable(), {
    default: null,
    placeholder: 'place',
    allowed: 'the path or the URL of a key set (RFC 7517)',
    help: 'key set of an identity provider, a file or a URL, whose JWTs count beside the file of tokens',
  }),
  jwtIssuer: setting(z.string().min(1).nullable(), {
    default: null,
    placeholder: 'issuer',
    allowed: 'the `iss` of the JWTs',
    help: 'the iss of its JWTs; needed with --jwks',
  }),
  jwtAudience: setting(z.string().min(1).nullable(), {
    default: null,
    placeholder: 'audience',
    allowed: 'an `aud` of the JWTs',
    help: 'the aud that its JWTs must name; needed with --jwks',
  }),
  jwtAlgorithms: setting(jwtAlgorithms(), {
    default: 'RS256,ES256,EdDSA',
    placeholder: 'names',
    allowed: `names separated by commas, of ${ALGORITHMS.join(', ')}`,
    allowedEach: `${ALGORITHMS.join(', ')}`,
    help: 'algorithms by which its JWTs may be signed, separated by commas',
  }),
  auditLog: setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help: 'file that gets a line for each act of an operator, and for wrong tokens',
  }),
  open: onOff({
    help: 'off loopback, without a file of tokens: everybody who reaches the port may read and write everything',
  }),
  allowedHosts: setting(hostNames(), {
    default: '',
    placeholder: 'names',
    allowed: 'host names such as cache.example.com separated by commas, or *',
    allowedEach: 'host names such as cache.example.com, or of * alone',
    help: 'host names by which the node may be asked, besides addresses, localhost and those in --url and --nodes; * for all, which is the default off loopback',
  }),
  dataDir: setting(path(), {
    default: './data',
    placeholder: 'directory',
    allowed: 'the path of a directory',
    help: "directory of this node's log; the node makes it if it is missing",
  }),
  durability: choice(['full', 'normal'], {
    default: 'full',
    help: 'full: an answered write survives a power cut; normal: only a crash of the process',
  }),
  maxMemory: sizeOrNone('4MiB', '1024GiB', {
    default: null,
    help: 'most bytes of keys, values and indexes in memory; beyond it, the coldest values are read from the disk',
  }),
  joinTimeoutMs: duration('0ms', '1d', {
    default: '10s',
    help: 'how long a node that starts waits for its peers before it goes on alone',
  }),
  memberTimeoutMs: duration('1s', '365d', {
    default: '24h',
    help: 'how long a member may be silent before it is retired',
  }),
  peerRefusalMs: duration('1s', '1d', {
    default: '10m',
    help: 'how long a peer that breaks the protocol again and again is refused',
  }),
  retentionMs: duration('1s', '3650d', {
    default: '24h',
    help: 'how long the log keeps ops that were overwritten or deleted, or have expired',
  }),
  checkpointIntervalMs: duration('0ms', '365d', {
    default: '5m',
    help: 'how often a node writes its entries into a file that the next start reads in place of the log; 0: never',
  }),
  maxClockSkewMs: duration('0ms', '1d', {
    default: '1m',
    help: 'how far the clocks of two nodes may be apart',
  }),
  pullIntervalMs: duration('10ms', '1h', {
    default: '1s',
    help: 'how often a node compares its log with a peer',
  }),
  allowedOrigins: setting(origins(), {
    default: '',
    placeholder: 'origins',
    allowed: 'origins such as https://app.example.com separated by commas, or *',
    allowedEach: 'origins such as https://app.example.com, or of * alone',
    help: 'web origins whose pages may call the node, separated by commas; * for all',
  }),
  waitTimeoutMs: duration('1ms', '10m', {
    default: '5s',
    help: 'how long a request waits for the writes of its token to come from other nodes',
  }),
  bookmarkIntervalMs: duration('30ms', '1h', {
    default: '15s',
    help: 'how long a watcher gets no event before it gets a bookmark',
  }),
  watchPingIntervalMs: duration('10ms', '1h', {
    default: '30s',
    help: 'how often the node pings a watcher; four unanswered pings end the watch',
  }),
  sendTimeoutMs: duration('1s', '1h', {
    default: '30s',
    help: 'how long a client may read nothing of an answer or a watch before it is cut off',
  }),
  leaveDelayMs: duration('0s', '10m', {
    default: '0s',
    help: 'how long a node that is to stop still serves, while its health and its answers send clients elsewhere',
  }),
  logLevel: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    help: 'the least important log line to write to stderr',
  }),
  logFormat: choice(['auto', 'json', 'text'], {
    default: 'auto',
    help: 'form of a log line; auto: text on a terminal, else json',
  }),
  maxLogBufferBytes: size('1KiB', '1GiB', {
    default: '1MiB',
    help: 'most bytes of log lines that wait for a slow reader of stderr; beyond it, lines are dropped',
  }),
} satisfies Record<keyof Omit<NodeSettings, 'limits'>, z.ZodType>;

export const limitShape = {
  maxKeyBytes: bytes('maxKeyBytes', '64KiB', 'longest key, as UTF-8'),
  maxBodyBytes: bytes('maxBodyBytes', '256MiB', 'longest body of a request'),
  minBodyBytesPerSecond: bytes(
    'minBodyBytesPerSecond',
    '1GiB',
    'least bytes a second at which a long body must come, after 5 s; below it, 408',
  ),
  maxBatchOps: count('maxBatchOps', 'most ops in one batch'),
  maxBulkRequests: count(
    'maxBulkRequests',
    'most requests of one op a line at one time; beyond it, 503',
  ),
  maxListEntries: count('maxListEntries', 'most entries in one answer of a list'),
  maxQueuedOps: count('maxQueuedOps', 'most ops that may wait to be stored; beyond it, 503'),
  maxQueuedBytes: bytes('maxQueuedBytes', '16GiB', 'most bytes of ops that may wait to be stored'),
  maxDeltaOps: count('maxDeltaOps', 'most ops in one message to a peer'),
  maxDeltaBytes: bytes('maxDeltaBytes', '64MiB', 'most bytes of ops in one message to a peer'),
  maxPeerBufferBytes: bytes(
    'maxPeerBufferBytes',
    '1GiB',
    'most bytes that may wait for a peer; beyond it, pushes to the peer are left to the next pull',
  ),
  maxPeerMessagesPerSecond: count(
    'maxPeerMessagesPerSecond',
    'most messages a second that are read from one peer',
  ),
  maxMembers: count('maxMembers', 'most members of the cluster; beyond it, nobody joins'),
  maxJoinsPerMinute: count(
    'maxJoinsPerMinute',
    'most joins that this node allows in a minute, at each URL of --nodes, and at all others together',
  ),
  maxSnapshotBytes: bytes(
    'maxSnapshotBytes',
    '1024GiB',
    'most bytes of a snapshot from a peer, 128 for each op beside its texts; beyond it, the peer is at fault',
  ),
  maxRecentOps: count('maxRecentOps', 'most ops kept in memory for peers that are nearly level'),
  maxRecentBytes: bytes(
    'maxRecentBytes',
    '16GiB',
    'most bytes of the ops kept in memory for peers',
  ),
  maxWatchers: count('maxWatchers', 'most watchers at one time; beyond it, 503'),
  maxWatcherBufferBytes: bytes(
    'maxWatcherBufferBytes',
    '1GiB',
    'most bytes that may wait for a watcher; beyond it, the watcher gets no event until they are sent',
  ),
  maxAllWatchersBufferBytes: bytes(
    'maxAllWatchersBufferBytes',
    '16GiB',
    'most bytes that may wait for all watchers together; each has an equal share',
  ),
  maxRecentEvents: count('maxRecentEvents', 'most events kept for watchers that are nearly level'),
  maxRecentEventBytes: bytes(
    'maxRecentEventBytes',
    '16GiB',
    'most bytes of the events kept for watchers',
  ),
  maxRecentExpiries: count(
    'maxRecentExpiries',
    'most expiries remembered for watchers that connect again',
  ),
  maxWaiting: count('maxWaiting', 'most requests that may wait for a write; beyond it, 503'),
  maxConnections: count(
    'maxConnections',
    'most connections; never more than the file descriptors of the process minus 128',
  ),
  maxConnectionsPerAddress: count('maxConnectionsPerAddress', 'most connections from one address'),
  maxPipelinedRequests: count(
    'maxPipelinedRequests',
    'most requests that one connection may send ahead of their answers',
  ),
  maxAnswerBytes: bytes(
    'maxAnswerBytes',
    '16GiB',
    'most bytes of answers that clients have not read yet; beyond it, reads get 503',
  ),
  maxBatchAnswerBytes: bytes(
    'maxBatchAnswerBytes',
    '256MiB',
    'most bytes of the results of one batch',
  ),
  maxColdReads: count(
    'maxColdReads',
    'most requests at one time that wait for values from the disk; beyond it, 503',
  ),
  maxWrongTokens: count(
    'maxWrongTokens',
    'most wrong tokens that one address may show at once; it has another try each 6 s, and gets 429 until then',
  ),
  maxWrongTokensPerSecond: count(
    'maxWrongTokensPerSecond',
    'most wrong tokens a second from all addresses; beyond it, 429',
  ),
  maxWrongTokenAddresses: count(
    'maxWrongTokenAddresses',
    'most addresses whose wrong tokens are remembered',
  ),
  maxRememberedTokens: count(
    'maxRememberedTokens',
    'most verified JWTs that are remembered, so that each is verified once',
  ),
  maxAuditBufferBytes: bytes(
    'maxAuditBufferBytes',
    '1GiB',
    'most bytes of audit lines that wait to be written; beyond it, lines are dropped',
  ),
  maxTickets: count('maxTickets', 'most tickets for watches that wait to be used; beyond it, 503'),
  maxPastReads: count('maxPastReads', 'most reads of the past at one time; beyond it, 503'),
} satisfies Record<keyof Limits, z.ZodType<number>>;

/** All rows, in the order in which help and the README show them. */
export const settingsShape = { ...nodeShape, ...limitShape };

/** @throws SettingError, whose message is one sentence. */
export function readSettings(flags: Flags, environment: Environment): NodeSettings {
  const own = readShape(nodeShape, flags, environment);
  const limits = readShape(limitShape, flags, environment);
  const token = oneToken(own, flags);
  refuseOpenToken(
    { ...own, ...token },
    {
      token: '--internal-token (INTERNAL_TOKEN)',
      file: '--internal-token-file (INTERNAL_TOKEN_FILE)',
      host: '--host (HOST)',
    },
  );
  refuseUnguarded(own, '--auth-file (AUTH_FILE)', '--open (OPEN=true)');
  refuseHalfJwt(own, '--jwks', '--jwt-issuer and --jwt-audience');
  refuseBlockedPort(own, '--port (PORT)');
  return { ...own, ...token, limits };
}

/**
 * Checks the settings that a program gives as numbers, texts and lists, and adds the defaults.
 *
 * @throws SettingError, whose message is one sentence, for a wrong value and for an unknown name.
 */
export function completeSettings(given: GivenSettings): NodeSettings {
  refuseNoObject('The settings', given);
  const { limits: givenLimits = {}, ...givenOwn } = given;
  refuseNoObject('limits', givenLimits);
  refuseUnknown(givenOwn, [...Object.keys(nodeShape), 'limits'], '');
  refuseUnknown(givenLimits, Object.keys(limitShape), 'limits.');
  const own = readGiven(nodeShape, givenOwn, '');
  const limits = readGiven(limitShape, givenLimits, 'limits.');
  refuseTwoTokens(own, 'internalToken', 'internalTokenFile');
  refuseOpenToken(own, { token: 'internalToken', file: 'internalTokenFile', host: 'host' });
  refuseUnguarded(own, 'authFile', 'open: true');
  refuseHalfJwt(own, 'jwks', 'jwtIssuer and jwtAudience');
  refuseBlockedPort(own, 'port');
  return { ...own, limits };
}

/** Programs in plain JavaScript pass anything. */
function refuseNoObject(name: string, given: unknown): void {
  if (typeof given === 'object' && given !== null) return;
  throw new SettingError(`${name} must be an object with settings by name.`);
}

/**
 * Refused off loopback, where every process that reaches the port could act as a node with a known
 * token.
 */
function refuseOpenToken(
  own: Pick<NodeSettings, 'internalToken' | 'internalTokenFile' | 'host'>,
  names: { readonly token: string; readonly file: string; readonly host: string },
): void {
  if (isLoopback(own.host) || own.internalTokenFile !== null) return;
  if (own.internalToken === PUBLISHED_TOKEN)
    throw new SettingError(
      `${names.token} must not be a word that everybody knows: set a token of your own to listen on ${own.host}.`,
    );
  if (own.internalToken !== null) return;
  throw new SettingError(
    `A node that listens on ${own.host} needs a token that its cluster shares: name its file by ${names.file}, ` +
      `give it by ${names.token}, or listen on 127.0.0.1 by ${names.host}.`,
  );
}

/** A JWT for another service of the same provider must not open this one. */
function refuseHalfJwt(
  { jwks, jwtIssuer, jwtAudience }: Pick<NodeSettings, 'jwks' | 'jwtIssuer' | 'jwtAudience'>,
  jwksName: string,
  otherNames: string,
): void {
  if (jwks === null || (jwtIssuer !== null && jwtAudience !== null)) return;
  throw new SettingError(`${jwksName} needs ${otherNames}: name whose JWTs count, and for whom.`);
}

/** A flag opens a node to others, not silence. */
function refuseUnguarded(
  { host, authFile, jwks, open }: Pick<NodeSettings, 'host' | 'authFile' | 'jwks' | 'open'>,
  fileName: string,
  openName: string,
): void {
  if (isLoopback(host) || authFile !== null || jwks !== null || open) return;
  throw new SettingError(
    `A node that listens on ${host} must know who may do what: name its file of tokens by ${fileName}, or say ` +
      `${openName} if everybody who reaches the port may read and write everything.`,
  );
}

/** Its own client, its health check and every page could not reach a node there. */
function refuseBlockedPort({ port }: Pick<NodeSettings, 'port'>, name: string): void {
  if (!isBlockedPort(port)) return;
  throw new SettingError(
    `${name} must not be ${port}: fetch refuses to connect to it, in browsers and in Node, so choose another port.`,
  );
}

/** The path of a file or a directory. */
function path() {
  return z.string().regex(/^[^\0]+$/);
}

/** The `Origin` of browsers: a base URL, or `*` for all. */
function origins() {
  return z.union([z.literal('*').transform(() => ['*'] as readonly string[]), baseUrls()]);
}

function jwtAlgorithms() {
  return z
    .string()
    .transform((text): readonly string[] => text.split(',').map((name) => name.trim()))
    .refine((names) => names.every((name) => ALGORITHMS.includes(name)));
}

function hostNames() {
  return z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim().toLowerCase()))
    .transform((names): readonly string[] => names.filter((name) => name !== ''))
    .refine((names) => names.every((name) => name === '*' || isHost(name)));
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^[A-Za-z0-9._-]{1,253}$/.test(text);
}

function bytes(name: keyof Limits, most: string, help: string) {
  return size('1', most, { default: sizeText(defaultLimits[name]), help });
}

function count(name: keyof Limits, help: string) {
  const row = { default: String(defaultLimits[name]), placeholder: 'number', help };
  return whole(1, 1_000_000, row);
}
