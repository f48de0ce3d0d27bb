/**
 * One link as ops spread over it: whether it is eager, and what the peer has shown that it holds.
 *
 * Invariant: a link is eager at first, and whatever a peer has shown, it holds.
 */
import { type MutableVector, raise, seqOf, type Vector } from '../../words/vector.ts';

/** Seqs that a lazy link has told, and the time since which this node has lacked some of their ops. */
export interface Told {
  readonly vector: Vector;
  readonly sinceMs: number;
}

export class Link {
  #isEager = true;
  /** Pushes in a row that brought nothing new. */
  #useless = 0;
  readonly #shown: MutableVector = new Map();
  #told: Told | null = null;

  get isEager(): boolean {
    return this.#isEager;
  }

  becomes(kind: 'eager' | 'lazy'): void {
    this.#isEager = kind === 'eager';
    this.#useless = 0;
  }

  /** @returns the number of pushes in a row that brought nothing new. */
  pushBrought(ops: number): number {
    this.#useless = ops > 0 ? 0 : this.#useless + 1;
    return this.#useless;
  }

  shows(origin: string, seq: number): void {
    raise(this.#shown, origin, seq);
  }

  /** Whether the peer has shown that it holds the origin's ops up to the seq. */
  holds(origin: string, seq: number): boolean {
    return seqOf(this.#shown, origin) >= seq;
  }

  /** The seqs that were told first and whose ops have not come yet; null if there are none. */
  get told(): Told | null {
    return this.#told;
  }

  tells(vector: Vector, nowMs: number): void {
    this.#told ??= { vector, sinceMs: nowMs };
  }

  /** The ops that it told of are late, and are pulled elsewhere. */
  waitsAgain(nowMs: number): void {
    if (this.#told !== null) this.#told = { ...this.#told, sinceMs: nowMs };
  }

  forgetsTold(): void {
    this.#told = null;
  }
}
