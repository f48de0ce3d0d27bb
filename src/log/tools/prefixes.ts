/** The busy prefixes of keys. A prefix ends with the first of `: / . |` in the key. */

export interface PrefixTally {
  readonly prefix: string;
  ops: number;
  bytes: number;
}

const SEPARATORS = new Set([...':/.|'].map((separator) => separator.charCodeAt(0)));
/** The search for a separator ends after this many UTF-16 code units. */
const LONGEST_PREFIX = 64;
/**
 * The most prefixes counted one by one; the others count as one, because all keys may differ from their
 * first letter on.
 */
const MAX_PREFIXES = 8192;

/** The whole key if it has no separator near its beginning. */
export function prefixOf(key: string): string {
  const end = Math.min(key.length, LONGEST_PREFIX);
  for (let index = 0; index < end; index++)
    if (SEPARATORS.has(key.charCodeAt(index))) return key.slice(0, index + 1);
  return key.slice(0, end);
}

export class Prefixes {
  readonly #tallies = new Map<string, PrefixTally>();
  readonly #others: PrefixTally = { prefix: '', ops: 0, bytes: 0 };

  tallyOf(key: string): PrefixTally {
    const prefix = prefixOf(key);
    const known = this.#tallies.get(prefix);
    if (known !== undefined) return known;
    if (this.#tallies.size >= MAX_PREFIXES) return this.#others;
    const tally = { prefix, ops: 0, bytes: 0 };
    this.#tallies.set(prefix, tally);
    return tally;
  }

  /** The busiest, by ops. */
  busiest(count: number): PrefixTally[] {
    return [...this.#tallies.values()]
      .sort((a, b) => b.ops - a.ops || (a.prefix < b.prefix ? -1 : 1))
      .slice(0, count);
  }
}
