/**
 * Makes the log of a data directory out of an export. Until it is whole and proven it lies in a folder
 * of its own, so that no node ever opens half of one, and so that an import that was cut off goes on.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HearsayError, SettingError } from '../../words/errors.ts';
import type { Row } from '../../words/row.ts';
import { MINUTE_MS } from '../../words/time.ts';
import type { Commit, Log } from '../log.ts';
import { syncDirectory } from '../sqlite/file.ts';
import { OWN_DIRECTORY_MODE } from '../sqlite/ownFile.ts';
import { openSqliteLog } from '../sqlite/sqliteLog.ts';
import { verify } from '../tools/verify.ts';
import { FileSource } from './fileSource.ts';
import { LOG_NAME } from './openFile.ts';
import { IMPORTING } from './unfinishedCommand.ts';

/** Rows of one commit: enough that their sync costs little. */
export const COMMIT_ROWS = 2000;
const AHEAD_MS = MINUTE_MS;

export interface ImportTarget {
  readonly directory: string;
  readonly clusterName: string;
  readonly newOrigin: () => string;
  /** The first line of the export: what was begun with another is not gone on with. */
  readonly headLine: string;
}

export class LogImport {
  readonly #directory: string;
  readonly #log: Log;
  #held: number;

  /** @throws SettingError where the directory has a log, or the beginning of another import. */
  static async open({
    directory,
    clusterName,
    newOrigin,
    headLine,
  }: ImportTarget): Promise<LogImport> {
    if (existsSync(join(directory, LOG_NAME)))
      throw new SettingError(
        `The directory ${directory} has a log: ops are imported into an empty one.`,
      );
    const folder = join(directory, IMPORTING);
    mkdirSync(folder, { recursive: true, mode: OWN_DIRECTORY_MODE });
    const log = await openSqliteLog({
      directory: folder,
      durability: 'full',
      clusterName,
      newOrigin,
    });
    const importOf = createHash('sha256').update(headLine).digest('hex');
    const begun = log.header.facts.importOf;
    if (begun !== null && begun !== importOf) {
      await log.close();
      throw new SettingError(
        `${folder} holds the beginning of another import: remove it, or go on with that one.`,
      );
    }
    if (begun === null)
      await log.append({ rows: [], origins: [], header: { facts: { importOf } } });
    return new LogImport(directory, log);
  }

  private constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
    this.#held = log.lastLsn;
  }

  get origin(): string {
    return this.#log.header.origin;
  }

  /** Rows that an earlier run has brought. */
  get held(): number {
    return this.#held;
  }

  /** The next rows, in order. */
  async append(rows: readonly Row[]): Promise<void> {
    await this.#log.append({ rows, origins: [] });
    this.#held += rows.length;
  }

  /** Whether an earlier run has brought everything, and was cut off after that. */
  get isComplete(): boolean {
    return this.#log.header.clusterId !== null;
  }

  /** Proves the whole and puts it in its place. @throws HearsayError where it is not whole. */
  async finish(last: Commit): Promise<void> {
    if (!this.isComplete) await this.#log.append(last);
    await this.#log.close();
    const folder = join(this.#directory, IMPORTING);
    const source = FileSource.open(folder, Date.now);
    try {
      const { findings } = await verify(source, { aheadMs: AHEAD_MS });
      const [first] = findings;
      if (first !== undefined)
        throw new HearsayError(
          `The import is not whole, and was left in ${folder} (${first.origin ?? 'the file'}: ${first.text}).`,
        );
    } finally {
      await source.close();
    }
    renameSync(join(folder, LOG_NAME), join(this.#directory, LOG_NAME));
    syncDirectory(this.#directory);
    rmSync(folder, { recursive: true });
  }

  /** Stops for now: the next run goes on. */
  close(): Promise<void> {
    return this.#log.close();
  }
}
