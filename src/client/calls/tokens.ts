/**
 * The writes that this client's reads must see. A token stands for one write of one node and all of
 * that node's earlier ones. So the last token from each endpoint stands for all writes, and no more is
 * kept.
 */
export class WriteTokens {
  #given: string | null;
  readonly #lastOf = new Map<string, string>();

  /** @param given another client's token. */
  constructor(given: string | null) {
    this.#given = given;
  }

  remember(endpoint: string, token: string): void {
    this.#lastOf.set(endpoint, token);
  }

  forget(): void {
    this.#given = null;
    this.#lastOf.clear();
  }

  /** The tokens separated by commas, as the header takes them; null if there are none. */
  get all(): string | null {
    return joinTokens([this.#given, ...this.#lastOf.values()]);
  }
}

/** Each token once; null if there are none. */
export function joinTokens(tokens: readonly (string | null | undefined)[]): string | null {
  const given = tokens.flatMap((token) => token?.split(',') ?? []);
  const distinct = new Set(given.map((token) => token.trim()).filter((token) => token !== ''));
  return distinct.size === 0 ? null : [...distinct].join(',');
}
