/** The log of a plain cache: a thread writes rows, and those that come during a commit make the next one. */
import { Worker } from 'node:worker_threads';

export class PlainLog {
  readonly #worker: Worker;
  #rows: string[] = [];
  #waiting: (() => void)[] = [];
  #underWay: readonly (() => void)[] | null = null;

  /** @param file of the database, which must not exist. */
  constructor(file: string) {
    this.#worker = new Worker(new URL('./plainLogWorker.ts', import.meta.url), {
      workerData: file,
    });
    this.#worker.on('error', (error) => {
      throw error;
    });
    this.#worker.on('message', () => {
      const committed = this.#underWay ?? [];
      this.#underWay = null;
      this.#commit();
      for (const tell of committed) tell();
    });
  }

  /** @param committed is called once the rows are on the disk. */
  append(rows: readonly string[], committed: () => void): void {
    this.#rows.push(...rows);
    this.#waiting.push(committed);
    // Requests that are read together are committed together.
    if (this.#underWay === null && this.#waiting.length === 1) setImmediate(() => this.#commit());
  }

  #commit(): void {
    if (this.#underWay !== null || this.#rows.length === 0) return;
    this.#underWay = this.#waiting;
    this.#worker.postMessage(this.#rows);
    this.#rows = [];
    this.#waiting = [];
  }
}
