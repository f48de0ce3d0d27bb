/**
 * Read, change, write, again where another was faster.
 *
 * Invariant: the function's result is stored only over the version that it was given, and at most once:
 * an update whose write may have been stored is never made a second time.
 */

import { ConflictError } from '../errors.ts';
import { whole } from '../options.ts';
import type { Entry } from './entry.ts';
import type { PutOptions, Stored } from './ops.ts';
import { backoffDelayMs, sleep } from './timing.ts';

export interface UpdateOptions {
  /** As in `PutOptions`; it does not carry over from the present entry. */
  readonly ttlMs?: number | null;
  /** How often it is tried at most: 1 to 1,000, default 20. */
  readonly maxTries?: number;
  readonly signal?: AbortSignal;
}

/** @param entry undefined where the key is absent. */
export type Change<T> = (value: T | undefined, entry: Entry<T> | undefined) => T | Promise<T>;

export interface Updated<T> extends Stored {
  readonly value: T;
}

/** The three steps of an update. */
export interface UpdateParts<T> {
  readonly get: (after: string | null) => Promise<Entry<T> | undefined>;
  readonly put: (value: T, options: PutOptions) => Promise<Stored>;
  readonly change: Change<T>;
}

const LEAST_WAIT_MS = 2;
const MOST_WAIT_MS = 200;

/** @throws ConflictError once the last try has met one, and as get and put do. */
export async function updateEntry<T>(
  { get, put, change }: UpdateParts<T>,
  { ttlMs = null, maxTries, signal }: UpdateOptions,
): Promise<Updated<T>> {
  const most = whole('maxTries', maxTries ?? 20, 1, 1000);
  let after: string | null = null;
  for (let tries = 1; ; tries++) {
    const entry = await get(after);
    const value = await change(entry?.value, entry);
    // 0 is stored only where the key is absent: 1 would win over a 0 that came between.
    const version = entry === undefined ? 0 : entry.version + 1;
    try {
      const stored = await put(value, { version, ttlMs, ...(signal && { signal }) });
      return { ...stored, value };
    } catch (error) {
      if (!(error instanceof ConflictError) || tries >= most) throw error;
      // The next read has to see the entry that this write met, whichever node answers it.
      after = error.token;
    }
    const wait = backoffDelayMs(tries, LEAST_WAIT_MS, MOST_WAIT_MS);
    await sleep(wait, signal ?? new AbortController().signal);
  }
}
