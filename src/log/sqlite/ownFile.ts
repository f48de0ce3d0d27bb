/**
 * Files that only their owner may read, whatever the umask of the process is. SQLite gives the files
 * beside a database the mode of the database.
 */
import { closeSync, openSync, statSync } from 'node:fs';

/** The mode of a file that only its owner may read and write. */
export const OWN_FILE_MODE = 0o600;
/** The mode of a directory that only its owner may use. */
export const OWN_DIRECTORY_MODE = 0o700;

const OTHERS = 0o077;

/**
 * Makes an empty file if there is none. An existing file is neither opened nor changed, because a
 * process that closes any descriptor of a file gives up its locks on it.
 *
 * @throws the errors of the file system, except for an existing file.
 */
export function makeOwnFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', OWN_FILE_MODE));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** @returns whether other users may read the file; false if there is none, and on Windows. */
export function isReadableByOthers(file: string): boolean {
  if (process.platform === 'win32') return false;
  const status = statSync(file, { throwIfNoEntry: false });
  return status !== undefined && (status.mode & OTHERS) !== 0;
}
