/** Copies of a log: made while its node runs, and restored under a new origin. */

import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { DamagedLogError, HearsayError, SettingError } from '../../words/errors.ts';
import { isPartOfSnapshot } from '../../words/row.ts';
import { MINUTE_MS } from '../../words/time.ts';
import { DirectoryLock, LOCK_NAME, makeDirectory } from '../sqlite/directoryLock.ts';
import { faultOf } from '../sqlite/faults.ts';
import { syncDirectory } from '../sqlite/file.ts';
import { makeOwnFile, OWN_DIRECTORY_MODE } from '../sqlite/ownFile.ts';
import { openSqliteLog } from '../sqlite/sqliteLog.ts';
import { type Verified, verify } from '../tools/verify.ts';
import { CHECKPOINT_NAME } from './checkpointFile.ts';
import { FileSource } from './fileSource.ts';
import { LOG_NAME, logFileAt } from './openFile.ts';
import { RESTORING } from './unfinishedCommand.ts';

/** Pages copied between two reports of progress: some 10 ms. */
const STEP_PAGES = 2048;
const AHEAD_MS = MINUTE_MS;

export interface Copied {
  readonly verified: Verified;
  readonly sizeBytes: number;
}

type OnProgress = (donePages: number, totalPages: number) => void;

/**
 * Copies the log of a data directory, whether its node runs or not, and verifies the copy.
 *
 * @param file the file to make; it must not exist.
 */
export async function backUp(path: string, file: string, onProgress: OnProgress): Promise<Copied> {
  const source = logFileAt(path);
  if (existsSync(file)) throw new SettingError(`The file ${file} is there already: name another.`);
  if (!existsSync(dirname(resolve(file))))
    throw new SettingError(`There is no directory ${dirname(resolve(file))} to put the backup in.`);
  return copyProven(source, file, onProgress);
}

/**
 * Puts a backup into an empty data directory, marked so that the node goes on under a new origin: peers
 * may hold ops that the old node wrote after the backup.
 *
 * @throws SettingError if the directory has a log.
 */
export async function restore(
  file: string,
  directory: string,
  onProgress: OnProgress,
): Promise<Copied> {
  const source = logFileAt(file);
  const target = join(directory, LOG_NAME);
  const wasThere = existsSync(directory);
  const wasLocked = existsSync(join(directory, LOCK_NAME));
  await makeDirectory(directory);
  const lock = new DirectoryLock(directory);
  let isDone = false;
  try {
    if (existsSync(target) || existsSync(`${target}-wal`))
      throw new SettingError(
        `The directory ${directory} has a log: move it aside, or restore into another directory.`,
      );
    const folder = join(directory, RESTORING);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: OWN_DIRECTORY_MODE });
    try {
      const copied = await copyProven(source, join(folder, LOG_NAME), onProgress);
      await markForNewOrigin(folder, copied.verified.facts.header.clusterName);
      rmSync(join(directory, CHECKPOINT_NAME), { force: true });
      renameSync(join(folder, LOG_NAME), target);
      syncDirectory(directory);
      isDone = true;
      return copied;
    } finally {
      rmSync(folder, { recursive: true });
    }
  } finally {
    // Removed while the lock is held: after the release, another holder may have made a new file of
    // that name.
    if (!isDone && !wasLocked) rmSync(join(directory, LOCK_NAME), { force: true });
    lock.release();
    if (!isDone && !wasThere) removeEmpty(directory);
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Another process has put something there meanwhile.
  }
}

async function copyProven(source: string, file: string, onProgress: OnProgress): Promise<Copied> {
  const unproven = `${file}.part`;
  removeAll(unproven);
  try {
    makeOwnFile(unproven);
    await copy(source, unproven, onProgress);
    const verified = await prove(unproven);
    const [first] = verified.findings;
    if (first !== undefined)
      throw new HearsayError(
        `The log ${source} is damaged, and was not copied (${first.origin ?? 'the file'}: ${first.text}); \`hearsay log verify\` names every fault.`,
      );
    if (isPartOfSnapshot(verified.facts.header))
      throw new HearsayError(
        `The log ${source} holds a part of a snapshot, whose rest is on its way, and was not copied: run the command again once the node has joined.`,
      );
    renameSync(unproven, file);
    syncDirectory(dirname(resolve(file)));
    return { verified, sizeBytes: statSync(file).size };
  } catch (error) {
    throw copyingError(source, file, error);
  } finally {
    removeAll(unproven);
  }
}

/** An error of SQLite or of the file system in words for people; the verification names the copy. */
function copyingError(source: string, file: string, error: unknown): unknown {
  if (error instanceof DamagedLogError || faultOf(error).kind === 'damaged')
    return new HearsayError(
      `The file ${source} is damaged or no log of Hearsay, and was not copied (${faultOf(error).message}): name another.`,
      { cause: error },
    );
  if (error instanceof HearsayError || !(error instanceof Error) || !('code' in error))
    return error;
  if (faultOf(error).kind === 'full' || error.code === 'ENOSPC')
    return new HearsayError(
      `No room is left for the copy in ${dirname(resolve(file))}: free some, and run the command again.`,
      { cause: error },
    );
  return new HearsayError(`The log ${source} could not be copied (${error.message}).`, {
    cause: error,
  });
}

async function copy(source: string, target: string, onProgress: OnProgress): Promise<void> {
  const database = new Database(source, { readonly: true, fileMustExist: true, timeout: 5000 });
  try {
    // One state for the whole copy; otherwise every commit of the node would start it anew.
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM meta').get();
    await database.backup(target, {
      progress: ({ totalPages, remainingPages }) => {
        onProgress(totalPages - remainingPages, totalPages);
        return STEP_PAGES;
      },
    });
  } finally {
    database.close();
  }
  // A single file, so that it can be read in a folder that can't be written.
  const copied = new Database(target);
  try {
    copied.pragma('journal_mode = DELETE');
  } finally {
    copied.close();
  }
}

async function prove(file: string): Promise<Verified> {
  const source = FileSource.open(file, Date.now);
  try {
    return await verify(source, { aheadMs: AHEAD_MS, integrity: () => source.integrity() });
  } finally {
    await source.close();
  }
}

async function markForNewOrigin(directory: string, clusterName: string): Promise<void> {
  const log = await openSqliteLog({
    directory,
    durability: 'full',
    clusterName,
    newOrigin: () => '',
  });
  await log.append({ rows: [], origins: [], header: { facts: { owesOrigin: true } } });
  await log.close();
}

function removeAll(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
}
