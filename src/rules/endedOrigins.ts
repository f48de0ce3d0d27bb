/**
 * Ops that no node will ever bring: those of a retired origin beyond the ops of it that every member
 * holds.
 */
import type { Membership } from '../words/op.ts';
import { covers, type Vector } from '../words/vector.ts';

/**
 * Whether a node that lacks an op of the origin will lack it for ever. Nobody takes ops directly from an
 * origin once it holds the `retire` (rule 8), and the stable vector covers the `retire` only once every
 * member holds it, with all that the member had taken before, which this node then holds too (rule 9).
 *
 * @param memberOps every `join` and `retire` that this node holds.
 */
export const isEndedFor = (
  origin: string,
  memberOps: readonly Membership[],
  stable: Vector,
): boolean =>
  memberOps.some((op) => op.kind === 'retire' && op.key === origin && covers(stable, op));
