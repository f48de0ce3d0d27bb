/** Expiries that are remembered for watchers that come back. */
import {
  compareExpiry,
  type ExpiryMark,
  expiredBy,
  markOfEntry,
  NO_EXPIRIES,
} from '../words/expiryMark.ts';
import type { EntryHead } from '../words/op.ts';

/** The record of an entry that has expired and was collected. */
export type Expired = Pick<EntryHead, 'key' | 'version' | 'expiresAt' | 'origin' | 'seq'>;

/**
 * The last of many expiries, which may come in any order; of each key the one that came last.
 *
 * Invariant: it holds every expiry after `knownSince` that was added, and none before.
 */
export class LatestExpiries {
  readonly #limit: number;
  #byKey = new Map<string, Expired>();
  #knownSince: ExpiryMark;

  /** @param knownSince expiries up to there are not kept: some of them may be missing. */
  constructor(limit: number, knownSince: ExpiryMark = NO_EXPIRIES) {
    this.#limit = limit;
    this.#knownSince = knownSince;
  }

  /** An entry was collected. A tombstone takes the place of an earlier expiry of its key. */
  add({ key, version, expiresAt, origin, seq }: Expired): void {
    this.#byKey.delete(key);
    if (expiresAt === null || expiredBy(this.#knownSince, { expiresAt, origin, seq })) return;
    this.#byKey.set(key, { key, version, expiresAt, origin, seq });
    if (this.#byKey.size > 2 * this.#limit) this.#cut();
  }

  /** The expiries in order: all after `knownSince`. */
  take(): { readonly expired: readonly Expired[]; readonly knownSince: ExpiryMark } {
    const expired = this.#cut();
    return { expired, knownSince: this.#knownSince };
  }

  #cut(): Expired[] {
    const expired = [...this.#byKey.values()].sort(compareExpiry);
    if (expired.length <= this.#limit) return expired;
    const latest = expired.splice(-this.#limit);
    const lastDropped = expired.at(-1);
    if (lastDropped !== undefined) this.#knownSince = markOfEntry(lastDropped);
    this.#byKey = new Map(latest.map((one) => [one.key, one]));
    return latest;
  }
}
