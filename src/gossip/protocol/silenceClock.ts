/**
 * Measures how long each member has been silent while this node could hear it.
 *
 * Invariant: a pause of this process adds nothing to the silence of a member. A paused process runs its
 * timers before it reads its sockets, so every member then seems silent for the whole pause.
 */
export class SilenceClock {
  readonly #maxGapMs: number;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #silentMs = new Map<string, number>();

  /** @param maxGapMs a longer time between two looks, in milliseconds, is a pause. */
  constructor(maxGapMs: number) {
    this.#maxGapMs = maxGapMs;
  }

  /**
   * Called at regular intervals, shorter than `maxGapMs`.
   *
   * @param lastHeardAt gives the time at which a member was last heard, in milliseconds on the clock of
   *   `nowMs`.
   */
  look(members: readonly string[], lastHeardAt: (origin: string) => number, nowMs: number): void {
    const gapMs = nowMs - this.#lookedAt;
    const countedMs = gapMs <= this.#maxGapMs ? gapMs : 0;
    const silentMs = new Map<string, number>();
    for (const origin of members) {
      const heardAt = lastHeardAt(origin);
      const before = this.#silentMs.get(origin) ?? 0;
      silentMs.set(
        origin,
        heardAt < this.#lookedAt ? before + countedMs : Math.min(nowMs - heardAt, countedMs),
      );
    }
    this.#silentMs = silentMs;
    this.#lookedAt = nowMs;
  }

  /** @returns milliseconds up to the last look; 0 for an origin that no look included. */
  silentMs(origin: string): number {
    return this.#silentMs.get(origin) ?? 0;
  }
}
