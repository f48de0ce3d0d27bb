/**
 * Rule 8, seen from outside: a member that starts writes nothing before it holds what a member held
 * when it started, or before the join timeout where it reaches none.
 */
import type { SimNode } from './node.ts';
import type { Witness } from './witness.ts';

interface Other {
  readonly node: SimNode;
  readonly witness: Witness;
  readonly vector: ReadonlyMap<string, number>;
}

export class CatchUp {
  readonly #startedMs: number;
  readonly #joinTimeoutMs: number;
  readonly #others: readonly Other[];

  constructor(others: readonly SimNode[], startedMs: number, joinTimeoutMs: number) {
    this.#startedMs = startedMs;
    this.#joinTimeoutMs = joinTimeoutMs;
    this.#others = others.map((node) => {
      const { witness } = node;
      return { node, witness, vector: new Map(witness.vector) };
    });
  }

  /** @param vector of the log that an op is born in. @returns whether it may be by now. */
  mayWrite(vector: ReadonlyMap<string, number>, nowMs: number): boolean {
    if (nowMs - this.#startedMs >= this.#joinTimeoutMs || this.#others.length === 0) return true;
    return this.#others.some(
      // Whose log was exchanged since then may hold less than it did.
      ({ node, witness, vector: theirs }) =>
        node.witness !== witness ||
        [...theirs].every(([origin, seq]) => (vector.get(origin) ?? 0) >= seq),
    );
  }
}
