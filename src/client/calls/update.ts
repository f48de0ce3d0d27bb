/**
 * Read, change, write, again where another was faster.
 *
 * Invariant: the function's result is stored only over the version that it was given, and at most once:
 * an update whose write may have been stored is never made a second time.
 */

import { ConflictError } from '../errors.ts';
import { checkNames } from '../knownNames.ts';
import { whole } from '../options.ts';
import type { Entry } from './entry.ts';
import type { PutOptions, Stored } from './ops.ts';
import { backoffDelayMs, sleep } from './timing.ts';

export interface UpdateOptions {
  /**
   * As in `PutOptions`. Default `keep`: the entry expires when it would have; a new one never expires.
   */
  readonly ttlMs?: number | null | 'keep';
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
  /** Now, by the clock of the node that answered last. */
  readonly nowMs: () => number;
}

const NAMES: ReadonlySet<string> = new Set<keyof UpdateOptions>(['ttlMs', 'maxTries', 'signal']);
const LEAST_WAIT_MS = 2;
const MOST_WAIT_MS = 200;

/** @throws ConflictError once the last try has met one, and as get and put do. */
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
    // 0 is stored only where the key is absent: 1 would win over a 0 that came between.
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
      // The next read has to see the entry that this write met, whichever node answers it.
      after = error.token;
    }
    const wait = backoffDelayMs(tries, LEAST_WAIT_MS, MOST_WAIT_MS);
    await sleep(wait, signal ?? new AbortController().signal);
  }
}

/** Null where it never expires. The node has just shown the entry, so some time is left. */
const timeLeftMs = (entry: Entry | undefined, nowMs: number): number | null =>
  entry?.expiresAt == null ? null : Math.max(1, entry.expiresAt.getTime() - nowMs);
