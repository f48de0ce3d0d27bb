/** The last run of the maintenance of a region, for operators to see. */
import type { Cache } from './cache.ts';
import { keyOf } from './keys.ts';

const RUN_TTL_MS = 60_000;

export interface RunRecord {
  /** UTC milliseconds. */
  readonly atMs: number;
  readonly runner: string;
  /** Slots that were set. */
  readonly actions: number;
  /** Faults that a person has to look at. */
  readonly reports: readonly { readonly world: string; readonly reason: string }[];
}

/** @throws HearsayError if no node answers. */
export async function writeRun(cache: Cache, region: string, record: RunRecord): Promise<void> {
  await cache.writer.put(keyOf('run', region), { v: 1, ...record }, { ttlMs: RUN_TTL_MS });
}
