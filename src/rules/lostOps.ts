/**
 * Rule 12: whether an op that a log held, and that its cluster lacks, may come back. What nobody can
 * decide any more stays out.
 */
import { compareOps, isDead, type KeyOp, type Ranked } from '../words/op.ts';

/** The other ops on a key that decide whether one that was lost may come back (rule 12). */
export interface Judged {
  /** The greatest op of the key that the log which was set aside lacked; undefined where there is none. */
  readonly later: Ranked | undefined;
  /** Whether no later op of any key can have been forgotten. */
  readonly isComplete: boolean;
  /** Whether whatever was forgotten had died before this op was born. */
  readonly isRecent: boolean;
}

export type OfferOutcome =
  | 'offered'
  /** The entry of the key is this very op, or a copy of it. */
  | 'known'
  /** A greater op is known. */
  | 'beaten'
  /** A greater op may have been forgotten: nobody knows any more. */
  | 'undecided';

/** The outcome; of an op that comes back, whether as it was or as if a client put it now. */
export type OfferDecision = Exclude<OfferOutcome, 'offered'> | 'asItWas' | 'anew';

/**
 * @param entry that of the key, dead or alive; undefined where there is none.
 * @param horizon below it a greater op may have been collected, and its row compacted away.
 * @param nowMs UTC milliseconds.
 */
export function decideOffer(
  lost: KeyOp,
  entry: KeyOp | undefined,
  { later, isComplete, isRecent }: Judged,
  horizon: number,
  nowMs: number,
): OfferDecision {
  if (entry !== undefined) {
    const order = compareOps({ ...lost, origin: entry.origin, seq: entry.seq }, entry);
    if (order === 0) return 'known';
    return order < 0 ? 'beaten' : 'asItWas';
  }
  if (later !== undefined && compareOps(later, lost) >= 0) return 'beaten';
  if (isComplete || lost.generation >= horizon) return 'asItWas';
  // A put that came after everything that was forgotten.
  return isRecent && lost.kind === 'put' && !isDead(lost, nowMs) ? 'anew' : 'undecided';
}
