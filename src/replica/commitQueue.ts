/**
 * Rule 5: requests and deltas wait undecided in one bounded queue. When no commit is under way, the
 * whole queue is decided in order and committed in one transaction; then each is answered.
 */

import type { Batch } from '../rules/decide.ts';
import {
  BrokenInvariantError,
  CommitFailedError,
  DiskFullError,
  DuplicateOpError,
  type HearsayError,
  OverloadedError,
  StoppedError,
} from '../words/errors.ts';
import { RETRY_AFTER_MS } from '../words/time.ts';

export interface QueueLimits {
  readonly maxQueuedOps: number;
  readonly maxQueuedBytes: number;
}

/** The steps that the queue takes with a batch. */
export interface Commits {
  /** Makes a batch against the state after the last commit. */
  begin(): Batch;
  /**
   * Appends and folds. @throws DiskFullError if nothing is stored; after any other error the outcome is
   * unknown.
   */
  commit(batch: Batch): Promise<void>;
  /** Called after every waiting request was answered. */
  committed(batch: Batch): void;
  /** A commit failed with an unknown outcome, or could not be decided: the queue takes no more. */
  failed(error: HearsayError): void;
}

/** The weight of a waiting request or delta against the bounds of the queue. */
export interface Weight {
  readonly ops: number;
  readonly bytes: number;
}

interface Waiting {
  readonly decide: (batch: Batch) => void;
  readonly folded: () => void;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
}

/** A batch, and the requests that it answers. */
interface Decided {
  readonly batch: Batch;
  readonly waiting: readonly Waiting[];
}

export class CommitQueue {
  readonly #limits: QueueLimits;
  readonly #commits: Commits;
  #waiting: Waiting[] = [];
  #ops = 0;
  #bytes = 0;
  #committing: Promise<void> | null = null;
  #stopped = false;

  constructor(limits: QueueLimits, commits: Commits) {
    this.#limits = limits;
    this.#commits = commits;
  }

  get ops(): number {
    return this.#ops;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param decide its result is the value of the promise once the batch is committed. It changes nothing but
   *   the batch, and may be called again with another batch: what else follows belongs into `folded`. An
   *   error that it throws is the promise's own; the others that wait are decided without it.
   * @param folded called with the result after the fold, before any request is answered.
   * @throws OverloadedError, DiskFullError, StoppedError: nothing is stored.
   * @throws CommitFailedError: the outcome is unknown.
   */
  enqueue<T>(
    weight: Weight,
    decide: (batch: Batch) => T,
    folded?: (result: T) => void,
  ): Promise<T> {
    if (this.#stopped) return Promise.reject(new StoppedError());
    if (this.#isFull(weight)) return Promise.reject(new OverloadedError(RETRY_AFTER_MS));
    return new Promise((resolve, reject) => {
      let result: T;
      this.#waiting.push({
        decide: (batch) => {
          result = decide(batch);
        },
        folded: () => folded?.(result),
        settle: () => resolve(result),
        fail: reject,
      });
      this.#ops += weight.ops;
      this.#bytes += weight.bytes;
      this.#committing ??= this.#commitWhatWaits();
    });
  }

  /** Lets the commit under way end, and refuses waiting and new requests until `resume`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    failAll(this.#take(), new StoppedError());
    await this.#committing;
  }

  resume(): void {
    this.#stopped = false;
  }

  /** A request that weighs more than the bound is still taken when the queue is empty. */
  #isFull({ ops, bytes }: Weight): boolean {
    if (this.#waiting.length === 0) return false;
    const { maxQueuedOps, maxQueuedBytes } = this.#limits;
    return this.#ops + ops > maxQueuedOps || this.#bytes + bytes > maxQueuedBytes;
  }

  /** Commits until the queue is empty; requests of one turn of the event loop share the first commit. */
  async #commitWhatWaits(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#commit(this.#take());
    this.#committing = null;
  }

  async #commit(all: readonly Waiting[]): Promise<void> {
    const decided = this.#decide(all);
    if (decided === null) return;
    const { batch, waiting } = decided;
    try {
      await this.#commits.commit(batch);
      for (const one of waiting) one.folded();
    } catch (cause) {
      this.#fail(waiting, cause, batch);
      return;
    }
    for (const one of waiting) one.settle();
    this.#commits.committed(batch);
  }

  /**
   * One that can't be decided fails alone: the others are decided anew, in a batch without any trace of it.
   *
   * @returns null if a broken invariant stops the node.
   */
  #decide(all: readonly Waiting[]): Decided | null {
    let waiting = all;
    for (;;) {
      const batch = this.#commits.begin();
      const failed = firstFailure(waiting, batch);
      if (failed === null) return { batch, waiting };
      if (failed.error instanceof BrokenInvariantError) {
        this.#stop(waiting, failed.error);
        return null;
      }
      failed.one.fail(failed.error);
      waiting = waiting.filter((one) => one !== failed.one);
    }
  }

  #fail(waiting: readonly Waiting[], cause: unknown, { isSnapshotUnderWay }: Batch): void {
    // A row that came twice is its sender's fault; nothing of the batch is stored.
    const isOfSender = cause instanceof DuplicateOpError && isSnapshotUnderWay;
    if (cause instanceof DiskFullError || isOfSender) {
      failAll(waiting, cause);
      return;
    }
    this.#stop(waiting, cause instanceof CommitFailedError ? cause : new CommitFailedError(cause));
  }

  #stop(waiting: readonly Waiting[], error: HearsayError): void {
    this.#stopped = true;
    failAll(waiting, error);
    failAll(this.#take(), new StoppedError());
    this.#commits.failed(error);
  }

  #take(): Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#ops = 0;
    this.#bytes = 0;
    return waiting;
  }
}

function firstFailure(
  waiting: readonly Waiting[],
  batch: Batch,
): { readonly one: Waiting; readonly error: unknown } | null {
  for (const one of waiting) {
    try {
      one.decide(batch);
    } catch (error) {
      return { one, error };
    }
  }
  return null;
}

function failAll(waiting: readonly Waiting[], error: HearsayError): void {
  for (const one of waiting) one.fail(error);
}
