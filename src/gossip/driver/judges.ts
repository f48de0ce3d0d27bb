/**
 * Asks peers how they judge lost ops (rule 12), and gives this node's own judgements. An answer names
 * its question: one that comes late, or to another question, is ignored.
 */
import { type AskJudge, type JudgedPage, judgedPage } from '../../replica/judgement.ts';
import type { Replica } from '../../replica/replica.ts';
import { includes, MAX_ORIGINS, type Vector } from '../../words/vector.ts';
import { encodeMessage, type JudgedMessage, type JudgeMessage } from '../protocol/messages.ts';
import type { ConnectionId } from '../transport.ts';

export interface JudgesOptions {
  readonly replica: Replica;
  readonly send: (connection: ConnectionId, text: string) => void;
  readonly isOpen: (connection: ConnectionId) => boolean;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  readonly timeoutMs: number;
}

interface Question {
  readonly connection: ConnectionId;
  readonly until: number;
  readonly settle: (page: JudgedPage | null) => void;
}

export class Judges {
  readonly #options: JudgesOptions;
  readonly #questions = new Map<number, Question>();
  #lastQuestion = 0;

  constructor(options: JudgesOptions) {
    this.#options = options;
  }

  /** @param base the vector that this node was welcomed with. */
  of(connection: ConnectionId, base: Vector): AskJudge {
    const { send, isOpen, steadyMs, timeoutMs } = this.#options;
    return (held, after) =>
      new Promise((resolve) => {
        if (!isOpen(connection)) return resolve(null);
        const re = ++this.#lastQuestion;
        const settle = (page: JudgedPage | null): void => {
          this.#questions.delete(re);
          resolve(page);
        };
        this.#questions.set(re, { connection, until: steadyMs() + timeoutMs, settle });
        const told = { held: shortened(held), base: this.#withoutClosed(base) };
        send(connection, encodeMessage({ type: 'judge', re, ...told, after }));
      });
  }

  /** The base without closed origins, of which every member holds all ops. */
  #withoutClosed(base: Vector): Vector {
    const { closings } = this.#options.replica;
    return new Map([...base].filter(([origin]) => !closings.has(origin)));
  }

  async take(connection: ConnectionId, message: JudgeMessage | JudgedMessage): Promise<void> {
    if (message.type === 'judge') await this.#answer(connection, message);
    else this.#answered(connection, message);
  }

  #answered(connection: ConnectionId, answer: JudgedMessage): void {
    const { re, ops, next, complete, cutAt: cutAtMs, includesBase } = answer;
    const question = this.#questions.get(re);
    if (question?.connection !== connection) return;
    question.settle(includesBase ? { ops, next, isComplete: complete, cutAtMs } : null);
  }

  async #answer(connection: ConnectionId, { re, held, base, after }: JudgeMessage): Promise<void> {
    const { replica, send } = this.#options;
    const includesBase = includes(replica.vector, base);
    const page = includesBase ? await judgedPage(replica, held, after) : NO_PAGE;
    const { ops, next, isComplete: complete, cutAtMs: cutAt } = page;
    const judged = { type: 'judged', re, includesBase, ops, complete, cutAt, next } as const;
    send(connection, encodeMessage(judged));
  }

  /** The connection is gone, so no answer will come. */
  drop(connection: ConnectionId): void {
    for (const question of [...this.#questions.values()])
      if (question.connection === connection) question.settle(null);
  }

  /** Gives up overdue questions. */
  tick(): void {
    const nowMs = this.#options.steadyMs();
    for (const { until, settle } of [...this.#questions.values()]) if (nowMs > until) settle(null);
  }
}

/** The part that a message may name. A judge takes the rest for unknown, and may then not be complete. */
const shortened = (held: Vector): Vector =>
  held.size <= MAX_ORIGINS ? held : new Map([...held].slice(-MAX_ORIGINS));

const NO_PAGE: JudgedPage = { ops: [], next: null, isComplete: false, cutAtMs: null };
