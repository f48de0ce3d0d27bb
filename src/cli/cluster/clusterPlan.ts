/** The settings of `hearsay cluster`, and those that it gives to each of its nodes. */
import { join } from 'node:path';
import { isLoopback } from '../../node/loopback.ts';
import {
  describeSettings,
  type Environment,
  type Flags,
  readShape,
  whole,
} from '../../node/settingKinds.ts';
import { readSettings, settingsShape } from '../../node/settings.ts';
import { oneToken } from '../../node/token.ts';
import type { GivenToken } from '../../node/tokenFile.ts';
import { SettingError } from '../../words/errors.ts';

const LAST_PORT = 65_535;

// Each node gets its own of these four.
const { nodeId: _id, nodes: _nodes, url: _url, port: _port, ...sharedShape } = settingsShape;

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
  ...sharedShape,
};

export interface NodePlan {
  readonly nodeId: string;
  readonly url: string;
  /** The address at which it listens. */
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
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
  const { nodes: count, firstPort, ...shared } = readShape(clusterShape, flags, environment);
  if (firstPort + count - 1 > LAST_PORT) {
    throw new SettingError(
      `--first-port (FIRST_PORT) must leave room for ${count} ports up to ${LAST_PORT}, not ${firstPort}.`,
    );
  }
  const ports = Array.from({ length: count }, (_unused, index) => firstPort + index);
  const urls = ports.map((port) => `http://${hostInUrl(shared.host)}:${port}`);
  const plans = urls.map((url, index): NodePlan => {
    const nodeId = `node${index + 1}`;
    const dataDir = join(shared.dataDir, nodeId);
    const port = firstPort + index;
    const own = {
      NODE_ID: nodeId,
      NODES: urls.join(','),
      URL: url,
      PORT: String(port),
      DATA_DIR: dataDir,
      // A child writes to a pipe, but a person at this terminal reads it.
      LOG_FORMAT: shared.logFormat === 'auto' ? 'text' : shared.logFormat,
    };
    const { host } = shared;
    return { nodeId, url, host, port, dataDir, environment: { ...asEnvironment(flags), ...own } };
  });
  const given = oneToken(shared, flags);
  const asGiven = {
    INTERNAL_TOKEN: given.internalToken ?? '',
    INTERNAL_TOKEN_FILE: given.internalTokenFile ?? '',
  };
  for (const plan of plans) readSettings({}, { ...environment, ...plan.environment, ...asGiven });
  // Read here, so that every node of the cluster gets the same token.
  const token = { INTERNAL_TOKEN: tokenOf(given), INTERNAL_TOKEN_FILE: '' };
  return plans.map((plan) => ({ ...plan, environment: { ...plan.environment, ...token } }));
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
