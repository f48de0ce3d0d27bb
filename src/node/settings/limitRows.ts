/** Settings: every limit. */
import type { z } from 'zod';
import { defaultLimits, type Limits } from '../../words/limits.ts';
import { duration, size, sizeText, whole } from '../settingKinds.ts';
import { limitMetrics } from './limitMetrics.ts';

export const limitRows = {
  maxKeyBytes: bytes('maxKeyBytes', '64KiB', 'longest key, as UTF-8'),
  maxBodyBytes: bytes('maxBodyBytes', '256MiB', 'longest body of a request'),
  maxSmallBodyBytes: bytes(
    'maxSmallBodyBytes',
    '256MiB',
    'longest body that is read at once; longer ones count against a quarter of --max-queued-bytes for each address',
  ),
  maxDroppedBodyBytes: bytes(
    'maxDroppedBodyBytes',
    '16GiB',
    'most bytes of a refused body that are read, so that its client gets to read the answer; beyond it, the connection ends',
  ),
  maxHeaderBytes: bytes(
    'maxHeaderBytes',
    '1MiB',
    'longest first line and headers of a request; beyond it, 431',
  ),
  headersTimeoutMs: time(
    'headersTimeoutMs',
    'how long the first line and the headers of a request may take; beyond it, 408',
  ),
  requestTimeoutMs: time(
    'requestTimeoutMs',
    'how long a whole request may take to come, but for ops one a line; beyond it, 408',
  ),
  keepAliveTimeoutMs: time(
    'keepAliveTimeoutMs',
    'how long a connection is kept between two requests; longer than the load balancer in front keeps it',
  ),
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
  maxUnprovedPeers: count(
    'maxUnprovedPeers',
    'most connections of peers that have not proved yet that they know the token; beyond it, the oldest is closed',
  ),
  maxMembers: count('maxMembers', 'most members of the cluster; beyond it, nobody joins'),
  meshLimit: count(
    'meshLimit',
    'members up to which every node has a connection with every other; beyond it, members hear of one another over several hops',
  ),
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
  maxDeliveryPauseMs: duration('1ms', '1s', {
    default: `${defaultLimits.maxDeliveryPauseMs}ms`,
    help: 'longest that an event waits for the sake of requests, after it took long to tell many watchers',
    metric: limitMetrics.maxDeliveryPauseMs,
  }),
  maxRecentExpiries: count(
    'maxRecentExpiries',
    'most expiries remembered for watchers that connect again',
  ),
  maxWaiting: count('maxWaiting', 'most requests that may wait for a write; beyond it, 503'),
  maxConnections: count(
    'maxConnections',
    'most connections; never more than the file descriptors of the process minus 128',
  ),
  maxSpareConnections: count(
    'maxSpareConnections',
    'most connections beyond --max-connections, which serve peers, probes and metrics alone',
  ),
  maxPeerConnections: count(
    'maxPeerConnections',
    'most connections with other nodes, in both directions; beyond it, a node that dials gets 503',
  ),
  maxConnectionsPerAddress: count('maxConnectionsPerAddress', 'most connections from one address'),
  maxPipelinedRequests: count(
    'maxPipelinedRequests',
    'most requests that one connection may send ahead of their answers',
  ),
  maxAnswerBytes: bytes(
    'maxAnswerBytes',
    '16GiB',
    'most bytes of answers that clients have not read yet; beyond it, reads get 503, and beyond a quarter those of one address 429',
  ),
  minAnswerBytesPerSecond: bytes(
    'minAnswerBytesPerSecond',
    '1GiB',
    'least bytes a second at which a client must take a long answer, after --send-timeout; below it, it loses its connection',
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
  maxReadValueBytes: bytes(
    'maxReadValueBytes',
    '16GiB',
    'most bytes of values that a program has read from the node in its process, kept ready for it; none with --max-memory',
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
  maxSlowRequests: count(
    'maxSlowRequests',
    'most requests for the past, the log and lists of more than 100 entries, answers not read yet included; beyond it, 429',
  ),
  shedHeapPercent: percent(
    'shedHeapPercent',
    'percent of the heap above which requests get 503, so that memory does not run out',
  ),
  shedQueuePercent: percent(
    'shedQueuePercent',
    'percent of --max-queued-ops or --max-queued-bytes above which, for a second, writes get 503',
  ),
} satisfies Record<keyof Limits, z.ZodType<number>>;

function bytes(name: keyof Limits, most: string, help: string) {
  const metric = limitMetrics[name];
  return size('1', most, { default: sizeText(defaultLimits[name]), help, metric });
}

function time(name: keyof Limits, help: string) {
  const metric = limitMetrics[name];
  return duration('1s', '1h', { default: `${defaultLimits[name] / 1000}s`, help, metric });
}

function percent(name: keyof Limits, help: string) {
  const metric = limitMetrics[name];
  const row = { default: String(defaultLimits[name]), placeholder: 'percent', help, metric };
  return whole(1, 100, row);
}

function count(name: keyof Limits, help: string) {
  const metric = limitMetrics[name];
  const row = { default: String(defaultLimits[name]), placeholder: 'number', help, metric };
  return whole(1, 1_000_000, row);
}
