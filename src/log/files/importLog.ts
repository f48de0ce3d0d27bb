/**
 * Makes the log of a data directory from an export. Until the log is complete and verified it lies in a
 * folder of its own. So no node ever opens half a log, and an interrupted import can go on.
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
import { CHECKPOINT_NAME } from './checkpointFile.ts';
import { FileSource } from './fileSource.ts';
import { LOG_NAME } from './openFile.ts';
import { IMPORTING } from './unfinishedCommand.ts';

const AHEAD_MS = MINUTE_MS;

export interface ImportTarget {
  readonly directory: string;
  readonly clusterName: string;
  readonly newOrigin: () => string;
  /** The first line of the export: an import that was begun with another export does not go on. */
  readonly headLine: string;
}

export class LogImport {
  /** The rows of one commit, so many that its sync costs little. */
  readonly commitRows = 2000;
  readonly #directory: string;
  readonly #log: Log;
  #held: number;

  /** @throws SettingError if the directory has a log, or the beginning of another import. */
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

  /** The number of rows that an earlier run has imported. */
  get held(): number {
    return this.#held;
  }

  /** The next rows, in order. */
  async append(rows: readonly Row[]): Promise<void> {
    await this.#log.append({ rows, origins: [] });
    this.#held += rows.length;
  }

  /** Whether an earlier run has imported every row, and was interrupted after that. */
  get isComplete(): boolean {
    return this.#log.header.clusterId !== null;
  }

  /** Verifies the whole log and puts it in its place. @throws HearsayError if it is not complete. */
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
    rmSync(join(this.#directory, CHECKPOINT_NAME), { force: true });
    renameSync(join(folder, LOG_NAME), join(this.#directory, LOG_NAME));
    syncDirectory(this.#directory);
    rmSync(folder, { recursive: true });
  }

  /** Stops for now: the next run goes on. */
  close(): Promise<void> {
    return this.#log.close();
  }
}
