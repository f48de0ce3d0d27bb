/** The options of `invalidateTag`, and its result. */
import { checkNames } from '../knownNames.ts';
import { whole } from '../options.ts';
import type { Invalidating } from './tags.ts';

export interface InvalidateTagOptions {
  /**
   * Whether `getOrSet` may still give the values of the tag while it loads new ones, and the other calls
   * give them until then. Default false: they are absent at once.
   */
  readonly soft?: boolean;
  /**
   * With `soft`: for how long, in milliseconds, 1 to 10^13; then they are absent. Default: as long as they live.
   */
  readonly staleMs?: number;
}

export interface Invalidated {
  /** Stands for the write. */
  readonly token: string | null;
}

const NAMES: ReadonlySet<string> = new Set<keyof InvalidateTagOptions>(['soft', 'staleMs']);
const MAX_STALE_MS = 10 ** 13;

/** @throws InvalidRequestError */
export function checkedInvalidateTag(options: InvalidateTagOptions): Invalidating {
  checkNames('invalidateTag', options, NAMES);
  const { soft = false, staleMs } = options;
  if (staleMs !== undefined) whole('staleMs', staleMs, 1, MAX_STALE_MS);
  return { isSoft: soft, staleMs: staleMs ?? null };
}
