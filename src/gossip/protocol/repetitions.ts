/** Things that were seen again and again, without a break: claims of peers, and answers at the URLs of members. */
import { MINUTE_MS } from '../../words/time.ts';

/** Each time counts for so long, in milliseconds, or for this number of pulls. */
const FRESH_MS = MINUTE_MS;
const FRESH_PULLS = 4;

interface Repetition {
  readonly sinceMs: number;
  readonly atMs: number;
}

export interface RepetitionSettings {
  /** In milliseconds. */
  readonly claimPatienceMs: number;
  readonly pullIntervalMs: number;
}

/** All times are of the even clock, in milliseconds. */
export class Repetitions {
  readonly #settings: RepetitionSettings;
  readonly #seen = new Map<string, Repetition>();

  constructor(settings: RepetitionSettings) {
    this.#settings = settings;
  }

  note(what: string, nowMs: number): void {
    for (const [other, { atMs }] of this.#seen)
      if (!this.isFresh(atMs, nowMs)) this.#seen.delete(other);
    this.#seen.set(what, { sinceMs: this.#seen.get(what)?.sinceMs ?? nowMs, atMs: nowMs });
  }

  has(what: string): boolean {
    return this.#seen.has(what);
  }

  /** How many different things were seen lately, as of the last `note`. */
  get size(): number {
    return this.#seen.size;
  }

  /**
   * Whether it has been seen without a break for `claimPatienceMs`.
   *
   * @param notBeforeMs what was seen before this time does not count.
   */
  lasts(what: string, nowMs: number, notBeforeMs = Number.NEGATIVE_INFINITY): boolean {
    const seen = this.#seen.get(what);
    if (seen === undefined || !this.isFresh(seen.atMs, nowMs)) return false;
    return nowMs - Math.max(seen.sinceMs, notBeforeMs) >= this.#settings.claimPatienceMs;
  }

  isFresh(atMs: number, nowMs: number): boolean {
    return nowMs - atMs < Math.max(FRESH_MS, FRESH_PULLS * this.#settings.pullIntervalMs);
  }
}
