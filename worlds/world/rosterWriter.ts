/**
 * Tells the cache who is in an instance, beside its session: both go in one request. A roster that is as it was is told
 * again before it ends.
 */
import type { WriteResult } from '../tables/instanceTables.ts';

/** With a session each two seconds, a roster is told each twenty at the latest. */
const ROSTER_EVERY_MS = 18_000;

export class RosterWriter {
  readonly #write: (players: readonly string[]) => Promise<WriteResult>;
  readonly #everyMs: number;
  #told: string | null = null;
  #toldAtMs = 0;

  /** @param write throws HearsayError if no node answers. */
  constructor(
    write: (players: readonly string[]) => Promise<WriteResult>,
    everyMs: number = ROSTER_EVERY_MS,
  ) {
    this.#write = write;
    this.#everyMs = everyMs;
  }

  /** @returns null: it was told, and not long ago. @throws HearsayError if no node answers. */
  async write(players: readonly string[]): Promise<WriteResult | null> {
    const nowMs = performance.now();
    const text = players.join();
    if (text === this.#told && nowMs < this.#toldAtMs + this.#everyMs) return null;
    this.#told = text;
    this.#toldAtMs = nowMs;
    try {
      return await this.#write(players);
    } catch (error) {
      this.#told = null;
      throw error;
    }
  }
}
