/**
 * Files that only their owner may read, whatever the umask of the process is. SQLite gives the files that it
 * puts beside a database the mode of the database.
 */
import { closeSync, openSync, statSync } from 'node:fs';

/** Of a file that is its owner's alone. */
export const OWN_FILE_MODE = 0o600;
/** Of a directory that is its owner's alone. */
export const OWN_DIRECTORY_MODE = 0o700;

const OTHERS = 0o077;

/**
 * Makes an empty file where there is none; one that is there is neither opened nor changed, as a process
 * that closes any descriptor of a file gives up the locks that it has on it.
 *
 * @throws what the file system throws, but for a file that is there already.
 */
export function makeOwnFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', OWN_FILE_MODE));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** @returns whether other users may read the file; false where there is none, and on Windows. */
export function isReadableByOthers(file: string): boolean {
  if (process.platform === 'win32') return false;
  const status = statSync(file, { throwIfNoEntry: false });
  return status !== undefined && (status.mode & OTHERS) !== 0;
}
