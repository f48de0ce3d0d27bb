/**
 * The data directory and its lock, which is held as long as the node runs.
 *
 * When a process closes any descriptor of a file, POSIX drops all its locks on that file. So nothing
 * else in the process may open `lock.db` or `hearsay.db`, except through SQLite, which takes care of
 * this.
 */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DamagedLogError, LockedDirectoryError, SettingError } from '../../words/errors.ts';
import { faultOf } from './faults.ts';
import { syncDirectory } from './file.ts';
import { FileLock } from './fileLock.ts';
import { OWN_DIRECTORY_MODE } from './ownFile.ts';

/**
 * Makes the directory, and missing ones above it, readable by their owner alone.
 *
 * @throws SettingError if it can't be made, or written.
 */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    // Without mkdir's own `recursive`, which loops for ever under /proc and the like (Node 24).
    for (const missing of await missingDirectories(resolve(directory))) {
      await makeOne(missing);
      syncDirectory(dirname(missing));
    }
    if (!(await stat(directory)).isDirectory()) throw new Error('it is a file');
    // SQLite opens what can only be read, and fails at the first write.
    await access(directory, constants.W_OK);
  } catch (error) {
    throw unusable(directory, error);
  }
}

/** The missing directories on the path, the uppermost first. */
async function missingDirectories(directory: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = directory; !(await exists(path)); path = dirname(path)) missing.unshift(path);
  return missing;
}

/**
 * Nodes that start together share the directories above theirs, so another node may have made one
 * meanwhile.
 */
async function makeOne(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: OWN_DIRECTORY_MODE });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** The file that is locked; it is empty. */
export const LOCK_NAME = 'lock.db';

/** Held from construction until `release`, or until the process ends. */
export class DirectoryLock {
  readonly #lock: FileLock;

  /**
   * @param directory must exist.
   * @throws LockedDirectoryError if another holder has it, in this process or another.
   * @throws SettingError if the directory can't be written.
   */
  constructor(directory: string) {
    const file = join(directory, LOCK_NAME);
    try {
      // A running node holds the lock, or it is free: waiting would only delay the answer.
      this.#lock = new FileLock(file, 0);
    } catch (error) {
      const { kind, message } = faultOf(error);
      if (kind === 'locked') throw new LockedDirectoryError(directory);
      if (kind === 'damaged') throw new DamagedLogError(file, message, null);
      throw unusable(directory, error);
    }
  }

  release(): void {
    this.#lock.release();
  }
}

function unusable(directory: string, error: unknown): SettingError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SettingError(
    `The data directory ${directory} can't be used (${reason}); make it writable, free space, or name another.`,
    { cause: error },
  );
}
