/**
 * Rule 10: which rows compaction may remove.
 *
 * A row is old up to the first, in order of lsn, that is younger than the cut or above the stable vector;
 * the last row of the log is never old, since it carries the last lsn. Of the old rows of a key, two stay:
 * the entry, and the one that could be seen at the cut. A row may go once it has been beaten, deleted or
 * expired for the retention: its own age does not count, or a point in time within the retention would
 * show what never was.
 */
import { isDead, type OpId } from '../words/op.ts';
import type { KeyHead } from '../words/row.ts';
import { covers, type Vector } from '../words/vector.ts';

/** Where the old rows end. */
export interface CompactionEnd {
  /** UTC milliseconds: now less the retention. */
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
