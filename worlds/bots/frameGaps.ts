/** How long frames stay away from a bot, in milliseconds, counted in a bounded space. */

/** A longer gap counts as this one. */
const MOST_MS = 5000;

export class FrameGaps {
  readonly #counts = new Uint32Array(MOST_MS + 1);
  #frameAtMs: number | null = null;

  frame(nowMs: number): void {
    if (this.#frameAtMs !== null) {
      const gapMs = Math.min(MOST_MS, Math.round(nowMs - this.#frameAtMs));
      this.#counts[gapMs] = (this.#counts[gapMs] ?? 0) + 1;
    }
    this.#frameAtMs = nowMs;
  }

  /** Until the next frame nothing is counted: the connection was given up. */
  pause(): void {
    this.#frameAtMs = null;
  }

  /** The gaps so far count no more. The one that is under way does. */
  clear(): void {
    this.#counts.fill(0);
  }

  /** The gaps of another bot count here too. */
  add(other: FrameGaps): void {
    for (const [ms, count] of other.#counts.entries())
      if (count > 0) this.#counts[ms] = (this.#counts[ms] ?? 0) + count;
  }

  /** @param share from 0 to 1: of all gaps, so many are no longer than the answer. */
  quantile(share: number): number {
    const all = this.#counts.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (const [ms, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= share * all) return ms;
    }
    return 0;
  }
}
