/**
 * Writes of clients: each call is decided in one commit, and a delete by prefix in several.
 *
 * Invariant: requests are decided only in a batch that has the values that they need.
 */

import type { Batch } from '../rules/decide.ts';
import type { EntryStore, ListPage } from '../store/entryStore.ts';
import { BrokenInvariantError } from '../words/errors.ts';
import { at } from '../words/invariant.ts';
import { type PutHead, textLength } from '../words/op.ts';
import {
  type BatchOutcome,
  isCold,
  type Outcome,
  type PutRequest,
  type Request,
} from '../words/requests.ts';
import type { TraceParent } from '../words/trace.ts';
import type { CommitQueue } from './commitQueue.ts';
import type { Readiness } from './readiness.ts';
import type { Reads } from './reads.ts';
import type { Waiting, Weight } from './waiting.ts';

export interface WritesOptions {
  readonly map: EntryStore;
  readonly reads: Reads;
  readonly queue: CommitQueue;
  readonly readiness: Readiness;
  /** UTC milliseconds. */
  readonly clock: () => number;
}

/** The number of keys that a bulk delete decides at once. */
const BULK_KEYS = 512;

const isTouch = ({ kind }: Request): boolean => kind === 'touch';

/** Bytes of a request for the bound of the queue; a touch writes the whole entry again. */
const bytesOf = (request: Request): number => {
  if (request.kind === 'put') return textLength(request);
  const known = request.kind === 'touch' ? request.known : undefined;
  return known === undefined ? request.key.length : textLength(known);
};

/** Is told how a put ended: of the two one is called, once. Neither throws. */
export interface PutCaller {
  /** The outcome is durable. */
  done(outcome: Outcome): void;
  /** @param error of those that `submit` rejects with. */
  failed(error: unknown): void;
}

class WaitingPut implements Waiting {
  readonly weight: Weight;
  readonly isOfBatchAlone = true;
  readonly #requests: readonly PutRequest[];
  readonly #trace: TraceParent | null;
  readonly #caller: PutCaller;
  #outcome: Outcome | null = null;

  constructor(request: PutRequest, trace: TraceParent | null, caller: PutCaller) {
    this.weight = { ops: 1, bytes: textLength(request) };
    this.#requests = [request];
    this.#trace = trace;
    this.#caller = caller;
  }

  decide(batch: Batch): void {
    const outcome = at(batch.requests(this.#requests, this.#trace), 0);
    if (isCold(outcome)) throw new BrokenInvariantError('a put needs no value of the log');
    this.#outcome = outcome;
  }

  folded(): void {}

  settle(): void {}

  answer(): void {
    if (this.#outcome !== null) this.#caller.done(this.#outcome);
  }

  fail(error: unknown): void {
    this.#caller.failed(error);
  }
}

export class Writes {
  readonly #options: WritesOptions;

  constructor(options: WritesOptions) {
    this.#options = options;
  }

  /**
   * Decides the requests together, in order, each seeing the ones before it, in one commit.
   *
   * @param trace the span of the call, for those of its commit and its pushes; null if it is not traced.
   * @returns one outcome for each request, once they are durable.
   * @throws NotWritableError, OverloadedError, DiskFullError, StoppedError: nothing is stored.
   * @throws CommitFailedError: the outcome is unknown, and the node stops.
   */
  submit(
    requests: readonly Request[],
    trace: TraceParent | null = null,
  ): Promise<readonly Outcome[]> {
    const { reads } = this.#options;
    return this.#decided(
      requests,
      (ready, batch) => batch.requests(ready, trace),
      (decided) => reads.whole(decided),
    );
  }

  /** As `submit`. @param maxBytes of keys, values and metas, after which gets are left out. */
  submitBatch(
    requests: readonly Request[],
    maxBytes: number,
    trace: TraceParent | null = null,
  ): Promise<readonly BatchOutcome[]> {
    const { reads } = this.#options;
    return this.#decided(
      requests,
      (ready, batch) => batch.boundedRequests(ready, maxBytes, trace),
      (decided) => reads.whole(decided),
    );
  }

  /**
   * As `submit`, for the first of the requests.
   *
   * @param maxBytes of keys, values and metas, after which the next get and all that follows it stay undecided.
   * @returns one outcome for each request that was decided: one at least, if there are requests.
   */
  submitFirst(
    requests: readonly Request[],
    maxBytes: number,
    trace: TraceParent | null = null,
  ): Promise<readonly Outcome[]> {
    const { reads } = this.#options;
    return this.#decided(
      requests,
      (ready, batch) => batch.firstRequests(ready, maxBytes, trace),
      (decided) => reads.whole(decided),
    );
  }

  /** @param whole gives the outcomes with their values. */
  async #decided<Decided, Whole>(
    requests: readonly Request[],
    decide: (ready: readonly Request[], batch: Batch) => readonly Decided[],
    whole: (decided: readonly Decided[]) => readonly Whole[] | Promise<readonly Whole[]>,
  ): Promise<readonly Whole[]> {
    const refusal = this.#options.readiness.writeRefusal();
    if (refusal !== null) throw refusal;
    for (;;) {
      const ready = requests.some(isTouch) ? await this.#withTouched(requests) : requests;
      let bytes = 0;
      for (const request of ready) bytes += bytesOf(request);
      const decided = await this.#options.queue.enqueue(
        { ops: ready.length, bytes },
        (batch) => (batch.hasValuesFor(ready) ? decide(ready, batch) : null),
        { isOfBatchAlone: true },
      );
      // Otherwise a value was dropped from memory, or its key has changed, while the requests waited.
      if (decided !== null) return whole(decided);
    }
  }

  /** As `submit` with one put, which is most writes: it calls back in the place of a promise. */
  put(request: PutRequest, trace: TraceParent | null, caller: PutCaller): void {
    const { readiness, queue } = this.#options;
    const refusal = readiness.writeRefusal();
    if (refusal !== null) caller.failed(refusal);
    else queue.add(new WaitingPut(request, trace, caller));
  }

  /** The requests; those that touch an entry whose value is only in the log bring that entry. */
  async #withTouched(requests: readonly Request[]): Promise<readonly Request[]> {
    const { map, reads, clock } = this.#options;
    const waiting = requests.map(async (request): Promise<Request> => {
      if (request.kind !== 'touch') return request;
      const entry = map.live(request.key, clock());
      if (entry === undefined || entry.value !== undefined) return request;
      const read = await reads.get(request.key);
      return read.kind === 'found' ? { ...request, known: read.entry } : request;
    });
    return Promise.all(waiting);
  }

  /**
   * Deletes every live key with the prefix, in several commits.
   *
   * @param told gets the outcomes of each commit. @param trace as of `submit`. @param signal ends it after a commit,
   *   once nobody waits: a client that asks again would have the same keys deleted twice. @returns the number of keys deleted.
   */
  async deletePrefix(
    prefix: string,
    told?: (outcomes: readonly Outcome[]) => void,
    trace: TraceParent | null = null,
    signal?: AbortSignal,
  ): Promise<number> {
    const refusal = this.#options.readiness.writeRefusal();
    if (refusal !== null) throw refusal;
    let count = 0;
    let after: string | null = null;
    do {
      const page: ListPage<PutHead> = this.#options.reads.listHeads(prefix, after, BULK_KEYS);
      const keys = page.entries.map((entry) => entry.key);
      if (keys.length > 0) {
        const deletes = keys.map((key) => ({ kind: 'delete', key, upToVersion: null }) as const);
        const outcomes = await this.submit(deletes, trace);
        told?.(outcomes);
      }
      count += keys.length;
      after = page.next;
    } while (after !== null && signal?.aborted !== true);
    return count;
  }
}
