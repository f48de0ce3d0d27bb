/**
 * A vector told as its differences from another one, the base. Origins of the base are told by their places in its order,
 * so that most differences are two small numbers each.
 *
 * Invariants: differences from a base and the base give the vector, and nothing else does, so a node that applies them to
 * another base has to be told by a hash of the result. No origin stands at 0 in a result.
 */
import { MAX_ORIGINS, type MutableVector, seqOf, type Vector } from './vector.ts';

export interface VectorChanges {
  /**
   * Two numbers for each origin of the base whose seq is another one, or of which there is something else to tell: how many origins of the base lie between it and the
   * one before it here, and its seq less that of the base.
   */
  readonly steps: readonly number[];
  /** Origins that the base does not name. */
  readonly added: Vector;
}

/** @returns the origins that a vector names, in the order in which differences count them. */
export const originsInOrder = (vector: Vector): string[] =>
  [...vector.keys()].filter((origin) => seqOf(vector, origin) > 0).sort();

/** @param isOther whether there is something else to tell of the origin. @returns the differences of `next` from `base`. */
export function vectorChanges(
  base: Vector,
  next: Vector,
  isOther: (origin: string) => boolean = () => false,
): VectorChanges {
  const steps: number[] = [];
  let skipped = 0;
  for (const origin of originsInOrder(base)) {
    const change = seqOf(next, origin) - seqOf(base, origin);
    if (change === 0 && !isOther(origin)) skipped++;
    else {
      steps.push(skipped, change);
      skipped = 0;
    }
  }
  const added = new Map([...next].filter(([origin, seq]) => seq > 0 && seqOf(base, origin) === 0));
  return { steps, added };
}

/** @returns the vector of these differences; null if they are none from this base. */
export function changedVector(base: Vector, { steps, added }: VectorChanges): Vector | null {
  const origins = originsInOrder(base);
  const vector: MutableVector = new Map();
  for (const origin of origins) vector.set(origin, seqOf(base, origin));
  let place = -1;
  for (let index = 0; index + 1 < steps.length; index += 2) {
    place += 1 + (steps[index] ?? 0);
    const origin = origins[place];
    if (origin === undefined) return null;
    const seq = seqOf(base, origin) + (steps[index + 1] ?? 0);
    if (!Number.isSafeInteger(seq) || seq < 0) return null;
    if (seq === 0) vector.delete(origin);
    else vector.set(origin, seq);
  }
  for (const [origin, seq] of added) {
    if (seqOf(base, origin) > 0) return null;
    if (seq > 0) vector.set(origin, seq);
  }
  return vector.size > MAX_ORIGINS ? null : vector;
}

/** @returns the origins that differences from this base name, those of `steps` first. */
export function namedOrigins(base: Vector, { steps, added }: VectorChanges): string[] {
  const origins = originsInOrder(base);
  const named: string[] = [];
  let place = -1;
  for (let index = 0; index + 1 < steps.length; index += 2) {
    place += 1 + (steps[index] ?? 0);
    const origin = origins[place];
    if (origin !== undefined) named.push(origin);
  }
  return [...named, ...added.keys()];
}
