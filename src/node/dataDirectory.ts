/**
 * The files of a node's log, and what rule 12 does with them: a log that is set aside stays under
 * `aside/` until what it held has been offered again.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unfinishedIn } from '../log/files/unfinished.ts';
import type { Log } from '../log/log.ts';
import { openSqliteLog, type SqliteLogOptions } from '../log/sqlite/sqliteLog.ts';
import { type SetAside, setAside } from '../replica/offer.ts';
import { Replica } from '../replica/replica.ts';
import { DamagedLogError, WrongDirectoryError } from '../words/errors.ts';

const FILE_NAMES = ['hearsay.db', 'hearsay.db-wal', 'hearsay.db-shm'];
const ASIDE = 'aside';
const DAMAGED = 'damaged';

export class LogDirectory {
  readonly #options: SqliteLogOptions;
  #log: Log | null = null;

  constructor(options: SqliteLogOptions) {
    this.#options = options;
  }

  /** Opens the log; one that holds half a snapshot is thrown away first: it was never joined. */
  async open(): Promise<Log> {
    const { directory } = this.#options;
    const unfinished = unfinishedIn(directory);
    if (unfinished !== null)
      throw new WrongDirectoryError(`The data directory ${directory} ${unfinished}.`);
    this.#log = await openSqliteLog(this.#options);
    if (this.#log.header.facts.snapshotUnderWay !== 'yes') return this.#log;
    return this.renew(false);
  }

  async renew(keep: boolean): Promise<Log> {
    const { directory } = this.#options;
    const origin = this.#log?.header.origin ?? 'unknown';
    await this.close();
    if (keep) await mkdir(join(directory, ASIDE, origin), { recursive: true });
    for (const name of FILE_NAMES) {
      const file = join(directory, name);
      if (!existsSync(file)) continue;
      if (keep) await rename(file, join(directory, ASIDE, origin, name));
      else await rm(file);
    }
    this.#log = await openSqliteLog(this.#options);
    return this.#log;
  }

  async dropSetAside(): Promise<void> {
    await rm(join(this.#options.directory, ASIDE), { recursive: true, force: true });
  }

  /**
   * What was set aside before this start and has not been offered again. A log that is too damaged to be
   * read goes out of the way, into `damaged/`, and stays there.
   *
   * @param note told of each such log.
   */
  async setAside(replica: Replica, note: (text: string) => void): Promise<SetAside[]> {
    const aside = join(this.#options.directory, ASIDE);
    if (!existsSync(aside)) return [];
    const found: SetAside[] = [];
    for (const origin of await readdir(aside)) {
      try {
        found.push(await this.#readAside(join(aside, origin), replica));
      } catch (error) {
        if (!(error instanceof DamagedLogError)) throw error;
        const place = join(this.#options.directory, DAMAGED, origin);
        await mkdir(join(this.#options.directory, DAMAGED), { recursive: true });
        await rename(join(aside, origin), place);
        note(`What was set aside is not offered again, and is kept in ${place}: ${error.message}`);
      }
    }
    return found;
  }

  async #readAside(directory: string, { nodeId, limits }: Replica): Promise<SetAside> {
    const log = await openSqliteLog({ ...this.#options, directory });
    try {
      const old = await Replica.open({ nodeId, log, place: directory, clock: Date.now, limits });
      // Whether it was forked is not known any more.
      return setAside(old, 'forked');
    } finally {
      await log.close();
    }
  }

  async close(): Promise<void> {
    const log = this.#log;
    this.#log = null;
    await log?.close();
  }
}
