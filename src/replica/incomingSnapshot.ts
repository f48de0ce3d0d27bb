/**
 * Rule 10: takes the parts of a snapshot into an empty log, until the last part gives the vector and
 * the sums.
 *
 * Invariant: only rows that are committed count. What one sender may send in all is bounded.
 */
import type { Batch } from '../rules/decide.ts';
import { FalseSnapshotError, LongSnapshotError } from '../words/errors.ts';
import { add, carriedHash, type Hash, sameHash, subtract, ZERO } from '../words/hash.ts';
import { type Op, textLength } from '../words/op.ts';
import type { SnapshotEnd, SnapshotOrigins, SnapshotRow } from '../words/snapshot.ts';
import { believedHorizon, seqOf } from '../words/vector.ts';
import type { CommitQueue } from './commitQueue.ts';
import type { Fold } from './fold.ts';

/** The rows of one origin. */
interface Came {
  readonly sum: Hash;
  readonly lastSeq: number;
}

/** Bytes that a row takes beside its texts, and an origin of the end: about as many as on the disk. */
const ROW_BYTES = 128;

export interface IncomingOptions {
  readonly fold: Fold;
  readonly queue: CommitQueue;
  /** UTC milliseconds. */
  readonly clock: () => number;
  /** The most bytes that a snapshot may have in all. */
  readonly maxBytes: number;
  /** Called when a snapshot is complete and folded. */
  readonly ended: () => void;
}

export class IncomingSnapshot {
  readonly #options: IncomingOptions;
  /** The rows that have come, by origin. */
  readonly #came = new Map<string, Came>();
  /** The origins that parts before the last have listed. */
  #origins: SnapshotOrigins = NO_ORIGINS;
  #bytes = 0;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  /** The bytes of the parts that have come; 0 if no snapshot is under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes rows into a log that was empty before the first part. Rejects as `Replica.submit` does, and with
   * LongSnapshotError if all that came is more than a snapshot may have.
   *
   * @returns whether they were taken: not if the log has taken other rows meanwhile.
   */
  async takeRows(rows: readonly SnapshotRow[]): Promise<boolean> {
    let bytes = 0;
    for (const { op } of rows) bytes += textLength(op);
    const weight = bytes + ROW_BYTES * rows.length;
    this.#requireRoom(weight);
    return this.#options.queue.enqueue(
      { ops: rows.length, bytes },
      (batch) => {
        if (!batch.takesSnapshot) return false;
        batch.changeFacts({ snapshot: 'underWay' });
        for (const { op, isEntry } of rows) batch.snapshotRow(op, isEntry);
        return true;
      },
      {
        folded: (areTaken) => {
          if (!areTaken) return;
          this.#bytes += weight;
          for (const { op } of rows) this.#comes(op);
        },
      },
    );
  }

  /** Origins that the last part does not list. @throws LongSnapshotError as `takeRows` does. */
  takeOrigins(some: SnapshotOrigins): void {
    const weight = weightOf(some);
    this.#requireRoom(weight);
    this.#bytes += weight;
    this.#origins = bothOf(this.#origins, some);
  }

  /**
   * The snapshot is complete: its sender's vector and sums become this log's. Rejects as `takeRows`
   * does, and with FalseSnapshotError if the end contradicts the rows.
   *
   * @returns whether a snapshot was under way.
   */
  async finish(last: SnapshotEnd): Promise<boolean> {
    this.#requireRoom(weightOf(last));
    const end = { ...bothOf(this.#origins, last), horizon: last.horizon };
    this.#check(end);
    const { fold, queue, clock, ended } = this.#options;
    return queue.enqueue(
      { ops: 0, bytes: 0 },
      (batch) => {
        if (!batch.isSnapshotUnderWay) return false;
        this.#setRecords(batch, end);
        // The snapshot lacks older rows, so no earlier point in time can be told.
        batch.changeFacts({ snapshot: 'taken', cutAtMs: clock() });
        const { horizon: before = fold.header.horizon } = batch.header;
        const horizon = Math.max(before, believedHorizon(end.horizon, end.vector));
        batch.header = { ...batch.header, horizon };
        return true;
      },
      {
        folded: (hasEnded) => {
          if (!hasEnded) return;
          this.forget();
          ended();
        },
      },
    );
  }

  /** Another log was adopted, so no part has come yet. */
  forget(): void {
    this.#came.clear();
    this.#origins = NO_ORIGINS;
    this.#bytes = 0;
  }

  #requireRoom(bytes: number): void {
    const { maxBytes } = this.#options;
    if (this.#bytes + bytes > maxBytes) throw new LongSnapshotError(maxBytes);
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
    if (seqOf(vector, this.#options.fold.origin) > 0)
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

const NO_ORIGINS: SnapshotOrigins = { vector: new Map(), sums: new Map(), reach: new Map() };

const weightOf = ({ vector, reach }: SnapshotOrigins): number =>
  ROW_BYTES * (vector.size + reach.size);

const bothOf = (first: SnapshotOrigins, second: SnapshotOrigins): SnapshotOrigins => ({
  vector: new Map([...first.vector, ...second.vector]),
  sums: new Map([...first.sums, ...second.sums]),
  reach: new Map([...first.reach, ...second.reach]),
});
