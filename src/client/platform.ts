/** Where the client can run: in browsers, and in Node from one version on. */
import { InvalidRequestError } from './errors.ts';

const OLDEST_NODE_MAJOR = 22;

/**
 * An older Node lacks what the calls are made of, and would fail where nobody can catch it.
 *
 * @throws InvalidRequestError
 */
export function refuseOldNode(): void {
  const version = typeof process === 'object' ? process.versions?.node : undefined;
  if (version === undefined || Number.parseInt(version, 10) >= OLDEST_NODE_MAJOR) return;
  throw new InvalidRequestError(
    `hearsay/client needs Node ${OLDEST_NODE_MAJOR} or newer, and this is Node ${version}: install one from nodejs.org.`,
  );
}
