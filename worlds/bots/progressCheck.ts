/**
 * What a player was shown of his progress, against what he finds in the next seat.
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
  #milestone = 0;
  /** By time; the first one is the last of those that are older than `MOST_LOST_MS`. */
  #known: Known[] = [];

  /** A milestone was told. */
  told(milestone: number): void {
    this.#milestone = Math.max(this.#milestone, milestone);
  }

  /** @param coins all that the player is shown to have. */
  shown(coins: number, nowMs: number): void {
    if (this.#known.at(-1)?.coins !== coins) this.#known.push({ atMs: nowMs, coins });
    while ((this.#known[1]?.atMs ?? Number.POSITIVE_INFINITY) < nowMs - MOST_LOST_MS)
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
    const untilMs = diedAtMs === null ? Number.POSITIVE_INFINITY : diedAtMs - MOST_LOST_MS;
    const kept = this.#known.findLast(({ atMs }) => atMs <= untilMs)?.coins ?? 0;
    this.#known = [];
    return coins < kept ? `${coins} coins are left of ${kept}.` : null;
  }
}
