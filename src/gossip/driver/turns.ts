/**
 * Answers that walk the map or the log: one at a time for each peer, so that no peer keeps this node busy with
 * short questions.
 */
import type { ConnectionId } from '../transport.ts';

/**
 * The most questions of one peer that wait or are being answered; further ones get no answer. It is no setting: a
 * repair asks for this number of buckets and once for all sums, and nothing else asks twice at once.
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
  readonly #pause: () => Promise<void>;

  /** @param pause settles once what else waits for the thread has had its turn: it comes before each answer. */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** @param answer runs after the peer's earlier questions. Rejects as `answer` does. */
  async take(connection: ConnectionId, answer: () => Promise<void>): Promise<void> {
    const line = this.#lines.get(connection) ?? { length: 0, last: Promise.resolve() };
    if (line.length >= MAX_QUESTIONS) {
      this.shed++;
      return;
    }
    this.#lines.set(connection, line);
    line.length++;
    const isGone = (): boolean => this.#lines.get(connection) !== line;
    const turn = line.last.then(this.#pause).then(() => (isGone() ? undefined : answer()));
    line.last = turn.catch(() => {});
    try {
      await turn;
    } finally {
      if (--line.length === 0 && !isGone()) this.#lines.delete(connection);
    }
  }

  /** The connection is gone, so nobody waits for the answers. */
  drop(connection: ConnectionId): void {
    this.#lines.delete(connection);
  }
}
