/**
 * The times at which the ops of a replay are due: with the spacing of their commits, faster or slower.
 */

/** The speed as a multiple of the recorded one; Infinity for no waiting. */
export class Schedule {
  readonly #speed: number;
  readonly #startMs: number;
  #firstMs: number | null = null;
  #lastDueMs: number;

  /** @param startMs the time at which the first op is due. */
  constructor(speed: number, startMs: number) {
    this.#speed = speed;
    this.#startMs = startMs;
    this.#lastDueMs = startMs;
  }

  /** The time at which an op is due that was committed at that time; never before the op before it. */
  dueMs(committedAt: number): number {
    this.#firstMs ??= committedAt;
    const passedMs =
      this.#speed === Number.POSITIVE_INFINITY ? 0 : (committedAt - this.#firstMs) / this.#speed;
    // After a clock that was set back, the rest must neither wait nor come at once.
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#startMs + passedMs);
    return this.#lastDueMs;
  }
}

/** Reads `10x`, `0.5x` or `10`. @returns undefined if the text is no factor. */
export function parseSpeed(text: string): number | undefined {
  const [, digits] = /^(\d{1,6}(?:\.\d{1,6})?)x?$/.exec(text) ?? [];
  const speed = Number(digits);
  return digits !== undefined && speed > 0 ? speed : undefined;
}
