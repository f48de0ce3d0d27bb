/**
 * Rule 12: decides whether an op that a log held, and that its cluster lacks, may come back. An op that
 * nobody can decide any more stays out.
 */
import { compareOps, isDead, type KeyOp, type Ranked } from '../words/op.ts';

/** The other ops on a key that decide whether a lost op may come back (rule 12). */
export interface Judged {
  /** The greatest op of the key, of those that the old log lacked; undefined if there is none. */
  readonly later: Ranked | undefined;
  /** Whether no later op of any key can have been forgotten. */
  readonly isComplete: boolean;
  /** Whether every forgotten op had died before this op was born. */
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

/**
 * The outcome. `asItWas`: the op comes back as it was. `anew`: it comes back as if a client put it now.
 */
export type OfferDecision = Exclude<OfferOutcome, 'offered'> | 'asItWas' | 'anew';

/**
 * @param entry the entry of the key, dead or alive; undefined if there is none.
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
  // A put that came after all forgotten ops may come back as a new one.
  return isRecent && lost.kind === 'put' && !isDead(lost, nowMs) ? 'anew' : 'undecided';
}
