/**
 * The files of a node's logs: its own in the data directory, the others under `aside/`.
 *
 * Invariant: a database is never apart from its write-ahead log, which may hold the last commits.
 * Several files can't be moved at once. So they are gathered in a directory of their own, which is then
 * moved or removed, and each opening first finishes a move or removal that a kill interrupted. Nothing
 * else makes files meanwhile.
 */
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileCheckpoints } from '../log/files/checkpointFile.ts';
import { unfinishedIn } from '../log/files/unfinishedCommand.ts';
import type { Log } from '../log/log.ts';
import { makeDirectory } from '../log/sqlite/directoryLock.ts';
import { isReadableByOthers, OWN_DIRECTORY_MODE } from '../log/sqlite/ownFile.ts';
import { openSqliteLog, type SqliteLogOptions } from '../log/sqlite/sqliteLog.ts';
import { DiskFullError, WrongDirectoryError } from '../words/errors.ts';
import type { LogStore } from './nodeLogs.ts';

const FILE_NAMES = ['hearsay.db', 'hearsay.db-wal', 'hearsay.db-shm'];
const ASIDE = 'aside';
const DAMAGED = 'damaged';
/** Holds one directory, with the name of the log that is being set aside, while that goes on. */
const MOVING = 'moving';
const REMOVING = 'removing';
const OWN = { recursive: true, mode: OWN_DIRECTORY_MODE } as const;

/**
 * A log of an earlier version, or of a copy, may be open to all users; its owner decides who may read
 * it.
 */
export function warnOfReaders(directory: string, warn: (text: string) => void): void {
  const [name = ''] = FILE_NAMES;
  const file = join(directory, name);
  if (isReadableByOthers(file))
    warn(
      `Other users of this machine may read ${file}: \`chmod 600\` it, or \`chmod 700\` its directory.`,
    );
}

export class LogDirectory implements LogStore {
  readonly checkpoints: FileCheckpoints;
  readonly #options: SqliteLogOptions;
  #log: Log | null = null;
  /** The open file, even if its name is gone. */
  #file: { readonly device: number; readonly inode: number } | null = null;

  constructor(options: SqliteLogOptions) {
    this.#options = options;
    this.checkpoints = new FileCheckpoints(options.directory);
  }

  /**
   * @throws SettingError if the directory can't be written.
   * @throws WrongDirectoryError if a restore or an import was interrupted here, or a log is not a file.
   */
  async open(): Promise<Log> {
    const { directory } = this.#options;
    await makeDirectory(directory);
    const unfinished = unfinishedIn(directory);
    if (unfinished !== null)
      throw new WrongDirectoryError(`The data directory ${directory} ${unfinished}.`);
    await this.#finish();
    // SQLite would wait for ever until a process writes into the pipe.
    const odd = this.#files().find((file) => !statSync(this.#own(file)).isFile());
    if (odd !== undefined)
      throw new WrongDirectoryError(`${this.#own(odd)} is not a file, so it can't hold a log.`);
    this.#log = await openSqliteLog(this.#options);
    this.#file = this.#fileAtPath();
    return this.#log;
  }

  /** Whether the log that is open is the one that a restart would find: somebody may have removed it. */
  get isInPlace(): boolean {
    const file = this.#fileAtPath();
    const { device, inode } = this.#file ?? {};
    return this.#file === null || (file?.device === device && file?.inode === inode);
  }

  #fileAtPath(): { readonly device: number; readonly inode: number } | null {
    const status = statSync(this.#own('hearsay.db'), { throwIfNoEntry: false });
    return status === undefined ? null : { device: status.dev, inode: status.ino };
  }

  async close(): Promise<void> {
    const log = this.#log;
    this.#log = null;
    this.#file = null;
    await log?.close();
  }

  async setAside(name: string): Promise<void> {
    await withRoom(() => mkdir(this.#in(MOVING, name), OWN));
    await this.#finish();
  }

  async remove(): Promise<void> {
    await withRoom(() => mkdir(this.#in(REMOVING), OWN));
    await this.#finish();
  }

  /** Finishes setting aside or removing the node's own log, if that has begun. */
  async #finish(): Promise<void> {
    const [name] = existsSync(this.#in(MOVING)) ? await readdir(this.#in(MOVING)) : [];
    if (name !== undefined) {
      await this.#gather(this.#in(MOVING, name));
      await withRoom(() => mkdir(this.#in(ASIDE), OWN));
      await rename(this.#in(MOVING, name), this.#aside(name));
    }
    await rm(this.#in(MOVING), { recursive: true, force: true });
    if (!existsSync(this.#in(REMOVING))) return;
    await this.#gather(this.#in(REMOVING));
    await rm(this.#in(REMOVING), { recursive: true });
  }

  async #gather(place: string): Promise<void> {
    await this.checkpoints.remove();
    for (const file of this.#files()) await rename(this.#own(file), join(place, file));
  }

  async namesAside(): Promise<string[]> {
    const aside = this.#in(ASIDE);
    return existsSync(aside) ? readdir(aside) : [];
  }

  openAside(name: string): Promise<Log> {
    return openSqliteLog({ ...this.#options, directory: this.#aside(name) });
  }

  async dropAside(name: string): Promise<void> {
    await rm(this.#aside(name), { recursive: true, force: true });
  }

  async keepDamaged(name: string): Promise<string> {
    const place = this.#in(DAMAGED, name);
    await mkdir(this.#in(DAMAGED), OWN);
    await rename(this.#aside(name), place);
    return place;
  }

  #files(): string[] {
    return FILE_NAMES.filter((file) => existsSync(this.#own(file)));
  }

  #own(file: string): string {
    return join(this.#options.directory, file);
  }

  #aside(name: string): string {
    return this.#in(ASIDE, name);
  }

  #in(...names: readonly string[]): string {
    return join(this.#options.directory, ...names);
  }
}

/** @throws DiskFullError if the file system has no room. */
async function withRoom(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC')
      throw new DiskFullError();
    throw error;
  }
}
