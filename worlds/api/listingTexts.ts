/** The texts of listings as long as nothing has changed: most lobbies ask with the same few filters. */

/** Of each revision; a client may invent filters. */
const MOST_TEXTS = 100;

export class ListingTexts {
  readonly #texts = new Map<string, string>();
  #revision = '';

  /** @returns undefined: `text` has to make it. */
  known(revision: string, query: string): string | undefined {
    return revision === this.#revision ? this.#texts.get(query) : undefined;
  }

  /**
   * @param revision another one makes all texts anew.
   * @param make gives the text of this query; what it throws is not kept.
   */
  text(revision: string, query: string, make: () => string): string {
    if (revision !== this.#revision) {
      this.#texts.clear();
      this.#revision = revision;
    }
    const known = this.#texts.get(query);
    if (known !== undefined) return known;
    const text = make();
    if (this.#texts.size < MOST_TEXTS) this.#texts.set(query, text);
    return text;
  }
}
