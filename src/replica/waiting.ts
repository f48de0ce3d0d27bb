/** A request or delta that waits in the commit queue, and its end. */
import type { Batch } from '../rules/decide.ts';

/** The weight of a waiting request or delta against the bounds of the queue. */
export interface Weight {
  readonly ops: number;
  readonly bytes: number;
}

/** Waits, and is told what has become of it: of `fail` and `answer` one is called, once. */
export interface Waiting {
  readonly weight: Weight;
  /** Whether its decision looks at nothing but the batch, so that it may be decided ahead. */
  readonly isOfBatchAlone: boolean;
  /**
   * Changes nothing but the batch, and may be called again with another batch: what else follows belongs into `folded`.
   * An error that it throws fails this one alone; the others that wait are decided without it.
   */
  decide(batch: Batch): void;
  /** Called after the fold, before anything of the batch is answered. */
  folded(): void;
  /** Called before listeners are told: it settles a promise, and calls nobody. */
  settle(): void;
  /** Called once listeners were told, since answers take longer: each is a call of the system. It does not throw. */
  answer(): void;
  /** Called with the error of its own `decide`, or of the commit. It does not throw. */
  fail(error: unknown): void;
}

export interface EnqueueOptions<T> {
  /** Called with the result after the fold, before any request is answered. */
  readonly folded?: (result: T) => void;
  /** As of `Waiting`; by default false. */
  readonly isOfBatchAlone?: boolean;
}

/** Waits for the sake of a promise. */
export class Promised<T> implements Waiting {
  readonly weight: Weight;
  readonly isOfBatchAlone: boolean;
  readonly #decide: (batch: Batch) => T;
  readonly #folded: ((result: T) => void) | undefined;
  readonly #resolve: (result: T) => void;
  readonly fail: (error: unknown) => void;
  #result: { readonly value: T } | null = null;

  constructor(
    weight: Weight,
    decide: (batch: Batch) => T,
    { folded, isOfBatchAlone = false }: EnqueueOptions<T>,
    { resolve, reject }: Pick<PromiseWithResolvers<T>, 'resolve' | 'reject'>,
  ) {
    this.weight = weight;
    this.isOfBatchAlone = isOfBatchAlone;
    this.#decide = decide;
    this.#folded = folded;
    this.#resolve = resolve;
    this.fail = reject;
  }

  decide(batch: Batch): void {
    this.#result = { value: this.#decide(batch) };
  }

  folded(): void {
    if (this.#result !== null) this.#folded?.(this.#result.value);
  }

  settle(): void {
    if (this.#result !== null) this.#resolve(this.#result.value);
  }

  answer(): void {}
}
