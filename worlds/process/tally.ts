/** Counts by a few words, such as the results of joins. */
export class Tally<Word extends string> {
  readonly #counts = new Map<Word, number>();

  /** @param words that are told as 0 before they were counted. */
  constructor(words: readonly Word[]) {
    for (const word of words) this.#counts.set(word, 0);
  }

  add(word: Word): void {
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
