/** How far a peer is behind this node's own writes. */
import type { RecentRows } from '../store/recentRows.ts';
import type { OpId } from '../words/op.ts';

/**
 * The age of the oldest of this node's own ops that a peer lacks, as far as the latest rows tell: if it is older
 * than they are, their whole age.
 *
 * @param last this node's last own op.
 * @param confirmedSeq up to which the peer holds them.
 * @param nowMs the wall clock, UTC milliseconds.
 * @returns milliseconds; 0 if the peer lacks none.
 */
export function lagMs(recent: RecentRows, last: OpId, confirmedSeq: number, nowMs: number): number {
  if (confirmedSeq >= last.seq) return 0;
  const [lacked] = recent.opsAfter(last.origin, confirmedSeq) ?? [];
  const oldest = lacked ?? recent.oldest;
  return oldest === undefined ? 0 : Math.max(0, nowMs - oldest.committedAt);
}
