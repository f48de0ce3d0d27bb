/**
 * The result of a round of reports (rule 9). A report is the vector and the clock of a node at one moment. Merged,
 * reports keep the least and the greatest seq of each origin, the least clock, and the members that reported: that
 * suffices for the stable vector, however many hops the members are apart.
 *
 * Invariant: merging is commutative, associative and idempotent. So it does not matter by which way a report came, nor
 * whether it came twice.
 */
import { type MutableVector, raise, type Vector } from '../words/vector.ts';

export interface Report {
  /** Origin → seq that each of the members held; an origin that one of them lacked is missing. */
  readonly min: Vector;
  /** Origin → seq that at least one of them held. */
  readonly max: Vector;
  /** The least of their clocks, UTC milliseconds. */
  readonly clock: number;
  /** The origins that reported. */
  readonly members: ReadonlySet<string>;
}

/** @param clock UTC milliseconds. @returns the report of one node as of now. */
export function reportOf(origin: string, vector: Vector, clock: number): Report {
  const held = new Map(vector);
  return { min: held, max: held, clock, members: new Set([origin]) };
}

export function merged(a: Report, b: Report): Report {
  const min: MutableVector = new Map();
  for (const [origin, seq] of a.min) {
    const other = b.min.get(origin);
    if (other !== undefined) min.set(origin, Math.min(seq, other));
  }
  const max: MutableVector = new Map(a.max);
  for (const [origin, seq] of b.max) raise(max, origin, seq);
  return {
    min,
    max,
    clock: Math.min(a.clock, b.clock),
    members: new Set([...a.members, ...b.members]),
  };
}
