/**
 * Rule 10: which rows compaction may remove.
 *
 * A row is old up to the first, in order of lsn, that is younger than the cut or above the stable vector;
 * the last row of the log is never old, since it carries the last lsn. Of the old rows of a key, two stay:
 * the entry, and the one that could be seen at the cut. A row may go once it has been beaten, deleted or
 * expired for the retention: its own age does not count, or a point in time within the retention would
 * show what never was.
 *
 * After a `retire` the cut stays where it was. A member may be retired while it is healthy: it goes on
 * answering until it learns of it, rejoins, and offers what it answered (rule 12). Whether such an op was
 * beaten meanwhile, only the rows tell that it had not acknowledged: none of them goes for a while.
 */
import { isDead, type OpId } from '../words/op.ts';
import type { KeyHead } from '../words/row.ts';
import { covers, type Vector } from '../words/vector.ts';

/** The hold after a `retire`, as a multiple of the join timeout: for that long a rejoin waits for its peers, several times over. */
export const HOLD_JOIN_TIMEOUTS = 10;

/**
 * The cut of a run: rows that were dead by then may go. UTC milliseconds.
 *
 * @param retiredAtMs when the last `retire` was committed here; null where none was.
 * @param holdMs for so long after it nothing goes that was not dead so long before it.
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

/** Where the old rows end. */
export interface CompactionEnd {
  /** As `cutAtMs` gives it. */
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
