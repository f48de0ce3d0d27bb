/** `hearsay serve`: runs one node in this process, until a signal or a failure ends it. */

import { LAST_CHECKPOINT_MS } from '../node/engine.ts';
import { keepTick } from '../node/keptTick.ts';
import { listenFailure } from '../node/listenFailure.ts';
import type { NodeSettings } from '../node/settings.ts';
import { type RunningNode, startNode } from '../node/startNode.ts';
import { boundYoungHeap } from '../node/youngHeap.ts';
import { parentGone, tellParent } from './cluster/parent.ts';
import { tellUntilReady } from './cluster/readiness.ts';
import { createLogger, type Logger, type NodeLogger } from './terminal/logger.ts';
import { exitCodeOf, stopSignal } from './terminal/stopSignals.ts';

/** For a stop, beside the times that the settings ask for, and the last checkpoint. */
const STOP_LIMIT_MS = 3000 + LAST_CHECKPOINT_MS;

/** Resolves once the node has stopped on request. @throws HearsayError, with a message for people. */
export async function serve(settings: NodeSettings, isUnderCluster: boolean): Promise<void> {
  const log = createLogger(settings, process.stderr.isTTY === true);
  const { logger } = log;
  boundYoungHeap();
  keepTick();
  let node: RunningNode | null = null;
  const reload = hasFilesToReload(settings) ? () => node?.reload() : null;
  const limitMs = STOP_LIMIT_MS + settings.leaveDelayMs + settings.drainTimeoutMs;
  const stop = stopRequest(isUnderCluster, { logger, limitMs, reload });
  node = await start(settings, log);
  const { host: listens } = new URL(node.url);
  const { peerUrl } = node;
  // The URL for other machines, which may not reach the address at which the node listens. With a port for peers, it is theirs.
  const url = peerUrl === null ? (settings.url ?? node.url) : node.url;
  const peers = peerUrl === null ? {} : { peers: settings.url ?? peerUrl };
  logger.info(
    { event: 'serving', origin: node.origin, url, ...peers, listens, pid: process.pid },
    `Node ${settings.nodeId} serves.`,
  );
  if (isUnderCluster) {
    await tellParent({ kind: 'serving' });
    // Not awaited: a node that never becomes ready can be stopped all the same.
    void tellUntilReady(node, settings);
  }
  await runUntil(stop, node);
  logger.info({ event: 'stopped' }, `Node ${settings.nodeId} has stopped.`);
  log.flush();
}

const hasFilesToReload = (settings: NodeSettings): boolean => {
  const { authFile, jwks, auditLog, internalTokenFile, tlsCert, peerTlsCert, peerTlsCa } = settings;
  const files = [authFile, jwks, auditLog, internalTokenFile, tlsCert, peerTlsCert, peerTlsCa];
  return files.some((path) => path !== null);
};

interface StopOptions {
  readonly logger: Logger;
  readonly limitMs: number;
  /** Reads again what can change while the node runs; null if nothing can. */
  readonly reload: (() => void) | null;
}

/** Resolves at the first request; from then on the process ends within the limit in any case. */
async function stopRequest(
  isUnderCluster: boolean,
  { logger, limitMs, reload }: StopOptions,
): Promise<void> {
  const signal = stopSignal((second) => process.exit(exitCodeOf(second)), reload);
  await (isUnderCluster ? Promise.race([signal, parentGone()]) : signal);
  logger.info({ event: 'stopping' }, 'Stopping.');
  const giveUp = () => {
    logger.error(`The node did not stop within ${limitMs / 1000} s and is ended.`);
    process.exit(1);
  };
  setTimeout(giveUp, limitMs).unref();
}

async function runUntil(stop: Promise<void>, node: RunningNode): Promise<void> {
  try {
    await Promise.race([stop, node.failure]);
  } finally {
    await node.close();
  }
}

async function start(
  settings: NodeSettings,
  { dropped, nodeLog, requestLog }: NodeLogger,
): Promise<RunningNode> {
  try {
    return await startNode(settings, { logger: nodeLog, requestLog, droppedLogLines: dropped });
  } catch (error) {
    throw listenFailure(error, settings);
  }
}
