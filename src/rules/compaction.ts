/**
 * Rule 10: the rows that compaction may remove.
 *
 * In order of lsn, the old rows end before the first row that is younger than the cut or above the
 * stable vector. The last row of the log is never old, because it carries the last lsn. Two old rows of
 * each key stay: the entry, and the row that could be seen at the cut. A row may go once it has been
 * beaten, deleted or expired for the retention. Its own age does not count; otherwise a point in time
 * within the retention would show a state that never was.
 *
 * After a `retire` the cut stays where it was. A member may be retired while it is healthy: it goes on
 * answering until it learns of it, rejoins, and offers the ops that it answered (rule 12). Only rows
 * that it had not acknowledged tell whether such an op was beaten meanwhile, so none of them goes for a
 * while.
 */
import { isDead, type OpId } from '../words/op.ts';
import type { KeyHead } from '../words/row.ts';
import { covers, type Vector } from '../words/vector.ts';

/**
 * The hold after a `retire`, as a multiple of the join timeout: a rejoin waits for its peers several
 * times, each for at most that long.
 */
export const HOLD_JOIN_TIMEOUTS = 10;

/**
 * The cut of a run, UTC milliseconds: rows that were dead by then may go.
 *
 * @param retiredAtMs the time at which the last `retire` was committed here; null if none was.
 * @param holdMs for this long after the `retire`, only rows go that were dead this long before it.
 */
export function cutAtMs(
  nowMs: number,
  retentionMs: number,
  retiredAtMs: number | null,
  holdMs: number,
): number {
  const cut = nowMs - retentionMs;
  const isHeld = retiredAtMs !== null && nowMs < retiredAtMs + holdMs;
  return isHeld ? Math.min(cut, retiredAtMs - holdMs) : cut;
}

/** The end of the old rows. */
export interface CompactionEnd {
  /** As `cutAtMs` gives it, UTC milliseconds. */
  readonly cutAt: number;
  readonly stable: Vector;
  readonly lastLsn: number;
}

/** Whether the row is old, if all before it are. */
export const isOld = (
  row: OpId & { readonly lsn: number; readonly committedAt: number },
  { cutAt, stable, lastLsn }: CompactionEnd,
): boolean => row.committedAt <= cutAt && row.lsn < lastLsn && covers(stable, row);

/** Whether an old row could be seen at the cut, unless a later old row of its key won. */
export const showedAtCut = (head: KeyHead, cutAt: number): boolean =>
  head.won && !isDead(head, cutAt);
