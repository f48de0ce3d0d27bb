/**
 * The latest rows of the log, kept in memory for peers and watchers that are nearly up to date, so that
 * serving them reads no disk. The oldest rows go first, by count and by bytes. A reader that is further behind
 * reads the log.
 *
 * Invariants: the lsns of the rows have no gap, and neither have the seqs of the rows of one origin.
 */
import { add, type Hash, ZERO } from '../words/hash.ts';
import { at } from '../words/invariant.ts';
import { NumberQueue } from '../words/numberQueue.ts';
import type { Row } from '../words/row.ts';
import { RowBlocks } from './rowBlocks.ts';

export interface RecentLimits {
  readonly maxRecentOps: number;
  readonly maxRecentBytes: number;
}

/** The rows of one origin. */
interface Run {
  readonly origin: string;
  readonly id: number;
  firstSeq: number;
  readonly lsns: NumberQueue;
}

export class RecentRows {
  readonly #limits: RecentLimits;
  readonly #rows = new RowBlocks();
  #firstLsn = 0;
  readonly #runs = new Map<string, Run>();
  /** By id. An id is given again once its run is empty, so that they stay as few as the runs. */
  readonly #runOfId: Run[] = [];
  readonly #freeIds: number[] = [];
  #bytes = 0;

  constructor(limits: RecentLimits) {
    this.#limits = limits;
  }

  /** A row that does not follow the last one (a compacted log, a snapshot) drops all older rows. */
  push(row: Row): void {
    const { lsn, op } = row;
    let run = this.#runs.get(op.origin);
    if (!this.#follows(row, run)) {
      this.clear();
      run = undefined;
    }
    if (this.size === 0) this.#firstLsn = lsn;
    run ??= this.#newRun(op.origin, op.seq);
    run.lsns.push(lsn);
    this.#bytes += this.#rows.push(row, run.id);
    const { maxRecentOps, maxRecentBytes } = this.#limits;
    while (this.size > 0 && (this.size > maxRecentOps || this.#bytes > maxRecentBytes))
      this.#dropOldest();
  }

  /**
   * All rows of the origin with a greater seq, in order, each read when it is asked for: before the next push.
   * @returns undefined if some are no longer here.
   */
  opsAfter(origin: string, seq: number): Iterable<Row> | undefined {
    const run = this.#runAfter(origin, seq);
    return run && this.#rowsOf(run, seq + 1 - run.firstSeq);
  }

  /** The sum of the hashes of the ops that `opsAfter` gives. */
  sumAfter(origin: string, seq: number): Hash | undefined {
    const run = this.#runAfter(origin, seq);
    if (run === undefined) return undefined;
    let sum = ZERO;
    for (let index = seq + 1 - run.firstSeq; index < run.lsns.length; index++)
      sum = add(sum, this.#rows.hash(run.lsns.at(index) - this.#firstLsn));
    return sum;
  }

  /** At most `limit` rows with a greater lsn, in order, or undefined if some are no longer here. */
  rowsAfter(lsn: number, limit: number): Row[] | undefined {
    if (this.size === 0 || this.#firstLsn > lsn + 1) return undefined;
    const from = lsn + 1 - this.#firstLsn;
    const rows: Row[] = [];
    for (let index = from; index < Math.min(this.size, from + limit); index++)
      rows.push(this.#row(index));
    return rows;
  }

  /** The first of the rows that are kept. */
  get oldest(): Row | undefined {
    return this.size === 0 ? undefined : this.#row(0);
  }

  get size(): number {
    return this.#rows.length;
  }

  /** Bytes of their keys, values and metas. */
  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#rows.clear();
    this.#runs.clear();
    this.#runOfId.length = 0;
    this.#freeIds.length = 0;
    this.#bytes = 0;
  }

  #follows({ lsn, op }: Row, run: Run | undefined): boolean {
    if (this.size > 0 && this.#firstLsn + this.size !== lsn) return false;
    return run === undefined || run.firstSeq + run.lsns.length === op.seq;
  }

  /** The origin's run, if it holds all rows with a greater seq. */
  #runAfter(origin: string, seq: number): Run | undefined {
    const run = this.#runs.get(origin);
    return run !== undefined && run.firstSeq <= seq + 1 ? run : undefined;
  }

  #newRun(origin: string, firstSeq: number): Run {
    const id = this.#freeIds.pop() ?? this.#runOfId.length;
    const run: Run = { origin, id, firstSeq, lsns: new NumberQueue() };
    this.#runOfId[id] = run;
    this.#runs.set(origin, run);
    return run;
  }

  #dropOldest(): void {
    const id = this.#rows.originId(0);
    const run = at(this.#runOfId, id);
    this.#bytes -= this.#rows.textBytes(0);
    this.#rows.shift();
    this.#firstLsn++;
    run.lsns.shift();
    run.firstSeq++;
    if (run.lsns.length > 0) return;
    this.#runs.delete(run.origin);
    this.#freeIds.push(id);
  }

  *#rowsOf({ lsns }: Run, from: number): Generator<Row> {
    for (let index = from; index < lsns.length; index++)
      yield this.#row(lsns.at(index) - this.#firstLsn);
  }

  #row(index: number): Row {
    return this.#rows.row(index, this.#originOf);
  }

  readonly #originOf = (id: number): string => at(this.#runOfId, id).origin;
}
