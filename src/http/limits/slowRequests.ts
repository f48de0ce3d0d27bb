/**
 * The slow class: requests that cost a hundred times as much as a GET (the past of a key, the log, metrics,
 * long lists). A bounded number of them is under way at one time, so that they never crowd out the others.
 *
 * A request counts while the node works for it, not while its client reads the answer: clients that read
 * slowly must not keep others out, and unread answers have a bound of their own.
 */
import type { Limits } from '../../words/limits.ts';
import { tooManySlow } from './quotas.ts';

/** A list of at most so many entries is not slow. */
export const QUICK_LIST_ENTRIES = 100;

export class SlowRequests {
  underWay = 0;
  refused = 0;
  readonly #maxSlowRequests: number;

  constructor({ maxSlowRequests }: Pick<Limits, 'maxSlowRequests'>) {
    this.#maxSlowRequests = maxSlowRequests;
  }

  /** @throws Problem 429 if too many are under way. */
  async run<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.underWay >= this.#maxSlowRequests) {
      this.refused++;
      throw tooManySlow();
    }
    this.underWay++;
    try {
      return await work();
    } finally {
      this.underWay--;
    }
  }
}
