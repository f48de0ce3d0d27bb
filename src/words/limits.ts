/** Every limit by name, with its default; settings.ts makes each a setting. */
import { GIB, KIB, MIB } from './size.ts';

export interface Limits {
  /** Longest key, in bytes of UTF-8. */
  readonly maxKeyBytes: number;
  /** Longest request body, in bytes. */
  readonly maxBodyBytes: number;
  /** A body up to this length, in bytes, is read whole; only longer ones count against the bounds of long bodies. */
  readonly maxSmallBodyBytes: number;
  /** Bytes of refused bodies that one request may still send, so that its client gets to read the answer. */
  readonly maxDroppedBodyBytes: number;
  /** Longest first line and headers of a request, together, in bytes. */
  readonly maxHeaderBytes: number;
  /** Milliseconds for the first line and the headers of a request; never more than for the whole of it. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request, but for ops one a line. */
  readonly requestTimeoutMs: number;
  /** Milliseconds for which a connection may be idle between two requests. */
  readonly keepAliveTimeoutMs: number;
  /** Rate at which a long body must come once 5 s are over, in bytes a second. */
  readonly minBodyBytesPerSecond: number;
  /** Most ops in one batch request. */
  readonly maxBatchOps: number;
  /** Requests of one op a line that may be under way at one time. */
  readonly maxBulkRequests: number;
  /** Most entries in one answer of a list. */
  readonly maxListEntries: number;
  /** Ops that may wait undecided, of clients and peers together. */
  readonly maxQueuedOps: number;
  /** Bytes of keys and values that may wait undecided. */
  readonly maxQueuedBytes: number;
  /** Ops in one delta. */
  readonly maxDeltaOps: number;
  /** Bytes of keys and values in one delta; a single op may be longer. */
  readonly maxDeltaBytes: number;
  /** Bytes waiting in a peer's socket above which pushes to it are shed. */
  readonly maxPeerBufferBytes: number;
  /** Messages of one peer that are read in a second; the rest waits at the peer. */
  readonly maxPeerMessagesPerSecond: number;
  /** Connections of peers that have not proved yet that they know the secret. */
  readonly maxUnprovedPeers: number;
  /** Most members of a cluster, nodes that are gone and not yet retired among them. */
  readonly maxMembers: number;
  /** Members up to which every node links every other; beyond it, a few links each, and rounds. */
  readonly meshLimit: number;
  /** Origins that are let in within a minute at each URL that the settings name, and at all others together. */
  readonly maxJoinsPerMinute: number;
  /** Bytes of a snapshot that this node takes in, all its parts together. */
  readonly maxSnapshotBytes: number;
  /** Recent ops kept in memory for peers and watchers that are nearly up to date. */
  readonly maxRecentOps: number;
  /** Bytes of keys and values of those recent ops. */
  readonly maxRecentBytes: number;
  /** Watchers at one time. */
  readonly maxWatchers: number;
  /**
   * Bytes waiting in a watcher's socket above which the watcher gets nothing more until they are sent.
   */
  readonly maxWatcherBufferBytes: number;
  /** Bytes that may wait for all watchers together: each has an equal share, if that is less than its own bound. */
  readonly maxAllWatchersBufferBytes: number;
  /** Events kept in memory for watchers whose sockets were full for a while. */
  readonly maxRecentEvents: number;
  /** Bytes of the events kept in memory. */
  readonly maxRecentEventBytes: number;
  /** Milliseconds for which an event may wait for the sake of requests, after a costly delivery to many watchers. */
  readonly maxDeliveryPauseMs: number;
  /** Expiries remembered for watchers that connect again. */
  readonly maxRecentExpiries: number;
  /**
   * Requests that may wait at one time, for a write to arrive here or for other nodes to confirm one.
   */
  readonly maxWaiting: number;
  /**
   * Connections at one time, watches and peers included; a few more are reserved for peers and health.
   */
  readonly maxConnections: number;
  /** Connections above `maxConnections`, reserved for peers and for the health of the node. */
  readonly maxSpareConnections: number;
  /** Connections of peers at one time, in both directions. */
  readonly maxPeerConnections: number;
  /** Connections from one address at one time. */
  readonly maxConnectionsPerAddress: number;
  /** Requests that one connection may send ahead of their answers before the node stops reading. */
  readonly maxPipelinedRequests: number;
  /** Bytes of answers that all clients together have not read yet; one address may hold a quarter. */
  readonly maxAnswerBytes: number;
  /** A client must take an answer at this rate after `sendTimeoutMs`. */
  readonly minAnswerBytesPerSecond: number;
  /** Bytes of the results of one batch; clients ask again for results beyond it. */
  readonly maxBatchAnswerBytes: number;
  /** Requests that may wait at one time for values that are not in memory. */
  readonly maxColdReads: number;
  /** Bytes of values that the program around a node has read, and that are kept ready for it; none with `maxMemory`. */
  readonly maxReadValueBytes: number;
  /** Wrong tokens that one address may show at once; it has another try each 6 s. */
  readonly maxWrongTokens: number;
  /** Wrong tokens a second from all addresses. */
  readonly maxWrongTokensPerSecond: number;
  /** Addresses whose wrong tokens are remembered. */
  readonly maxWrongTokenAddresses: number;
  /** Verified JWTs that are remembered, so that each is verified once. */
  readonly maxRememberedTokens: number;
  /** Bytes of audit lines that wait to be written. */
  readonly maxAuditBufferBytes: number;
  /** Tickets for watches that wait to be used. */
  readonly maxTickets: number;
  /**
   * Requests of the slow class (the past, the log, long lists) at one time, until their answers are read;
   * one address may hold half with unread ones.
   */
  readonly maxSlowRequests: number;
  /** Percent of the heap's greatest size above which requests are shed. */
  readonly shedHeapPercent: number;
  /** Percent of the queue of writes above which writes are shed. */
  readonly shedQueuePercent: number;
}

export const defaultLimits: Limits = {
  maxKeyBytes: KIB,
  maxBodyBytes: MIB,
  maxSmallBodyBytes: 16 * KIB,
  maxDroppedBodyBytes: 64 * MIB,
  maxHeaderBytes: 16 * KIB,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 60_000,
  // Load balancers commonly keep idle connections for 60 s; so they close first.
  keepAliveTimeoutMs: 65_000,
  minBodyBytesPerSecond: KIB,
  maxBatchOps: 1000,
  maxBulkRequests: 32,
  maxListEntries: 1000,
  maxQueuedOps: 10_000,
  maxQueuedBytes: 64 * MIB,
  maxDeltaOps: 512,
  maxDeltaBytes: 256 * KIB,
  maxPeerBufferBytes: 4 * MIB,
  maxPeerMessagesPerSecond: 10_000,
  maxUnprovedPeers: 64,
  maxMembers: 64,
  meshLimit: 8,
  maxJoinsPerMinute: 5,
  maxSnapshotBytes: 4 * GIB,
  maxRecentOps: 16_384,
  maxRecentBytes: 16 * MIB,
  maxWatchers: 10_000,
  maxWatcherBufferBytes: 256 * KIB,
  maxAllWatchersBufferBytes: 256 * MIB,
  maxRecentEvents: 4096,
  maxRecentEventBytes: 2 * MIB,
  maxDeliveryPauseMs: 50,
  maxRecentExpiries: 16_384,
  maxWaiting: 10_000,
  maxConnections: 10_000,
  maxSpareConnections: 32,
  maxPeerConnections: 256,
  maxConnectionsPerAddress: 10_000,
  maxPipelinedRequests: 32,
  maxAnswerBytes: 256 * MIB,
  minAnswerBytesPerSecond: 32 * KIB,
  maxBatchAnswerBytes: 16 * MIB,
  maxColdReads: 1024,
  maxReadValueBytes: 64 * MIB,
  maxWrongTokens: 10,
  maxWrongTokensPerSecond: 1000,
  maxWrongTokenAddresses: 10_000,
  maxRememberedTokens: 10_000,
  maxAuditBufferBytes: MIB,
  maxTickets: 10_000,
  maxSlowRequests: 8,
  shedHeapPercent: 85,
  shedQueuePercent: 80,
};
