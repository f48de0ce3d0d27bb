/**
 * Version vectors (Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", 1983):
 * origin → highest seq held without gaps. An origin that is missing is held up to 0.
 */
import type { OpId } from './op.ts';

export type Vector = ReadonlyMap<string, number>;
export type MutableVector = Map<string, number>;

/** The most origins that a vector on the wire may list, and the most ranges that a delta may have. */
export const MAX_ORIGINS = 10_000;

/** The highest seq of the origin that is held without gaps; 0 if no op is. */
export const seqOf = (vector: Vector, origin: string): number => vector.get(origin) ?? 0;

/** Whether the vector covers the op. */
export const covers = (vector: Vector, op: OpId): boolean => seqOf(vector, op.origin) >= op.seq;

/** Whether `vector` covers every op that `other` covers. */
export function includes(vector: Vector, other: Vector): boolean {
  for (const [origin, seq] of other) if (seqOf(vector, origin) < seq) return false;
  return true;
}

/** Whether both cover the same ops. */
export const sameVector = (a: Vector, b: Vector): boolean => includes(a, b) && includes(b, a);

/** Raises the origin's seq; a vector never shrinks. */
export function raise(vector: MutableVector, origin: string, seq: number): void {
  if (seq > seqOf(vector, origin)) vector.set(origin, seq);
}

/** The number of ops that `other` covers and `vector` does not. */
export function missingOps(vector: Vector, other: Vector): number {
  let missing = 0;
  for (const [origin, seq] of other) missing += Math.max(0, seq - seqOf(vector, origin));
  return missing;
}

/** The vector without some origins. */
export function without(vector: Vector, left: ReadonlySet<string>): Vector {
  if (left.size === 0) return vector;
  return new Map([...vector].filter(([origin]) => !left.has(origin)));
}

/**
 * The greatest horizon that a peer with this vector can have. An op raises the greatest generation by
 * at most one, so a horizon above the number of its ops is damaged, or made up.
 *
 * @param closedOps the number of ops of closed origins, which the vector leaves out.
 */
export function believedHorizon(horizon: number, vector: Vector, closedOps = 0): number {
  let most = 1 + closedOps;
  for (const seq of vector.values()) most += seq;
  return Math.min(horizon, most);
}
