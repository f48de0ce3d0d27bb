/**
 * Work that comes again each so often, done in the beats of the game: a process that wakes for a tick anyway does not wake
 * for it once more, which takes more processor time than most of this work.
 */

/** @param everyMs a few beats at least, in milliseconds. @returns a function that ends it. */
export type Every = (everyMs: number, work: () => void) => () => void;

interface Work {
  readonly everyMs: number;
  readonly work: () => void;
  dueAtMs: number;
}

/** Beats are no more exact than that: work that is due so soon is not left to the next one. */
const EARLY_MS = 2;

export class BeatWork {
  readonly #works = new Set<Work>();
  readonly #startedAtMs = performance.now();

  readonly every: Every = (everyMs, work) => {
    // Counted from one start, the times of some are those of others as well: then they come in one beat.
    const sinceMs = performance.now() - this.#startedAtMs;
    const dueAtMs = this.#startedAtMs + (Math.floor(sinceMs / everyMs) + 1) * everyMs;
    const one = { everyMs, work, dueAtMs };
    this.#works.add(one);
    return () => void this.#works.delete(one);
  };

  /** Does all that is due. After a long stop, each once. */
  beat(): void {
    const nowMs = performance.now();
    for (const one of this.#works) {
      if (one.dueAtMs > nowMs + EARLY_MS) continue;
      const missed = Math.max(0, Math.floor((nowMs - one.dueAtMs) / one.everyMs));
      one.dueAtMs += (missed + 1) * one.everyMs;
      one.work();
    }
  }
}

/** By a timer of its own, where there is no game. */
export const everyByTimer: Every = (everyMs, work) => {
  const timer = setInterval(work, everyMs);
  return () => clearInterval(timer);
};
