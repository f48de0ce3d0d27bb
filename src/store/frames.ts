/**
 * Arrays of bytes cut into frames: long ones are cut, and short ones share a frame, so that writing and
 * reading takes one call for each MiB or so. Both sides know the lengths of the arrays, and so agree where
 * frames end.
 */
import { at } from '../words/invariant.ts';
import { KIB, MIB } from '../words/size.ts';

const FRAME_BYTES = MIB;
/** A longer array is worth a frame without a copy. */
const SHARED_BYTES = 64 * KIB;

/** A part of the array with that index. */
interface Part {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

/** The arrays' bytes as frames, in order. A frame must be used before the next one is taken. */
export function* framesOf(arrays: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  for (const parts of partsOfFrames(arrays)) yield alone(arrays, parts) ?? gathered(arrays, parts);
}

/**
 * Fills the arrays with the frames that `framesOf` made of arrays with these lengths.
 *
 * @returns the targets of the frames, in order; each must be filled before the next one is taken.
 */
export function* targetsOf(arrays: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  for (const parts of partsOfFrames(arrays)) {
    const own = alone(arrays, parts);
    const target = own ?? new Uint8Array(lengthOf(parts));
    yield target;
    if (own !== null) continue;
    let place = 0;
    for (const { index, from, to } of parts) {
      at(arrays, index).set(target.subarray(place, place + to - from), from);
      place += to - from;
    }
  }
}

function* partsOfFrames(
  arrays: readonly Uint8Array[],
): Generator<readonly Part[], void, undefined> {
  let shared: Part[] = [];
  let left = FRAME_BYTES;
  for (const [index, { length }] of arrays.entries()) {
    if (length > Math.min(left, SHARED_BYTES) && shared.length > 0) {
      yield shared;
      [shared, left] = [[], FRAME_BYTES];
    }
    if (length <= SHARED_BYTES) {
      if (length > 0) shared.push({ index, from: 0, to: length });
      left -= length;
      continue;
    }
    for (let from = 0; from < length; from += FRAME_BYTES)
      yield [{ index, from, to: Math.min(length, from + FRAME_BYTES) }];
  }
  if (shared.length > 0) yield shared;
}

function alone(arrays: readonly Uint8Array[], parts: readonly Part[]): Uint8Array | null {
  const [part] = parts;
  if (part === undefined || parts.length > 1) return null;
  return at(arrays, part.index).subarray(part.from, part.to);
}

function gathered(arrays: readonly Uint8Array[], parts: readonly Part[]): Uint8Array {
  const frame = new Uint8Array(lengthOf(parts));
  let place = 0;
  for (const { index, from, to } of parts) {
    frame.set(at(arrays, index).subarray(from, to), place);
    place += to - from;
  }
  return frame;
}

const lengthOf = (parts: readonly Part[]): number =>
  parts.reduce((sum, { from, to }) => sum + to - from, 0);

/** The bytes of an array of numbers, which stay shared with it. */
export const bytesOf = (numbers: Float64Array | Uint32Array): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
