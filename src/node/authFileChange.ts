/**
 * Changes of the file of tokens.
 *
 * Invariant: changes by several processes happen one after another, so that none is lost.
 */
import { existsSync } from 'node:fs';
import { type AuthFile, AuthFileError, EMPTY_AUTH_FILE } from '../access/authFile.ts';
import { faultOf } from '../log/sqlite/faults.ts';
import { FileLock } from '../log/sqlite/fileLock.ts';
import { HearsayError, SettingError } from '../words/errors.ts';
import { readAuthFile, writeAuthFile } from './authFiles.ts';

/** The longest wait for other changes, in milliseconds: each takes some. */
export const CHANGE_WAIT_MS = 10_000;

/**
 * Reads the file, or begins with an empty one, and replaces it by what `make` makes of it.
 *
 * @param waitMs the longest wait for other changes, in milliseconds.
 * @throws SettingError if the file can't be used.
 * @throws HearsayError if `make` finds that it can't be changed so, or others change it for that long.
 */
export function changeAuthFile(
  path: string,
  make: (file: AuthFile) => AuthFile,
  waitMs: number = CHANGE_WAIT_MS,
): void {
  const lock = lockOf(path, waitMs);
  try {
    const file = existsSync(path) ? readAuthFile(path) : EMPTY_AUTH_FILE;
    writeAuthFile(path, make(file));
  } catch (error) {
    if (error instanceof AuthFileError)
      throw new HearsayError(`${path} stays as it was: ${error.message}.`);
    throw error;
  } finally {
    lock.release();
  }
}

function lockOf(path: string, waitMs: number): FileLock {
  const file = `${path}.lock`;
  try {
    return new FileLock(file, waitMs);
  } catch (error) {
    const { kind, message } = faultOf(error);
    if (kind === 'locked')
      throw new HearsayError(
        `${path} stays as it was: other commands change it all the time; try again.`,
        { cause: error },
      );
    throw new SettingError(
      `The file of tokens ${path} can't be changed (${file}: ${message}); make its directory writable, or name another.`,
      { cause: error },
    );
  }
}
