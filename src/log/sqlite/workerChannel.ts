/**
 * Requests to a worker thread and its answers. The worker answers each request once, in the order of
 * the requests, so that an answer always belongs to the oldest unanswered request.
 */
import type { Worker } from 'node:worker_threads';
import { Replies, type ReplyWay } from './replyWay.ts';

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerChannel<Request, Reply> {
  readonly #worker: Worker;
  readonly #waiting: Waiting<Reply>[] = [];
  readonly #exited: Promise<void>;
  readonly #replies: Replies<Reply> | null;
  /** The reason why the worker no longer answers. */
  #death: Error | null = null;

  /**
   * @param worker must answer each message once, in order; nobody else may talk to it.
   * @param replyWay the way by which it answers; null: by its own port.
   */
  constructor(worker: Worker, replyWay: ReplyWay | null = null) {
    this.#worker = worker;
    const take = (reply: Reply): void => this.#waiting.shift()?.resolve(reply);
    this.#replies = replyWay && new Replies(replyWay, take);
    if (replyWay === null) worker.on('message', take);
    worker.on('messageerror', (error: Error) => this.#die(error));
    worker.on('error', (error: unknown) =>
      this.#die(error instanceof Error ? error : new Error(String(error))),
    );
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.takeSent();
        this.#die(new Error(`a worker thread of the log ended with code ${code}`));
        resolve();
      });
    });
  }

  /** @throws Error if the worker has died, or dies before it answers: the outcome is unknown. */
  request(request: Request): Promise<Reply> {
    if (this.#death !== null) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  /** Resolves the requests that were answered in this turn, if the worker has a way for that. @returns whether there were any. */
  takeSent(): boolean {
    return this.#replies?.takeSent() ?? false;
  }

  /** Resolves once the thread has ended by itself. */
  exited(): Promise<void> {
    return this.#exited;
  }

  #die(error: Error): void {
    this.#death ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#death);
  }
}
