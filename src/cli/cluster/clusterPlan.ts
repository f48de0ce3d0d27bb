/** The settings of `hearsay cluster`, and those that it gives to each of its nodes. */
import { join } from 'node:path';
import { isLoopback } from '../../node/loopback.ts';
import {
  describeSettings,
  type Environment,
  type Flags,
  readShape,
  whole,
  wholeOrNone,
} from '../../node/settingKinds.ts';
import { readSettings, settingsShape } from '../../node/settings.ts';
import { oneToken } from '../../node/token.ts';
import type { GivenToken } from '../../node/tokenFile.ts';
import { SettingError } from '../../words/errors.ts';

const LAST_PORT = 65_535;

// Each node gets its own of these five.
const {
  nodeId: _id,
  nodes: _nodes,
  url: _url,
  port: _port,
  peerPort: _peerPort,
  ...sharedShape
} = settingsShape;

/** Every setting of the command, in the order of its help. */
export const clusterShape = {
  nodes: whole(1, 16, {
    default: '3',
    placeholder: 'number',
    help: 'number of nodes to run',
    // For `hearsay serve`, NODES is a list of URLs.
    hasEnvironment: false,
  }),
  firstPort: whole(1, LAST_PORT, {
    default: '8001',
    placeholder: 'port',
    help: 'port of the first node; the others take the ports after it',
  }),
  firstPeerPort: wholeOrNone(1, LAST_PORT, {
    help: 'port for peers alone of the first node; by default peers come to the port for clients',
  }),
  ...sharedShape,
};

export interface NodePlan {
  readonly nodeId: string;
  readonly url: string;
  /** The address at which it listens. */
  readonly host: string;
  readonly port: number;
  /** The port for peers alone; null if they come to `port`. */
  readonly peerPort: number | null;
  readonly dataDir: string;
  /** Whether a file of tokens or a key set says who may do what. */
  readonly hasTokens: boolean;
  /** Variables for its environment, beside those of this process. */
  readonly environment: Environment;
}

/**
 * @param tokenOf gives the token of all nodes; called once all settings are checked.
 * @throws SettingError, before anything is started.
 */
export function planCluster(
  flags: Flags,
  environment: Environment,
  tokenOf: (given: GivenToken) => string,
): NodePlan[] {
  const given = readShape(clusterShape, flags, environment);
  const { nodes: count, firstPort, firstPeerPort, ...shared } = given;
  refuseNoRoom('--first-port (FIRST_PORT)', firstPort, count);
  if (firstPeerPort !== null)
    refuseNoRoom('--first-peer-port (FIRST_PEER_PORT)', firstPeerPort, count);
  const urlsFrom = (host: string, first: number, cert: string | null): string[] => {
    const scheme = cert === null ? 'http' : 'https';
    return Array.from(
      { length: count },
      (_, index) => `${scheme}://${hostInUrl(host)}:${first + index}`,
    );
  };
  const { tlsCert, peerTlsCert } = shared;
  const urls = urlsFrom(shared.host, firstPort, tlsCert);
  const peerUrls =
    firstPeerPort === null
      ? urls
      : urlsFrom(shared.peerHost ?? shared.host, firstPeerPort, peerTlsCert ?? tlsCert);
  const plans = urls.map((url, index): NodePlan => {
    const nodeId = `node${index + 1}`;
    const dataDir = join(shared.dataDir, nodeId);
    const port = firstPort + index;
    const peerPort = firstPeerPort === null ? null : firstPeerPort + index;
    const own = {
      NODE_ID: nodeId,
      NODES: peerUrls.join(','),
      URL: peerUrls[index] ?? url,
      PORT: String(port),
      PEER_PORT: String(peerPort ?? ''),
      DATA_DIR: dataDir,
      // A child writes to a pipe, but a person at this terminal reads it.
      LOG_FORMAT: shared.logFormat === 'auto' ? 'text' : shared.logFormat,
    };
    const { host } = shared;
    const variables = { ...asEnvironment(flags), ...own };
    const hasTokens = shared.authFile !== null || shared.jwks !== null;
    return { nodeId, url, host, port, peerPort, dataDir, hasTokens, environment: variables };
  });
  const token = oneToken(shared, flags);
  const asGiven = {
    INTERNAL_TOKEN: token.internalToken ?? '',
    INTERNAL_TOKEN_FILE: token.internalTokenFile ?? '',
  };
  for (const plan of plans) readSettings({}, { ...environment, ...plan.environment, ...asGiven });
  // Read here, so that every node of the cluster gets the same token.
  const same = { INTERNAL_TOKEN: tokenOf(token), INTERNAL_TOKEN_FILE: '' };
  return plans.map((plan) => ({ ...plan, environment: { ...plan.environment, ...same } }));
}

function refuseNoRoom(name: string, first: number, count: number): void {
  if (first + count - 1 <= LAST_PORT) return;
  throw new SettingError(
    `${name} must leave room for ${count} ports up to ${LAST_PORT}, not ${first}.`,
  );
}

/**
 * Flags reach the children by their environment, because a list of processes would show them as
 * arguments.
 */
function asEnvironment(flags: Flags): Environment {
  const variables = describeSettings(sharedShape).map(
    (one) => [one.environment ?? '', flags[one.name]] as const,
  );
  return Object.fromEntries(variables.filter(([, text]) => text !== undefined));
}

function hostInUrl(host: string): string {
  if (isLoopback(host) || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
