/**
 * Rule 12: decides whether an op that a log held, and that its cluster lacks, may come back. An op that
 * nobody can decide any more stays out.
 */
import { hasContent } from '../words/hash.ts';
import {
  compareOps,
  type EntryHead,
  isDead,
  type KeyOp,
  type OpId,
  type Ranked,
} from '../words/op.ts';

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
 * The outcome. `asItWas`: the op comes back as it was. `justAbove`: it does, with the next HLC, since it had beaten
 * another op by its origin alone. `anew`: it comes back as if a client put it now.
 */
export type OfferDecision = Exclude<OfferOutcome, 'offered'> | 'asItWas' | 'justAbove' | 'anew';

/** The state of the log that the op would come back to. */
export interface Here {
  /** The entry of the key, dead or alive; undefined if there is none. */
  readonly entry: EntryHead | undefined;
  /** The id that the op would come back under. */
  readonly bornAs: OpId;
  /** Below it a greater op may have been collected, and its row compacted away. */
  readonly horizon: number;
  /** UTC milliseconds. */
  readonly nowMs: number;
}

export function decideOffer(
  lost: KeyOp,
  { later, isComplete, isRecent }: Judged,
  { entry, bornAs, horizon, nowMs }: Here,
): OfferDecision {
  if (entry !== undefined) {
    if (isCopy(lost, entry)) return 'known';
    if (compareOps(lost, entry) < 0) return 'beaten';
    return above(lost, entry, bornAs);
  }
  if (later !== undefined && compareOps(later, lost) >= 0) return 'beaten';
  // Some nodes may still hold what was collected here, so a copy beats that as well.
  if (isComplete || lost.generation >= horizon)
    return later === undefined ? 'asItWas' : above(lost, later, bornAs);
  // A put that came after all forgotten ops may come back as a new one.
  return isRecent && lost.kind === 'put' && !isDead(lost, nowMs) ? 'anew' : 'undecided';
}

/** Of two ops of one HLC the origin decides, and the op comes back under another one than that it had beaten the other by. */
const above = (lost: KeyOp, other: Ranked, bornAs: OpId): 'asItWas' | 'justAbove' =>
  compareOps({ ...lost, ...bornAs }, other) > 0 ? 'asItWas' : 'justAbove';

/** Whether the entry is the op, or the op born again under another id. */
function isCopy(lost: KeyOp, entry: EntryHead): boolean {
  const { origin, seq } = entry;
  return compareOps({ ...lost, origin, seq }, entry) === 0 && hasContent(entry, lost);
}
