/**
 * Some seqs told by the places of their origins in an order that both sides know: most of them take two small numbers in
 * the place of a name.
 */
import { type MutableVector, seqOf, type Vector } from './vector.ts';
import type { VectorChanges } from './vectorChanges.ts';

export interface Places {
  /** In the order of their UTF-16 code units. */
  readonly order: readonly string[];
  /** The seqs from which those that are told differ; origins that it lacks stand at 0. */
  readonly base: Vector;
}

/** @returns these seqs: those of origins that have a place as steps, the others by their names. */
export function placedSeqs({ order, base }: Places, seqs: Vector): VectorChanges {
  const added: MutableVector = new Map();
  const places: { readonly place: number; readonly change: number }[] = [];
  for (const [origin, seq] of seqs) {
    const place = placeOf(order, origin);
    if (place === null) added.set(origin, seq);
    else places.push({ place, change: seq - seqOf(base, origin) });
  }
  places.sort((one, other) => one.place - other.place);
  const steps: number[] = [];
  let before = -1;
  for (const { place, change } of places) {
    steps.push(place - before - 1, change);
    before = place;
  }
  return { steps, added };
}

/** @returns the seqs that `placedSeqs` was given; null if these places can not tell such steps. */
export function seqsAtPlaces(
  { order, base }: Places,
  { steps, added }: VectorChanges,
): Vector | null {
  const seqs: MutableVector = new Map(added);
  let place = -1;
  for (let index = 0; index + 1 < steps.length; index += 2) {
    place += 1 + (steps[index] ?? 0);
    const origin = order[place];
    if (origin === undefined) return null;
    const seq = seqOf(base, origin) + (steps[index + 1] ?? 0);
    if (!Number.isSafeInteger(seq) || seq < 1) return null;
    seqs.set(origin, seq);
  }
  return seqs;
}

/** @returns null if the origin has none. */
function placeOf(order: readonly string[], origin: string): number | null {
  let least = 0;
  let most = order.length - 1;
  while (least <= most) {
    const middle = (least + most) >>> 1;
    const found = order[middle] ?? '';
    if (found === origin) return middle;
    if (found < origin) least = middle + 1;
    else most = middle - 1;
  }
  return null;
}
