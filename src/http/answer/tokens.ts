/** Tokens of answers: what a client passes on in `Hearsay-After` to read what it has written. */

import type { Replica } from '../../replica/replica.ts';
import { encodeToken, encodeWholeToken } from '../../words/cursor.ts';
import type { Outcome } from '../../words/requests.ts';

export class Tokens {
  readonly #replica: Pick<Replica, 'header' | 'vector'>;

  constructor(replica: Pick<Replica, 'header' | 'vector'>) {
    this.#replica = replica;
  }

  /** Of the op that the outcome logged; where it logged none, of everything that it was decided by. */
  ofOutcome(outcome: Outcome): string {
    const op = outcome.kind === 'stored' || outcome.kind === 'deleted' ? outcome.op : null;
    return op === null ? this.whole() : encodeToken(this.#cluster, op);
  }

  /** The same of many: the last op stands for all of this node's before it. */
  ofOutcomes(outcomes: readonly Outcome[]): string {
    const loggedAll = outcomes.every(
      ({ kind }) => kind === 'stored' || kind === 'found' || kind === 'absent',
    );
    const last = loggedAll ? outcomes.findLast(({ kind }) => kind === 'stored') : undefined;
    return last === undefined ? this.whole() : this.ofOutcome(last);
  }

  whole(): string {
    return encodeWholeToken(this.#cluster, this.#replica.vector);
  }

  get #cluster(): string {
    return this.#replica.header.clusterId ?? '';
  }
}
