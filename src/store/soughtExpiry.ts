/** A place in the order `(expiresAt, origin, seq)`; the slot tells apart entries that share an op id. */
import type { Expiring } from '../words/expiryMark.ts';

export class SoughtExpiry {
  /** UTC milliseconds. */
  expiresAt = 0;
  #origin = '';
  #seq = 0;
  #slot = 0;

  set({ expiresAt, origin, seq }: Expiring, slot: number): void {
    this.expiresAt = expiresAt ?? 0;
    this.#origin = origin;
    this.#seq = seq;
    this.#slot = slot;
  }

  /** Orders two of one millisecond. @returns negative if this comes first, 0 for the same slot. */
  compareId({ origin, seq }: Pick<Expiring, 'origin' | 'seq'>, slot: number): number {
    if (this.#origin !== origin) return this.#origin < origin ? -1 : 1;
    return this.#seq - seq || this.#slot - slot;
  }
}
