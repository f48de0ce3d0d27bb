/** A node needs a Node that is new enough: better-sqlite3 crashes an older one. */
import { HearsayError } from '../words/errors.ts';

const OLDEST_NODE_MAJOR = 24;

/** @throws HearsayError if Node is too old. */
export function refuseOldNode(): void {
  const version = process.versions.node;
  if (Number.parseInt(version, 10) >= OLDEST_NODE_MAJOR) return;
  throw new HearsayError(
    `Hearsay needs Node ${OLDEST_NODE_MAJOR} or newer, and this is Node ${version}: install one from nodejs.org.`,
  );
}
