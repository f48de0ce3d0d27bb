/**
 * The things that go on under a caller's proof, such as watches.
 *
 * Invariant: once a proof counts no more, all that goes on under it is ended, each once.
 */
import { type Caller, hasExpired, type Proof } from '../../access/caller.ts';

export class HeldProofs {
  /** Proof → the ends of what goes on under it. */
  readonly #ends = new Map<Proof, Set<() => void>>();
  readonly #watches = new Map<Proof, number>();

  proofs(): Proof[] {
    return [...this.#ends.keys()];
  }

  /**
   * Calls `end` once the proof counts no more.
   *
   * @returns a function to call when there is nothing left to end.
   */
  hold({ proof }: Caller, end: () => void): () => void {
    const ends = this.#ends.get(proof) ?? new Set();
    this.#ends.set(proof, ends);
    ends.add(end);
    return () => {
      ends.delete(end);
      if (ends.size === 0 && this.#ends.get(proof) === ends) this.#ends.delete(proof);
    };
  }

  /**
   * Counts a watch of the caller, and ends it as `hold` does.
   *
   * @returns a function to call when the watch has ended; null if the caller has as many as it may.
   */
  holdWatch(caller: Caller, end: () => void): (() => void) | null {
    const { proof, limits } = caller;
    const count = this.#watches.get(proof) ?? 0;
    if (limits.watchers !== null && count >= limits.watchers) return null;
    this.#watches.set(proof, count + 1);
    const release = this.hold(caller, end);
    return () => {
      release();
      const left = (this.#watches.get(proof) ?? 1) - 1;
      if (left > 0) this.#watches.set(proof, left);
      else this.#watches.delete(proof);
    };
  }

  end(proof: Proof): void {
    const ends = this.#ends.get(proof) ?? new Set();
    this.#ends.delete(proof);
    for (const end of ends) end();
  }

  endExpired(nowMs: number): void {
    for (const proof of this.proofs()) if (hasExpired(proof, nowMs)) this.end(proof);
  }
}
