/**
 * Rule 5: requests and deltas wait in one bounded queue. They are decided in order, and committed one transaction after
 * another, each with all that wait or a share of them; then each is answered.
 *
 * So that the thread that writes waits for little (docs/performance.md, ADR 39), requests of clients that come during a
 * commit are decided at once, against the state that it will leave. Invariant: what was decided ahead is appended only if
 * that commit has succeeded and its state is the one that was foreseen; else it is decided anew. The append begins before
 * the commit is folded, its requests are answered, and listeners are told, all in the same turn.
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
import { at } from '../words/invariant.ts';
import { RETRY_AFTER_MS } from '../words/time.ts';
import { commitShare, ENOUGH_OPS } from './commitShare.ts';
import { type EnqueueOptions, Promised, type Waiting, type Weight } from './waiting.ts';

export interface QueueLimits {
  readonly maxQueuedOps: number;
  readonly maxQueuedBytes: number;
}

/** The steps that the queue takes with a batch. */
export interface Commits {
  /** Makes a batch against the state after the last commit. */
  begin(): Batch;
  /** Makes a batch against the state that this one, which is not folded yet, will leave; null if it can't be foreseen. */
  beginAfter(batch: Batch): Batch | null;
  /** Whether what was decided ahead holds, now that the batch before it is durable and not folded yet. */
  holds(ahead: Batch): boolean;
  /**
   * Appends, without a fold. @returns null if there is nothing to write.
   * @throws DiskFullError if nothing is stored; after any other error the outcome is unknown.
   */
  append(batch: Batch): Promise<void> | null;
  /** Settles an append that has ended in this turn of the event loop; else the end is told after the turn. */
  settleEnded(): void;
  /** Folds what was appended: the next batch is decided against the result. */
  fold(batch: Batch): void;
  /** Called after every waiting request was settled, and before the next batch is folded. */
  committed(batch: Batch): void;
  /** A commit failed with an unknown outcome, or could not be decided: the queue takes no more. */
  failed(error: HearsayError): void;
}

/** A batch, and the requests that it answers. */
interface Decided {
  readonly batch: Batch;
  readonly waiting: readonly Waiting[];
}

/** A batch whose append has begun; null if it has nothing to write. */
interface UnderWay extends Decided {
  readonly appended: Promise<void> | null;
  /** By the steady clock. */
  readonly begunAtMs: number;
}

/** Those of the queue, from its front, that were decided ahead. */
interface Ahead {
  readonly batch: Batch;
  count: number;
  ops: number;
}

export interface QueueTimes {
  /** Resolves once all is here that came together with what is here now: it shares a commit. By default at once. */
  readonly endOfTurn?: () => Promise<void>;
  /** Milliseconds that go on evenly. By default all that wait share a commit, as on a disk that is slow. */
  readonly steadyMs?: () => number;
}

export class CommitQueue {
  readonly #limits: QueueLimits;
  readonly #commits: Commits;
  readonly #endOfTurn: () => Promise<void>;
  readonly #steadyMs: (() => number) | null;
  #waiting: Waiting[] = [];
  #ops = 0;
  #bytes = 0;
  #committing: Promise<void> | null = null;
  /** The batch that is being appended; null while nothing is to be decided ahead. */
  #before: Batch | null = null;
  #ahead: Ahead | null = null;
  /** Resolves once a commit need not wait for the end of the turn. */
  #enough = Promise.withResolvers<void>();
  #opsUnderWay = 0;
  #lastCommitMs = Number.POSITIVE_INFINITY;
  /** A batch that is folded and not answered yet: only within a turn of the event loop. */
  #folded: Decided | null = null;
  #stopped = false;

  constructor(limits: QueueLimits, commits: Commits, times: QueueTimes = {}) {
    this.#limits = limits;
    this.#commits = commits;
    this.#endOfTurn = times.endOfTurn ?? (() => Promise.resolve());
    this.#steadyMs = times.steadyMs ?? null;
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
   * @throws OverloadedError, DiskFullError, StoppedError: nothing is stored.
   * @throws CommitFailedError: the outcome is unknown.
   */
  enqueue<T>(
    weight: Weight,
    decide: (batch: Batch) => T,
    options: EnqueueOptions<T> = {},
  ): Promise<T> {
    return new Promise((resolve, reject) =>
      this.add(new Promised(weight, decide, options, { resolve, reject })),
    );
  }

  /** As `enqueue`, for what is called back: a promise and its closures would cost a PUT as much as its fold. */
  add(waiting: Waiting): void {
    if (this.#stopped) waiting.fail(new StoppedError());
    else if (this.#isFull(waiting.weight)) waiting.fail(new OverloadedError(RETRY_AFTER_MS));
    else {
      this.#waiting.push(waiting);
      this.#ops += waiting.weight.ops;
      this.#bytes += waiting.weight.bytes;
      this.#decideAhead();
      if (this.#isEnoughAhead) this.#commits.settleEnded();
      this.#committing ??= this.#commitWhatWaits();
      if (this.#ops >= ENOUGH_OPS && this.#share < Number.POSITIVE_INFINITY) this.#enough.resolve();
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
    this.#enough = Promise.withResolvers();
    await Promise.race([this.#endOfTurn(), this.#enough.promise]);
    let underWay = this.#begin();
    while (underWay !== null) {
      this.#answer();
      const { batch, waiting }: UnderWay = underWay;
      let next: UnderWay | null = null;
      try {
        await this.#ended(underWay);
        next = this.#beginAhead();
        this.#commits.fold(batch);
        for (const one of waiting) one.folded();
        this.#folded = { batch, waiting };
      } catch (cause) {
        if (next?.appended) await next.appended.catch(() => {});
        this.#fail(next === null ? waiting : [...waiting, ...next.waiting], cause, batch);
        next = null;
      }
      underWay = next ?? this.#begin();
      if (underWay !== null) continue;
      this.#answer();
      underWay = this.#begin();
    }
    this.#committing = null;
  }

  /**
   * Whether the next commit may begin in the middle of a turn: it would have as many ops as the one under way. Smaller
   * commits, and shares, cost more than the thread that writes gains (docs/performance.md).
   */
  get #isEnoughAhead(): boolean {
    if (this.#ahead === null || this.#ahead.ops < this.#opsUnderWay) return false;
    return this.#share === Number.POSITIVE_INFINITY;
  }

  /** The most ops that the next commit takes. */
  get #share(): number {
    return commitShare(this.#opsUnderWay + this.#ops, this.#lastCommitMs);
  }

  /** Begins with what waits. @returns null if nothing does. */
  #begin(): UnderWay | null {
    this.#opsUnderWay = 0;
    while (this.#waiting.length > 0) {
      const share = this.#share;
      let count = 0;
      for (let ops = 0; count < this.#waiting.length && ops < share; count++)
        ops += at(this.#waiting, count).weight.ops;
      const decided = this.#decide(this.#take(count));
      if (decided !== null) return this.#append(decided);
    }
    return null;
  }

  /** Waits for the end of an append. Requests that come meanwhile are decided ahead. */
  async #ended({ batch, appended, begunAtMs }: UnderWay): Promise<void> {
    if (appended === null) return;
    this.#before = batch;
    this.#decideAhead();
    try {
      await appended;
    } catch (cause) {
      this.#ahead = null;
      throw cause;
    } finally {
      this.#before = null;
      if (this.#steadyMs !== null) this.#lastCommitMs = this.#steadyMs() - begunAtMs;
    }
  }

  /** The order stays: behind one that can't be decided ahead, or can't be decided, none is. */
  #decideAhead(): void {
    if (this.#before === null) return;
    const share = this.#share;
    for (;;) {
      const next = this.#waiting[this.#ahead?.count ?? 0];
      if (next === undefined || !next.isOfBatchAlone) return;
      this.#ahead ??= this.#openAhead(this.#before);
      if (this.#ahead === null || this.#ahead.ops >= share) return;
      try {
        next.decide(this.#ahead.batch);
      } catch {
        // The batch may bear a trace of it.
        this.#ahead = null;
        this.#before = null;
        return;
      }
      this.#ahead.count++;
      this.#ahead.ops += next.weight.ops;
    }
  }

  #openAhead(before: Batch): Ahead | null {
    const batch = this.#commits.beginAfter(before);
    return batch && { batch, count: 0, ops: 0 };
  }

  /** Begins with what was decided ahead. @returns null if nothing was, or it does not hold. */
  #beginAhead(): UnderWay | null {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead === null || !this.#commits.holds(ahead.batch)) return null;
    const waiting = this.#take(ahead.count);
    return this.#append({ batch: ahead.batch, waiting });
  }

  #append({ batch, waiting }: Decided): UnderWay {
    const begunAtMs = this.#steadyMs?.() ?? 0;
    return { batch, waiting, begunAtMs, appended: this.#commits.append(batch) };
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

  /** @param count those of the front; by default all. */
  #take(count = this.#waiting.length): Waiting[] {
    const waiting = this.#waiting.splice(0, count);
    this.#ahead = null;
    this.#opsUnderWay = 0;
    for (const { weight } of waiting) {
      this.#opsUnderWay += weight.ops;
      this.#bytes -= weight.bytes;
    }
    this.#ops -= this.#opsUnderWay;
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
