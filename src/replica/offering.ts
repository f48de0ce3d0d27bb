/**
 * Rule 12: the commits by which lost ops come back. Each belongs to one life of the log and is checked
 * in its batch: another log that has replaced that one takes none of them, and no op is born in a log
 * that has not joined.
 */
import type { Log } from '../log/log.ts';
import type { Batch } from '../rules/decide.ts';
import type { Judged, OfferOutcome } from '../rules/lostOps.ts';
import { HearsayError } from '../words/errors.ts';
import { type KeyOp, textLength } from '../words/op.ts';
import type { DecidedOutcome, PutRequest } from '../words/requests.ts';
import { settledLogWith } from '../words/settledLogs.ts';
import type { CommitQueue } from './commitQueue.ts';
import type { Fold } from './fold.ts';
import type { Weight } from './waiting.ts';

const ENDED = 'This offer began with a log that another one has taken the place of.';
const NOT_JOINED = 'Nothing is offered to a log that has not joined.';

export class Offering {
  readonly #fold: Fold;
  readonly #queue: CommitQueue;
  readonly #log: () => Log;

  /** @param log the replica's present log. */
  constructor(fold: Fold, queue: CommitQueue, log: () => Log) {
    this.#fold = fold;
    this.#queue = queue;
    this.#log = log;
  }

  /**
   * Decides about lost ops, in order, in one commit. Rejects as `Replica.submit` does, and with
   * HearsayError if the log may take no offers.
   *
   * @param judge gives the known facts about the op's key beside the entry.
   * @param life the log that the offer began with.
   */
  lost(
    ops: readonly KeyOp[],
    judge: (op: KeyOp) => Judged,
    life: Log,
  ): Promise<readonly OfferOutcome[]> {
    return this.#enqueue(weightOf(ops), life, (batch) =>
      ops.map((op) => batch.offer(op, judge(op))),
    );
  }

  /** Decides about entries of another cluster as about ordinary requests. Rejects as `lost` does. */
  requests(requests: readonly PutRequest[], life: Log): Promise<readonly DecidedOutcome[]> {
    return this.#enqueue(weightOf(requests), life, (batch) => batch.offeredPuts(requests));
  }

  /** Seals an origin whose ops have been offered. Rejects as `lost` does. */
  retire(origin: string, life: Log): Promise<void> {
    return this.#enqueue({ ops: 1, bytes: 0 }, life, (batch) => {
      const { members } = this.#fold;
      if (members.has(origin) && origin !== this.#fold.origin)
        batch.membership('retire', origin, null);
    });
  }

  /**
   * Writes down that the ops of a log which was set aside are all decided, in a commit that outlives power cuts,
   * as do all commits before it. Rejects as `lost` does.
   */
  settle(name: string, life: Log): Promise<void> {
    return this.#enqueue({ ops: 0, bytes: 0 }, life, (batch) => {
      const settled = batch.header.facts?.settledLog ?? this.#fold.header.facts.settledLog;
      batch.changeFacts({ settledLog: settledLogWith(settled, name) });
    });
  }

  async #enqueue<T>(weight: Weight, life: Log, decide: (batch: Batch) => T): Promise<T> {
    if (this.#log() !== life) throw new HearsayError(ENDED);
    const result = await this.#queue.enqueue(weight, (batch) =>
      this.#hasJoined(batch) ? { decided: decide(batch) } : null,
    );
    if (result === null) throw new HearsayError(NOT_JOINED);
    return result.decided;
  }

  #hasJoined(batch: Batch): boolean {
    return batch.header.facts?.joined ?? this.#fold.header.facts.joined;
  }
}

const weightOf = (ops: readonly Pick<KeyOp, 'key' | 'value' | 'meta'>[]): Weight => ({
  ops: ops.length,
  bytes: ops.reduce((sum, op) => sum + textLength(op), 0),
});
