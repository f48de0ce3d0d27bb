/**
 * The part of the requests that wait which one commit takes. All that wait share it while the disk is slow, as each commit
 * costs a sync. While deciding, folding and answering them takes longer, two commits are better: one is
 * written while the main thread works for the other (docs/performance.md).
 */

/** Fewer are never divided. */
export const ENOUGH_OPS = 256;
/** The time that the main thread takes for an op of many, in milliseconds. */
const MS_AN_OP = 0.004;

/**
 * @param ops of the requests that wait and of those that are being committed.
 * @param lastCommitMs the time that the last commit took. @returns the most ops that the next commit takes.
 */
export function commitShare(ops: number, lastCommitMs: number): number {
  if (lastCommitMs > ops * MS_AN_OP) return Number.POSITIVE_INFINITY;
  return Math.max(ENOUGH_OPS, ops / 2);
}
