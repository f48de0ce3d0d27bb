/** How a program opens a node in its own process: with the REST interface, with peers alone, or without a port. */
import { listenFailure } from '../node/listenFailure.ts';
import type { GivenSettings, NodeSettings } from '../node/nodeSettings.ts';
import type { Address } from '../node/portCheck.ts';
import { completeSettings } from '../node/settings.ts';
import { startMember as startInnerMember, startNode as startInnerNode } from '../node/startNode.ts';
import { SettingError } from '../words/errors.ts';
import { EmbeddedNode } from './embeddedNode.ts';
import { refuseOldNode } from './nodeVersion.ts';
import type { NodeLogger, OpenNode, RunningNode, StartOptions } from './runningNode.ts';

const SILENT: NodeLogger = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Makes this process a member of the cluster. It keeps the process alive until it is closed.
 *
 * With `port` it serves the REST interface there. Without, it listens for peers alone, at `peerPort`, and
 * a node alone listens nowhere.
 *
 * @param settings numbers, texts and lists by name; a missing setting has its default.
 * @returns once the node is open. It may be read and written once `ready` has resolved.
 * @throws SettingError for a wrong value or an unknown name, if `nodes` are given and neither `peerPort` nor
 *   `port` is, or if the directory can't be made; LockedDirectoryError, WrongDirectoryError,
 *   DamagedLogError or DiskFullError for the directory; HearsayError if the node can't listen at the
 *   port, or Node is older than 24.
 */
export async function openNode(
  settings: GivenSettings = {},
  options: StartOptions = {},
): Promise<OpenNode> {
  if (settings?.port !== undefined) return startNode(settings, options);
  refuseOldNode();
  const complete = completeSettings(forPeersAlone(settings));
  const logger = checkedLogger(options.logger ?? SILENT);
  const { peerHost, host, peerPort } = complete;
  const listens = { host: peerHost ?? host, port: peerPort ?? 0 };
  return opened(complete, listens, () => startInnerMember(complete, { logger }));
}

/**
 * As `openNode`, and serves the REST interface also without `port`: at its default, 8000.
 *
 * @throws the errors of `openNode`.
 */
export async function startNode(
  settings: GivenSettings = {},
  options: StartOptions = {},
): Promise<RunningNode> {
  refuseOldNode();
  const complete = completeSettings(settings);
  const logger = checkedLogger(options.logger ?? SILENT);
  return opened(complete, complete, () => startInnerNode(complete, { logger }));
}

async function opened<Url extends string | null>(
  complete: NodeSettings,
  listens: Address,
  start: () => Promise<ConstructorParameters<typeof EmbeddedNode<Url>>[0]>,
): Promise<EmbeddedNode<Url>> {
  try {
    return new EmbeddedNode<Url>(await start(), complete);
  } catch (error) {
    throw listenFailure(error, listens);
  }
}

/** The settings of a node that has no port for clients: then `host` is the address for peers. */
function forPeersAlone(settings: GivenSettings): GivenSettings {
  // Programs in plain JavaScript pass anything, which is refused later.
  if (typeof settings !== 'object' || settings === null) return settings;
  const { nodes = [], url = null, peerPort = null, peerHost = null, host } = settings;
  if (peerPort === null && (nodes.length > 0 || url !== null))
    throw new SettingError(
      'A node that has peers needs a port at which they reach it: name it by peerPort, or by port if the node ' +
        'is to serve REST there too.',
    );
  const at = peerHost ?? host;
  return {
    ...settings,
    port: 0,
    host: '127.0.0.1',
    ...(peerPort !== null && at !== undefined && { peerHost: at }),
  };
}

/** A node that can't log its first warning must not start. @throws SettingError */
function checkedLogger(logger: NodeLogger): NodeLogger {
  const missing = (['info', 'warn', 'error'] as const).find(
    (name) => typeof logger[name] !== 'function',
  );
  if (missing === undefined) return logger;
  throw new SettingError(
    `logger must have the methods info, warn and error, and has no ${missing}.`,
  );
}
