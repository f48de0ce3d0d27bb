/**
 * What every adapter demands of a commit: the lsns of its rows go on from the last one without gaps,
 * so that replay meets the rows in the order in which they were folded.
 */
import { CommitFailedError } from '../words/errors.ts';
import type { Commit } from './log.ts';

/**
 * @param lastLsn the last lsn that is stored.
 * @returns the last lsn once the commit is stored.
 * @throws CommitFailedError where a row's lsn is not the one that follows.
 */
export function lastLsnAfter(commit: Commit, lastLsn: number): number {
  let last = lastLsn;
  for (const { lsn } of commit.rows) {
    if (lsn !== last + 1)
      throw new CommitFailedError(new Error(`lsn ${lsn} does not follow lsn ${last}`));
    last = lsn;
  }
  return last;
}
