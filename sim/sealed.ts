/** The origins that were retired, and the seqs at which they were closed (rule 13), as the oracle reads ops. */
import { formatOpId, type Op } from '../src/words/op.ts';

export class Sealed {
  readonly #retired = new Set<string>();
  readonly #closings = new Map<
    string,
    { readonly seq: number; readonly by: string | undefined }[]
  >();
  readonly #retireIds = new Set<string>();

  copy(): Sealed {
    const copy = new Sealed();
    for (const origin of this.#retired) copy.#retired.add(origin);
    for (const [origin, closings] of this.#closings) copy.#closings.set(origin, closings);
    for (const id of this.#retireIds) copy.#retireIds.add(id);
    return copy;
  }

  take(op: Op): void {
    const { kind, key, value } = op;
    if (kind === 'retire') {
      this.#retired.add(key);
      this.#retireIds.add(formatOpId(op));
    }
    if (kind !== 'join' || value === null) return;
    const { closedAt: seq, by } = JSON.parse(value) as { closedAt?: number; by?: string };
    if (seq !== undefined)
      this.#closings.set(key, [...(this.#closings.get(key) ?? []), { seq, by }]);
  }

  isRetired(origin: string): boolean {
    return this.#retired.has(origin);
  }

  /** How many were closed. */
  get count(): number {
    return [...this.#closings.keys()].filter((key) => this.lastSeqOf(key) !== undefined).length;
  }

  /** The last seq that anybody may hold of the origin; undefined while it is open. */
  lastSeqOf(origin: string): number | undefined {
    const closings = this.#closings.get(origin) ?? [];
    const counted = closings.filter(({ by }) => by === undefined || this.#retireIds.has(by));
    return counted.length === 0 ? undefined : Math.max(...counted.map(({ seq }) => seq));
  }

  /** Whether a log that holds the origin up to there has closed it. */
  isClosedAt(origin: string, seq: number): boolean {
    return this.#retired.has(origin) && this.lastSeqOf(origin) === seq;
  }
}
