/**
 * A lock between processes: an exclusive transaction of SQLite on an empty file of its own. The kernel ends
 * it with the process, however that ends, so no lock is ever stale. The file stays: a lock on a name that
 * is removed meanwhile keeps nobody out.
 */
import Database from 'better-sqlite3';
import { makeOwnFile } from './ownFile.ts';

/** Held from construction until `release`, or until the process ends. */
export class FileLock {
  readonly #database: Database.Database;

  /**
   * @param file is made if there is none.
   * @param waitMs the longest wait for another holder, in milliseconds; the thread stands still meanwhile.
   * @throws the errors of the file system and of SQLite, which `faultOf` tells apart; `locked` if another
   *   holder has it, in this process or another.
   */
  constructor(file: string, waitMs: number) {
    makeOwnFile(file);
    const database = new Database(file, { timeout: waitMs });
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
  }

  release(): void {
    this.#database.close();
  }
}
