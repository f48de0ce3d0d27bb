/** Compacts a log that no node has open, as its node would. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { FileCheckpoints } from '../log/files/checkpointFile.ts';
import { FileSource } from '../log/files/fileSource.ts';
import { openSqliteLog } from '../log/sqlite/sqliteLog.ts';
import { Compactor } from '../replica/compact.ts';
import { FROM_ROWS } from '../replica/opening.ts';
import { Replica } from '../replica/replica.ts';
import { nodeIdOf } from '../rules/members.ts';
import { HearsayError, LockedDirectoryError, SettingError } from '../words/errors.ts';
import { defaultLimits } from '../words/limits.ts';
import { newEntries } from './newEntries.ts';

export interface CompactedFile {
  readonly rows: number;
  readonly sizeBeforeBytes: number;
  readonly sizeAfterBytes: number;
}

export interface CompactionProgress {
  /** While the log is read. */
  readonly onOpening: (lsn: number, lastLsn: number) => void;
  /** While rows are removed. @param share of the work, from 0 to 1. */
  readonly onPage: (rows: number, share: number) => void;
}

const UNSEEN: CompactionProgress = { onOpening: () => {}, onPage: () => {} };

/** @throws HearsayError if a node has the directory open. */
export async function compactFile(
  directory: string,
  retentionMs: number,
  { onOpening, onPage }: CompactionProgress = UNSEEN,
): Promise<CompactedFile> {
  if (statSync(directory, { throwIfNoEntry: false })?.isFile())
    throw new SettingError(`${directory} is a file: name the data directory that holds the log.`);
  const source = FileSource.open(directory, Date.now);
  const { header, sizeBytes } = await source.facts();
  await source.close();
  const log = await openSqliteLog({
    directory,
    durability: 'full',
    clusterName: header.clusterName,
    newOrigin: () => header.origin,
  }).catch((error: unknown) => {
    if (!(error instanceof LockedDirectoryError)) throw error;
    throw new HearsayError(
      `A node has ${resolve(directory)} open: let that node compact its log by --url, or stop it.`,
      { cause: error },
    );
  });
  const nodeId = nodeIdOf(header.origin);
  const replica = await Replica.open({
    nodeId,
    log,
    place: directory,
    clock: Date.now,
    limits: defaultLimits,
    entries: newEntries(null),
    opening: { ...FROM_ROWS, onProgress: onOpening },
  }).catch(async (error: unknown) => {
    await log.close();
    throw error;
  });
  try {
    const { rows } = await new Compactor(replica, retentionMs).run(retentionMs, onPage);
    // Its next start would refuse a checkpoint from before the rows that were removed.
    if (rows > 0) await new FileCheckpoints(directory).remove();
    const sizeAfterBytes = await log.sizeBytes();
    return { rows, sizeBeforeBytes: sizeBytes, sizeAfterBytes };
  } finally {
    await replica.close();
  }
}
