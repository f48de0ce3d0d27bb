/**
 * Versions as fences: an owner that was replaced finds its writes refused, because the greater version
 * wins on every node.
 *
 * A save has the version `fence · 2^18 + counter`. The fence grows with each seat that a player takes,
 * the counter with each save of one seat. World memory and sessions have `epoch · 2^20 + counter`; the
 * fleet raises the epoch at each start of a slot. Both stay below 2^53 − 1, the greatest version that
 * a put may have plus one. (Fencing tokens: Kleppmann, How to do distributed locking, 2016.)
 */

const SAVE_COUNTERS = 2 ** 18;
const EPOCH_COUNTERS = 2 ** 20;
const SECONDS_OF_GENERATION = 2 ** 10;

export const MAX_FENCE = 2 ** 35 - 2;
export const MAX_EPOCH = 2 ** 33 - 2;

export interface SaveVersion {
  readonly fence: number;
  readonly counter: number;
}

/** @throws RangeError if a part does not fit. */
export function packSave({ fence, counter }: SaveVersion): number {
  return pack(fence, MAX_FENCE, counter, SAVE_COUNTERS);
}

export function unpackSave(version: number): SaveVersion {
  return {
    fence: Math.floor(version / SAVE_COUNTERS),
    counter: version % SAVE_COUNTERS,
  };
}

/** @throws RangeError if a part does not fit. */
export function packEpoch(epoch: number, counter: number): number {
  return pack(epoch, MAX_EPOCH, counter, EPOCH_COUNTERS);
}

export const epochOf = (version: number): number => Math.floor(version / EPOCH_COUNTERS);

/**
 * The fence of a seat that was asked for with an access token.
 *
 * @param gen the token's number, which identity raises at each login and refresh.
 * @param tokenAgeSeconds since the token was issued. Ages above 1,023 s count as 1,023 s, so that an
 *   older token never passes a newer one.
 */
export function tokenFence(gen: number, tokenAgeSeconds: number): number {
  const seconds = Math.min(SECONDS_OF_GENERATION - 1, Math.max(0, Math.floor(tokenAgeSeconds)));
  const fence = gen * SECONDS_OF_GENERATION + seconds;
  if (!Number.isSafeInteger(gen) || gen < 0 || fence > MAX_FENCE)
    throw new RangeError(`The generation ${gen} of an access token makes no fence.`);
  return fence;
}

/**
 * The fence by which a seat claims the player's record, once it has read it.
 *
 * @param seenVersion of the record; null if there was none.
 */
export function claimedFence(fenceOfToken: number, seenVersion: number | null): number {
  if (seenVersion === null) return fenceOfToken;
  return Math.max(fenceOfToken, unpackSave(seenVersion).fence + 1);
}

/** @returns the version after it; a seat that has used all its counters goes on under the next fence. */
export function nextSave({ fence, counter }: SaveVersion): SaveVersion {
  if (counter + 1 < SAVE_COUNTERS) return { fence, counter: counter + 1 };
  return { fence: fence + 1, counter: 0 };
}

export type ConflictVerdict =
  /** An earlier write of this seat was stored, though its answer was lost: go on with this version. */
  | { readonly type: 'continue'; readonly next: SaveVersion }
  /** A newer seat has claimed the record: save no more. */
  | { readonly type: 'displaced'; readonly byFence: number };

/**
 * Reads a refusal (409) of a save.
 *
 * @param mine the version that was refused.
 * @param currentVersion of the record at the node that refused.
 */
export function readConflict(mine: SaveVersion, currentVersion: number): ConflictVerdict {
  const current = unpackSave(currentVersion);
  if (current.fence > mine.fence) return { type: 'displaced', byFence: current.fence };
  const counter = Math.max(mine.counter, current.fence === mine.fence ? current.counter : 0);
  return { type: 'continue', next: nextSave({ fence: mine.fence, counter }) };
}

function pack(high: number, maxHigh: number, counter: number, counters: number): number {
  const fits = isWithin(high, maxHigh) && isWithin(counter, counters - 1);
  if (!fits) throw new RangeError(`${high} and ${counter} do not fit into one version.`);
  return high * counters + counter;
}

const isWithin = (value: number, max: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= max;
