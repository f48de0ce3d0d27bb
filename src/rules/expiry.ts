/** Expiries that are remembered for watchers that come back. */
import { compareExpiry } from '../words/expiryMark.ts';
import type { EntryHead } from '../words/op.ts';

/** The record of an entry that has expired and was collected. */
export type Expired = Pick<EntryHead, 'key' | 'version' | 'expiresAt' | 'origin' | 'seq'>;

/** The last of many expiries, which may come in any order. */
export class LatestExpiries {
  readonly #limit: number;
  #expired: Expired[] = [];
  #hasDropped = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ key, version, expiresAt, origin, seq }: Expired): void {
    if (expiresAt === null) return;
    this.#expired.push({ key, version, expiresAt, origin, seq });
    if (this.#expired.length > 2 * this.#limit) this.#cut();
  }

  /** The expiries in order. `isComplete`: none was left out before the first. */
  take(): { readonly expired: readonly Expired[]; readonly isComplete: boolean } {
    this.#cut();
    return { expired: this.#expired, isComplete: !this.#hasDropped };
  }

  #cut(): void {
    this.#expired.sort(compareExpiry);
    if (this.#expired.length <= this.#limit) return;
    this.#hasDropped = true;
    this.#expired = this.#expired.slice(-this.#limit);
  }
}
