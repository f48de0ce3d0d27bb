/** Expiries that are remembered for watchers that come back. */
import { compareExpiry } from '../words/expiryMark.ts';
import type { EntryHead } from '../words/op.ts';

/** The record of an entry that has expired and was collected. */
export type Expired = Pick<EntryHead, 'key' | 'version' | 'expiresAt' | 'origin' | 'seq'>;

/** The last of many expiries, which may come in any order; of each key the one that came last. */
export class LatestExpiries {
  readonly #limit: number;
  #byKey = new Map<string, Expired>();
  #hasDropped: boolean;

  /** @param isComplete whether none was left out before those that are added. */
  constructor(limit: number, isComplete = true) {
    this.#limit = limit;
    this.#hasDropped = !isComplete;
  }

  /** An entry was collected. A tombstone takes the place of an earlier expiry of its key. */
  add({ key, version, expiresAt, origin, seq }: Expired): void {
    this.#byKey.delete(key);
    if (expiresAt === null) return;
    this.#byKey.set(key, { key, version, expiresAt, origin, seq });
    if (this.#byKey.size > 2 * this.#limit) this.#cut();
  }

  /** The expiries in order. `isComplete`: none was left out before the first. */
  take(): { readonly expired: readonly Expired[]; readonly isComplete: boolean } {
    const expired = this.#cut();
    return { expired, isComplete: !this.#hasDropped };
  }

  #cut(): Expired[] {
    const expired = [...this.#byKey.values()].sort(compareExpiry);
    if (expired.length <= this.#limit) return expired;
    this.#hasDropped = true;
    const latest = expired.slice(-this.#limit);
    this.#byKey = new Map(latest.map((one) => [one.key, one]));
    return latest;
  }
}
