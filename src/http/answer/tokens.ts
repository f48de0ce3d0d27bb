/** Tokens of answers: a client sends one as `Hearsay-After` to read its own writes. */

import type { Replica } from '../../replica/replica.ts';
import { encodeWholeToken, TokenWriter } from '../../words/cursor.ts';
import type { BatchOutcome, Outcome } from '../../words/requests.ts';

export class Tokens {
  readonly #replica: Pick<Replica, 'header' | 'vector' | 'closings'>;

  readonly #writer = new TokenWriter();

  constructor(replica: Pick<Replica, 'header' | 'vector' | 'closings'>) {
    this.#replica = replica;
  }

  /** The token of the logged op, or of the whole vector if nothing was logged. */
  ofOutcome(outcome: Outcome): string {
    const op = outcome.kind === 'stored' || outcome.kind === 'deleted' ? outcome.op : null;
    return op === null ? this.whole() : this.#writer.token(this.#cluster, op);
  }

  /** The token of many outcomes: their last op stands for all earlier ops of this node. */
  ofOutcomes(outcomes: readonly BatchOutcome[]): string {
    const loggedAll = outcomes.every(({ kind }) => kind === 'stored' || isOfGet(kind));
    const last = loggedAll ? outcomes.findLast((outcome) => outcome.kind === 'stored') : undefined;
    return last === undefined ? this.whole() : this.ofOutcome(last);
  }

  whole(): string {
    const { vector, closings } = this.#replica;
    return encodeWholeToken(this.#cluster, vector, closings.pair);
  }

  get #cluster(): string {
    return this.#replica.header.clusterId ?? '';
  }
}

const isOfGet = (kind: BatchOutcome['kind']): boolean =>
  kind === 'found' || kind === 'absent' || kind === 'leftOut';
