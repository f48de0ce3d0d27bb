/**
 * Answers that walk the map or the log: one at a time for each peer, so that nobody keeps this node busy by
 * short questions.
 */
import type { ConnectionId } from '../transport.ts';

/**
 * The most questions of one peer that wait or are answered; further ones get no answer. No setting: a repair
 * asks for so many buckets and once for all sums, and nothing else asks twice at once.
 */
export const MAX_QUESTIONS = 17;

interface Line {
  length: number;
  last: Promise<void>;
}

export class Turns {
  /** The number of questions that got no answer. */
  shed = 0;
  readonly #lines = new Map<ConnectionId, Line>();

  /** @param answer is carried out after those that the peer asked for before. Rejects as that does. */
  async take(connection: ConnectionId, answer: () => Promise<void>): Promise<void> {
    const line = this.#lines.get(connection) ?? { length: 0, last: Promise.resolve() };
    if (line.length >= MAX_QUESTIONS) {
      this.shed++;
      return;
    }
    this.#lines.set(connection, line);
    line.length++;
    const isGone = (): boolean => this.#lines.get(connection) !== line;
    const turn = line.last.then(() => (isGone() ? undefined : answer()));
    line.last = turn.catch(() => {});
    try {
      await turn;
    } finally {
      if (--line.length === 0 && !isGone()) this.#lines.delete(connection);
    }
  }

  /** The connection is gone: nobody waits any more. */
  drop(connection: ConnectionId): void {
    this.#lines.delete(connection);
  }
}
