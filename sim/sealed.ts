/** The origins that were retired, and the seqs at which they were closed (rule 13), as the oracle reads ops. */
import type { Op } from '../src/words/op.ts';

export class Sealed {
  readonly #retired = new Set<string>();
  readonly #closedAt = new Map<string, number>();

  copy(): Sealed {
    const copy = new Sealed();
    for (const origin of this.#retired) copy.#retired.add(origin);
    for (const [origin, seq] of this.#closedAt) copy.#closedAt.set(origin, seq);
    return copy;
  }

  take({ kind, key, value }: Op): void {
    if (kind === 'retire') this.#retired.add(key);
    if (kind !== 'join' || value === null) return;
    const { closedAt } = JSON.parse(value) as { closedAt?: number };
    if (closedAt !== undefined)
      this.#closedAt.set(key, Math.max(closedAt, this.#closedAt.get(key) ?? 0));
  }

  isRetired(origin: string): boolean {
    return this.#retired.has(origin);
  }

  /** How many were closed. */
  get count(): number {
    return this.#closedAt.size;
  }

  /** The last seq that anybody may hold of the origin; undefined while it is open. */
  lastSeqOf(origin: string): number | undefined {
    return this.#closedAt.get(origin);
  }

  /** Whether a log that holds the origin up to there has closed it. */
  isClosedAt(origin: string, seq: number): boolean {
    return this.#retired.has(origin) && this.#closedAt.get(origin) === seq;
  }
}
