/** Explains the present value of a key. */

import { mayCollect, type StoredStable, storedStable } from '../../rules/stability.ts';
import { type Clause, decidingClause, isDead, type KeyOp } from '../../words/op.ts';
import type { LogHeader } from '../../words/row.ts';
import { covers, type Vector } from '../../words/vector.ts';
import type { Happening } from './history.ts';
import { whyBeaten } from './whyBeaten.ts';

export type State =
  /** The log holds no op on the key. */
  | 'unknown'
  | 'live'
  | 'deleted'
  | 'expired'
  /** Dead and stable, and so dropped from the map. */
  | 'collected';

export interface Judged {
  readonly happening: Happening;
  /** Null for the winner itself. */
  readonly clause: Clause | null;
  /** A phrase with the reason why the winner beats it; for the winner, why no op beats it. */
  readonly why: string;
}

/** A member, with the vector that it has said it holds. */
export interface Acknowledgement {
  readonly origin: string;
  readonly nodeId: string;
  /** Null before it has said anything. */
  readonly vector: Vector | null;
}

export interface Verdict {
  readonly state: State;
  /** The greatest op of the key; null where there is none. */
  readonly winner: KeyOp | null;
  /** Whether every member holds it, with nothing older still under way. */
  readonly isStable: boolean;
  /** Members that have not said yet that they hold the winner; null if nobody was asked. */
  readonly unseenBy: readonly Acknowledgement[] | null;
}

/** @param winner the last row of the key that won. */
export function verdictOn(
  winner: KeyOp | null,
  header: Pick<LogHeader, 'stable' | 'stableClock' | 'facts'>,
  nowMs: number,
  members: readonly Acknowledgement[] | null,
): Verdict {
  if (winner === null) return { state: 'unknown', winner, isStable: false, unseenBy: null };
  const isStable = covers(header.stable, winner);
  // Of origins that are gone for good, members acknowledge nothing op by op.
  const lacksIt = (member: Acknowledgement): boolean => !isStable && !hasSeen(member, winner);
  return {
    state: stateOf(winner, storedStable(header), nowMs),
    winner,
    isStable,
    unseenBy: members === null ? null : members.filter(lacksIt),
  };
}

/** The origin of an op holds it, whether or not its node has said so. */
const hasSeen = ({ origin, vector }: Acknowledgement, op: KeyOp): boolean =>
  origin === op.origin || (vector !== null && covers(vector, op));

export function judge(happening: Happening, winner: KeyOp | null): Judged {
  // If the winner of a key was compacted, there is nothing left to compare with.
  if (winner === null)
    return { happening, clause: null, why: happening.whyNot ?? 'nothing is left that beat it' };
  const { op } = happening;
  const clause = decidingClause(winner, op);
  if (clause === null) return { happening, clause, why: 'the greatest op of its key' };
  return { happening, clause, why: whyBeaten(op, winner) };
}

function stateOf(winner: KeyOp, stable: StoredStable, nowMs: number): State {
  if (!isDead(winner, nowMs)) return 'live';
  if (mayCollect(winner, stable)) return 'collected';
  return winner.kind === 'delete' ? 'deleted' : 'expired';
}
