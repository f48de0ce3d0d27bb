/**
 * Compares the progress that a player was shown with the progress that he finds in the next seat.
 *
 * Invariant (rule 7): a milestone that was told is there for ever. Where an instance lets go of a player, so is each
 * coin that he saw himself take; where it dies, those that he took more than six seconds before.
 */

/** A world saves each five seconds. */
export const MOST_LOST_MS = 6000;

interface Known {
  readonly atMs: number;
  readonly coins: number;
}

export class ProgressCheck {
  readonly #mostLostMs: number;
  #milestone = 0;
  /** By time; the first one is the last of those that may not be lost any more. */
  #known: Known[] = [];

  /** @param mostLostMs how much of its time an instance that dies may take along. */
  constructor(mostLostMs = MOST_LOST_MS) {
    this.#mostLostMs = mostLostMs;
  }

  /** A milestone was told. */
  told(milestone: number): void {
    this.#milestone = Math.max(this.#milestone, milestone);
  }

  /** @param coins all that the player is shown to have. */
  shown(coins: number, nowMs: number): void {
    if (this.#known.at(-1)?.coins !== coins) this.#known.push({ atMs: nowMs, coins });
    while ((this.#known[1]?.atMs ?? Number.POSITIVE_INFINITY) < nowMs - this.#mostLostMs)
      this.#known.shift();
  }

  /**
   * @param coins of the welcome to the next seat.
   * @param diedAtMs when the instance before was heard last; null: it has let go of the player.
   * @returns a sentence that says what is lost; null for nothing.
   */
  found(coins: number, diedAtMs: number | null): string | null {
    if (coins < this.#milestone)
      return `${coins} coins are left, and ${this.#milestone} were told to be stored.`;
    const untilMs = diedAtMs === null ? Number.POSITIVE_INFINITY : diedAtMs - this.#mostLostMs;
    const kept = this.#known.findLast(({ atMs }) => atMs <= untilMs)?.coins ?? 0;
    this.#known = [];
    const how = diedAtMs === null ? 'let go of him' : 'died';
    return coins < kept ? `${coins} coins are left of ${kept}: his world ${how}.` : null;
  }
}
