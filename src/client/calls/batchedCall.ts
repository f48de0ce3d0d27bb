/** One call of a user that waits for its op's outcome, alone or among others. */

import type { Settled } from './opSender.ts';
import type { Op } from './ops.ts';
import { onAbort } from './timing.ts';

export class BatchedCall {
  readonly op: Op;
  /** Tokens that it has to see, where it reads. */
  readonly after: string | null;
  /** Rejects with the signal's reason as soon as that aborts. */
  readonly outcome: Promise<Settled>;
  /** Told once, when nobody waits for the outcome any more or it is there. */
  onOver: () => void = () => {};
  #isOver = false;
  #resolve: (settled: Settled) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  readonly #release: () => void;

  constructor(op: Op, after: string | null, signal: AbortSignal | undefined) {
    this.op = op;
    this.after = after;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#release = onAbort(signal, (reason) => this.fail(reason));
    if (signal?.aborted) this.fail(signal.reason);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  settle(settled: Settled): void {
    if (this.#end()) this.#resolve(settled);
  }

  fail(reason: unknown): void {
    if (this.#end()) this.#reject(reason);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#release();
    this.onOver();
    return true;
  }
}
