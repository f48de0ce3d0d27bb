/** The platforms of the client: browsers, and Node from one version on. */
import { InvalidRequestError } from './errors.ts';
import { isObject, stringMember } from './json.ts';

const OLDEST_NODE_MAJOR = 22;

/**
 * An older Node lacks functions that the calls use, and would fail where nobody can catch the error.
 *
 * @throws InvalidRequestError if Node is too old.
 */
export function refuseOldNode(): void {
  const version = nodeVersion();
  if (version === null || Number.parseInt(version, 10) >= OLDEST_NODE_MAJOR) return;
  throw new InvalidRequestError(
    `hearsay/client needs Node ${OLDEST_NODE_MAJOR} or newer, and this is Node ${version}: install one from nodejs.org.`,
  );
}

/** Null in browsers, whose types don't know the name either. */
function nodeVersion(): string | null {
  const node: unknown = Reflect.get(globalThis, 'process');
  const versions = typeof node === 'object' && node !== null ? Reflect.get(node, 'versions') : null;
  return isObject(versions) ? stringMember(versions, 'node') : null;
}
