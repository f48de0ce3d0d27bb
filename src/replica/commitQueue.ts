/**
 * Rule 5: requests and deltas wait undecided in one bounded queue. When no commit is under way, the
 * whole queue is decided in order and committed in one transaction; then each is answered.
 *
 * The queue decides waiting requests as soon as the commit before them is folded. It answers the requests of that commit,
 * and tells listeners of it, in the same turn, once the next append has begun: so the thread that writes waits for no
 * answers (docs/performance.md).
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
   * Appends, without a fold. @returns null if there is nothing to write.
   * @throws DiskFullError if nothing is stored; after any other error the outcome is unknown.
   */
  append(batch: Batch): Promise<void> | null;
  /** Folds what was appended: the next batch is decided against the result. */
  fold(batch: Batch): void;
  /** Called after every waiting request was settled, and before the next batch is folded. */
  committed(batch: Batch): void;
  /** A commit failed with an unknown outcome, or could not be decided: the queue takes no more. */
  failed(error: HearsayError): void;
}

/** The weight of a waiting request or delta against the bounds of the queue. */
export interface Weight {
  readonly ops: number;
  readonly bytes: number;
}

/** Waits undecided, and is told what has become of it: of `fail` and `answer` one is called, once. */
export interface Waiting {
  /**
   * Changes nothing but the batch, and may be called again with another batch: what else follows belongs into `folded`.
   * An error that it throws fails this one alone; the others that wait are decided without it.
   */
  decide(batch: Batch): void;
  /** Called after the fold, before anything of the batch is answered. */
  folded(): void;
  /** Called before listeners are told: it settles a promise, and calls nobody. */
  settle(): void;
  /** Called once listeners were told, since answers take longer: each is a call of the system. It does not throw. */
  answer(): void;
  /** Called with the error of its own `decide`, or of the commit. It does not throw. */
  fail(error: unknown): void;
}

/** Waits for a promise. */
class Promised<T> implements Waiting {
  readonly #decide: (batch: Batch) => T;
  readonly #folded: ((result: T) => void) | undefined;
  readonly #resolve: (result: T) => void;
  readonly fail: (error: unknown) => void;
  #result: { readonly value: T } | null = null;

  constructor(
    decide: (batch: Batch) => T,
    folded: ((result: T) => void) | undefined,
    { resolve, reject }: Pick<PromiseWithResolvers<T>, 'resolve' | 'reject'>,
  ) {
    this.#decide = decide;
    this.#folded = folded;
    this.#resolve = resolve;
    this.fail = reject;
  }

  decide(batch: Batch): void {
    this.#result = { value: this.#decide(batch) };
  }

  folded(): void {
    if (this.#result !== null) this.#folded?.(this.#result.value);
  }

  settle(): void {
    if (this.#result !== null) this.#resolve(this.#result.value);
  }

  answer(): void {}
}

/** A batch, and the requests that it answers. */
interface Decided {
  readonly batch: Batch;
  readonly waiting: readonly Waiting[];
}

export class CommitQueue {
  readonly #limits: QueueLimits;
  readonly #commits: Commits;
  readonly #endOfTurn: () => Promise<void>;
  #waiting: Waiting[] = [];
  #ops = 0;
  #bytes = 0;
  #committing: Promise<void> | null = null;
  /** A batch that is folded and not answered yet: only within a turn of the event loop. */
  #folded: Decided | null = null;
  #stopped = false;

  /** @param endOfTurn resolves once all is here that came together with what is here now: it shares a commit. */
  constructor(
    limits: QueueLimits,
    commits: Commits,
    endOfTurn: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#limits = limits;
    this.#commits = commits;
    this.#endOfTurn = endOfTurn;
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
    return new Promise((resolve, reject) =>
      this.add(weight, new Promised(decide, folded, { resolve, reject })),
    );
  }

  /** As `enqueue`, for what is called back: a promise and its closures would cost a PUT as much as its fold. */
  add(weight: Weight, waiting: Waiting): void {
    if (this.#stopped) waiting.fail(new StoppedError());
    else if (this.#isFull(weight)) waiting.fail(new OverloadedError(RETRY_AFTER_MS));
    else {
      this.#waiting.push(waiting);
      this.#ops += weight.ops;
      this.#bytes += weight.bytes;
      this.#committing ??= this.#commitWhatWaits();
    }
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

  /**
   * Commits until the queue is empty. From the end of a commit to the begin of the next append, and the answers, there
   * is no wait in which others could look.
   */
  async #commitWhatWaits(): Promise<void> {
    await this.#endOfTurn();
    while (this.#waiting.length > 0 || this.#folded !== null) {
      const decided = this.#waiting.length > 0 ? this.#decide(this.#take()) : null;
      const appended = decided && this.#commits.append(decided.batch);
      this.#answer();
      if (decided === null) continue;
      try {
        if (appended !== null) await appended;
        this.#commits.fold(decided.batch);
        for (const one of decided.waiting) one.folded();
      } catch (cause) {
        this.#fail(decided.waiting, cause, decided.batch);
        continue;
      }
      this.#folded = decided;
    }
    this.#committing = null;
  }

  /** Answers the requests of the batch that was folded last, and tells of it. */
  #answer(): void {
    if (this.#folded === null) return;
    const { batch, waiting } = this.#folded;
    this.#folded = null;
    for (const one of waiting) one.settle();
    this.#commits.committed(batch);
    for (const one of waiting) one.answer();
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
    this.#answer();
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
