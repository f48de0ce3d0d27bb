/**
 * Read, change and write, again if another writer was faster.
 *
 * Invariant: the function's result is stored only over the version that the function got, and at most
 * once: an update whose write may have been stored is never made a second time.
 */

import { ConflictError } from '../errors.ts';
import { checkNames } from '../knownNames.ts';
import { whole } from '../options.ts';
import type { Entry } from './entry.ts';
import type { PutOptions, Stored } from './ops.ts';
import { backoffDelayMs, sleep } from './timing.ts';

export interface UpdateOptions {
  /** As in `PutOptions`. Default `keep`: the entry keeps its expiry; a new entry never expires. */
  readonly ttlMs?: number | null | 'keep';
  /** The most tries: 1 to 1,000, default 20. */
  readonly maxTries?: number;
  readonly signal?: AbortSignal;
}

/** @param entry undefined if the key is absent. */
export type Change<T> = (value: T | undefined, entry: Entry<T> | undefined) => T | Promise<T>;

export interface Updated<T> extends Stored {
  readonly value: T;
}

/** The three steps of an update. */
export interface UpdateParts<T> {
  readonly get: (after: string | null) => Promise<Entry<T> | undefined>;
  readonly put: (value: T, options: PutOptions) => Promise<Stored>;
  readonly change: Change<T>;
  /** The time by the clock of the node that answered last. */
  readonly nowMs: () => number;
}

const NAMES: ReadonlySet<string> = new Set<keyof UpdateOptions>(['ttlMs', 'maxTries', 'signal']);
const LEAST_WAIT_MS = 2;
const MOST_WAIT_MS = 200;

/** @throws ConflictError once the last try has met one, and the errors of get and put. */
export async function updateEntry<T>(
  { get, put, change, nowMs }: UpdateParts<T>,
  options: UpdateOptions,
): Promise<Updated<T>> {
  checkNames('update', options, NAMES);
  const { ttlMs = 'keep', maxTries, signal } = options;
  const most = whole('maxTries', maxTries ?? 20, 1, 1000);
  let after: string | null = null;
  for (let tries = 1; ; tries++) {
    const entry = await get(after);
    const value = await change(entry?.value, entry);
    // Version 0 is stored only if the key is absent; 1 would win over a 0 that came between.
    const version = entry === undefined ? 0 : entry.version + 1;
    try {
      const stored = await put(value, {
        version,
        ttlMs: ttlMs === 'keep' ? timeLeftMs(entry, nowMs()) : ttlMs,
        ...(signal && { signal }),
      });
      return { ...stored, value };
    } catch (error) {
      if (!(error instanceof ConflictError) || tries >= most) throw error;
      // The next read must see the entry that this write met, whichever node answers it.
      after = error.token;
    }
    const wait = backoffDelayMs(tries, LEAST_WAIT_MS, MOST_WAIT_MS);
    await sleep(wait, signal ?? new AbortController().signal);
  }
}

/** Null if the entry never expires. The node has just shown the entry, so some time is left. */
const timeLeftMs = (entry: Entry | undefined, nowMs: number): number | null =>
  entry?.expiresAt == null ? null : Math.max(1, entry.expiresAt.getTime() - nowMs);
