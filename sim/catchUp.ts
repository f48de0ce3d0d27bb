/**
 * Rule 8, seen from outside: a member that starts writes nothing before it holds all ops that a member
 * held at its start or, if it reaches none, before the join timeout.
 */
import type { ObservedNode, WriteGuard } from './observed.ts';
import type { Witness } from './witness.ts';

interface Other {
  readonly node: ObservedNode;
  readonly witness: Witness;
  readonly vector: ReadonlyMap<string, number>;
}

export class CatchUp implements WriteGuard {
  readonly #startedMs: number;
  readonly #joinTimeoutMs: number;
  readonly #others: readonly Other[];
  /** Who may write once goes on to, whatever it learns of later. */
  #mayWrite = false;

  constructor(others: readonly ObservedNode[], startedMs: number, joinTimeoutMs: number) {
    this.#startedMs = startedMs;
    this.#joinTimeoutMs = joinTimeoutMs;
    this.#others = others.map((node) => {
      const { witness } = node;
      return { node, witness, vector: new Map(witness.vector) };
    });
  }

  /**
   * @param vector of the log that an op is born in.
   * @param forked origins that nobody takes any more of (rule 11).
   * @param isAlone whether the log counts no other member. @returns whether it may be by now.
   */
  mayWrite(
    vector: ReadonlyMap<string, number>,
    forked: ReadonlySet<string>,
    isAlone: boolean,
    nowMs: number,
  ): boolean {
    this.#mayWrite ||= isAlone || this.#holdsEnough(vector, forked, nowMs);
    return this.#mayWrite;
  }

  #holdsEnough(
    vector: ReadonlyMap<string, number>,
    forked: ReadonlySet<string>,
    nowMs: number,
  ): boolean {
    if (nowMs - this.#startedMs >= this.#joinTimeoutMs) return true;
    // A node whose log was exchanged since then may hold less than it did.
    if (this.#others.some(({ node, witness }) => node.witness !== witness)) return true;
    // Any node that held something: it may be a member under an origin that this one has not heard of yet.
    const holding = this.#others.filter(({ vector: theirs }) => theirs.size > 0);
    const includes = ({ vector: theirs }: Other): boolean =>
      [...theirs].every(([origin, seq]) => forked.has(origin) || (vector.get(origin) ?? 0) >= seq);
    return holding.length === 0 || holding.some(includes);
  }
}
