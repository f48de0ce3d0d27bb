/**
 * Rule 10: takes the parts of a snapshot into an empty log, until the last part gives the vector and
 * the sums.
 */
import type { Batch } from '../rules/decide.ts';
import { FalseSnapshotError } from '../words/errors.ts';
import { add, carriedHash, type Hash, sameHash, subtract, ZERO } from '../words/hash.ts';
import { type Op, textLength } from '../words/op.ts';
import type { SnapshotEnd, SnapshotRow } from '../words/snapshot.ts';
import { believedHorizon, seqOf } from '../words/vector.ts';
import type { CommitQueue } from './commitQueue.ts';
import type { Fold } from './fold.ts';

/** The rows of one origin. */
interface Came {
  readonly sum: Hash;
  readonly lastSeq: number;
}

export class IncomingSnapshot {
  readonly #fold: Fold;
  readonly #queue: CommitQueue;
  readonly #clock: () => number;
  readonly #ended: () => void;
  /** The rows that have come, by origin. */
  readonly #came = new Map<string, Came>();

  /** @param clock UTC milliseconds. @param ended called when a snapshot is complete and folded. */
  constructor(fold: Fold, queue: CommitQueue, clock: () => number, ended: () => void) {
    this.#fold = fold;
    this.#queue = queue;
    this.#clock = clock;
    this.#ended = ended;
  }

  /**
   * Takes rows into a log that was empty before the first part. Rejects as `Replica.submit` does.
   *
   * @returns whether they were taken: not if the log has taken other rows meanwhile.
   */
  takeRows(rows: readonly SnapshotRow[]): Promise<boolean> {
    let bytes = 0;
    for (const { op } of rows) bytes += textLength(op);
    return this.#queue.enqueue({ ops: rows.length, bytes }, (batch) => {
      if (!batch.takesSnapshot) return false;
      batch.changeFacts({ snapshot: 'underWay' });
      for (const { op, isEntry } of rows) {
        batch.snapshotRow(op, isEntry);
        this.#comes(op);
      }
      return true;
    });
  }

  /**
   * The snapshot is complete: its sender's vector and sums become this log's. Rejects as `takeRows`
   * does, and with FalseSnapshotError if the end contradicts the rows.
   *
   * @returns whether a snapshot was under way.
   */
  async finish(end: SnapshotEnd): Promise<boolean> {
    this.#check(end);
    return this.#queue.enqueue(
      { ops: 0, bytes: 0 },
      (batch) => {
        if (!batch.isSnapshotUnderWay) return false;
        this.#setRecords(batch, end);
        // The snapshot lacks older rows, so no earlier point in time can be told.
        batch.changeFacts({ snapshot: 'taken', cutAtMs: this.#clock() });
        const horizon = Math.max(
          this.#fold.header.horizon,
          believedHorizon(end.horizon, end.vector),
        );
        batch.header = { ...batch.header, horizon };
        this.forget();
        return true;
      },
      (hasEnded) => {
        if (hasEnded) this.#ended();
      },
    );
  }

  /** Another log was adopted, so no part has come yet. */
  forget(): void {
    this.#came.clear();
  }

  #comes(op: Op): void {
    const { sum = ZERO, lastSeq = 0 } = this.#came.get(op.origin) ?? {};
    this.#came.set(op.origin, {
      sum: add(sum, carriedHash(op)),
      lastSeq: Math.max(lastSeq, op.seq),
    });
  }

  /** @throws FalseSnapshotError */
  #check({ vector, sums, reach }: SnapshotEnd): void {
    if (seqOf(vector, this.#fold.origin) > 0)
      throw new FalseSnapshotError('it holds ops of the node that asks for it');
    for (const [origin, { lastSeq }] of this.#came)
      if (lastSeq > seqOf(vector, origin))
        throw new FalseSnapshotError(`it has rows of ${origin} above its vector`);
    for (const [origin, seq] of reach)
      if (seq > seqOf(vector, origin))
        throw new FalseSnapshotError(`it has compacted more of ${origin} than it holds`);
    for (const [origin, sum] of sums)
      if (seqOf(reach, origin) === 0 && !sameHash(sum, this.#came.get(origin)?.sum ?? ZERO))
        throw new FalseSnapshotError(`its rows of ${origin} do not have their sum`);
  }

  /** Rows that did not come count as compacted away. */
  #setRecords(batch: Batch, { vector, sums, reach }: SnapshotEnd): void {
    for (const [origin, seq] of vector) {
      const sum = sums.get(origin) ?? ZERO;
      const compactedSum = subtract(sum, this.#came.get(origin)?.sum ?? ZERO);
      batch.records.set(origin, { origin, seq, sum, reach: seqOf(reach, origin), compactedSum });
    }
  }
}
