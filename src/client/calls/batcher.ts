/**
 * Puts calls made in one turn into one request, and many into two.
 *
 * Invariants: the ops of a turn go out in the order of the calls, each request after the one before it.
 * Reads that wait for a token are the exception: they go with reads that wait for the same token. If a
 * node refuses an op as malformed, every other op keeps its outcome. A call that is aborted ends at
 * once, and its request ends when no other call waits for it.
 */

import { InvalidRequestError, TimeoutError, UnavailableError } from '../errors.ts';
import type { OpSender, Settled } from './opSender.ts';
import type { WireOp } from './ops.ts';
import { onAbort } from './timing.ts';

/**
 * The most characters of JSON in one request: each takes at most three bytes, so that the request stays
 * below a node's own 1 MiB.
 */
const MAX_BATCH_CHARACTERS = 256 * 1024;
/** Characters of JSON that stand for one, at most. */
const MAX_ESCAPED = 6;
/** The most characters of a put beside its texts: names, a version, a time to live. */
const PUT_CHARACTERS = 120;
/** Statuses of a request that might succeed without some of its ops. */
const ONE_SPOILS_ALL = new Set([400, 413, 414, 422]);

/**
 * So many calls of one turn go out as two requests. A program that keeps many calls under way makes the next ones when it
 * gets the answers of a request: with all of them in one, it and the node would work in turn (docs/performance.md).
 */
const HALVED_FROM = 400;

export class Batcher {
  readonly #sender: OpSender;
  #waiting: BatchedCall[] = [];

  constructor(sender: OpSender) {
    this.#sender = sender;
  }

  /** Rejects with the errors of `OpSender.send`, or with the signal's reason. */
  submit(op: WireOp, after: string | null, signal: AbortSignal | undefined): Promise<Settled> {
    const call = new BatchedCall(op, after, signal);
    const { autoBatch } = this.#sender.failover.settings;
    if (!autoBatch || standsAlone(op)) void this.#carry([call], false);
    else {
      if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
      this.#waiting.push(call);
    }
    return call.outcome;
  }

  #flush(): void {
    // A read that waits for a token may wait long, or in vain, so only reads that wait for the same
    // token go with it.
    const groups = new Map<string | null, BatchedCall[]>();
    for (const call of this.#waiting) {
      const group = groups.get(call.after);
      if (group === undefined) groups.set(call.after, [call]);
      else group.push(call);
    }
    this.#waiting = [];
    for (const calls of groups.values()) void this.#carryAll(calls);
  }

  async #carryAll(calls: readonly BatchedCall[]): Promise<void> {
    const { maxBatchOps } = this.#sender.failover.settings;
    const share = calls.length < HALVED_FROM ? calls.length : Math.ceil(calls.length / 2);
    const chunks = chunksOf(calls, Math.min(maxBatchOps, share));
    let failure: unknown;
    for (const chunk of chunks) {
      if (failure === undefined) failure = await this.#carry(chunk, false);
      // Otherwise each later request would take its own time to find out the same.
      else for (const call of chunk) call.fail(notSent(failure));
    }
  }

  /** @returns the error if no node could be reached, else undefined. Never rejects. */
  async #carry(calls: readonly BatchedCall[], mayBeStored: boolean): Promise<unknown> {
    const open = calls.filter((call) => !call.isOver);
    if (open.length === 0) return undefined;
    const abandoned = new AbortController();
    let waiting = open.length;
    const onOver = (): void => {
      waiting--;
      if (waiting === 0) abandoned.abort();
    };
    for (const call of open) call.onOver = onOver;
    try {
      const settled = await this.#sender.send(
        open.map(({ op }) => op),
        {
          after: open[0]?.after ?? null,
          signal: abandoned.signal,
          mayBeStored,
        },
      );
      // Its request has ended: there is nothing left to abandon.
      waiting = Number.POSITIVE_INFINITY;
      settled.forEach((one, index) => {
        open[index]?.settle(one);
      });
      return undefined;
    } catch (error) {
      return this.#carryFailed(open, error);
    }
  }

  async #carryFailed(calls: readonly BatchedCall[], error: unknown): Promise<unknown> {
    const isSpoilt = error instanceof InvalidRequestError && ONE_SPOILS_ALL.has(error.status ?? 0);
    if (isSpoilt && calls.length > 1) {
      const middle = Math.ceil(calls.length / 2);
      const failure = await this.#carry(calls.slice(0, middle), error.mayBeStored);
      return (await this.#carry(calls.slice(middle), error.mayBeStored)) ?? failure;
    }
    for (const call of calls) call.fail(error);
    const isUnreachable = error instanceof UnavailableError || error instanceof TimeoutError;
    return isUnreachable ? error : undefined;
  }
}

/** Only a request of its own can ask for acks, name an ETag, or tell one. */
const standsAlone = (op: WireOp): boolean =>
  op.op === 'put' ? op.acks !== null || op.ifMatch !== null : op.op === 'get' && op.withEtag;

const notSent = (cause: unknown): UnavailableError =>
  new UnavailableError('No node took the request before this one, so it was not sent.', { cause });

/** Requests in order, each within both bounds, or with a single op. */
function chunksOf(calls: readonly BatchedCall[], maxOps: number): BatchedCall[][] {
  const chunks: BatchedCall[][] = [];
  let characters = 0;
  for (const call of calls) {
    const length = lengthOf(call.op);
    const chunk = chunks.at(-1);
    if (
      chunk === undefined ||
      chunk.length >= maxOps ||
      characters + length > MAX_BATCH_CHARACTERS
    ) {
      chunks.push([call]);
      characters = length;
    } else {
      chunk.push(call);
      characters += length;
    }
  }
  return chunks;
}

/** No less than its characters in a request: to write the op only to measure it would double that work. */
const lengthOf = (op: WireOp): number =>
  op.op === 'put'
    ? MAX_ESCAPED * op.key.length + op.value.length + (op.meta?.length ?? 0) + PUT_CHARACTERS
    : op.key.length;

/** One call that waits for the outcome of its op, alone or with others. */
class BatchedCall {
  readonly op: WireOp;
  /** Tokens whose writes it must see, if it reads. */
  readonly after: string | null;
  /** Rejects with the signal's reason as soon as the signal aborts. */
  readonly outcome: Promise<Settled>;
  /** Called once, when the outcome is there or nobody waits for it any more. */
  onOver: () => void = () => {};
  #isOver = false;
  #resolve: (settled: Settled) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  readonly #release: () => void;

  constructor(op: WireOp, after: string | null, signal: AbortSignal | undefined) {
    this.op = op;
    this.after = after;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#release = onAbort(signal, (reason) => this.fail(reason));
    if (signal?.aborted) this.fail(signal.reason);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  settle(settled: Settled): void {
    if (this.#end()) this.#resolve(settled);
  }

  fail(reason: unknown): void {
    if (this.#end()) this.#reject(reason);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#release();
    this.onOver();
    return true;
  }
}
