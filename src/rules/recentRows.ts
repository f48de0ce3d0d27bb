/**
 * The latest rows of the log, kept in memory for peers and watchers that are nearly up to date, so that
 * serving them reads no disk and encodes each op once. The oldest rows go first, by count and by bytes.
 * A reader that is further behind reads the log.
 */

import { type PutHead, textLength } from '../words/op.ts';
import { Queue } from '../words/queue.ts';
import type { Row } from '../words/row.ts';

export interface RecentRow {
  readonly row: Row;
  /** The op as peers get it, once it has been encoded. */
  wire: string | null;
  /** The entry whose expiry alone the row changed; null if it changed more, or came with the log. */
  readonly touched: PutHead | null;
}

export interface RecentLimits {
  readonly maxRecentOps: number;
  readonly maxRecentBytes: number;
}

const bytesOf = ({ op }: Row): number => textLength(op);

export class RecentRows {
  readonly #limits: RecentLimits;
  readonly #all = new Queue<RecentRow>();
  readonly #byOrigin = new Map<string, Queue<RecentRow>>();
  /** The run of the last row that came: nearly always the next row is of the same origin. */
  #last: { readonly origin: string; readonly run: Queue<RecentRow> } | null = null;
  #bytes = 0;

  constructor(limits: RecentLimits) {
    this.#limits = limits;
  }

  /** A row that does not follow the last one (a compacted log, a snapshot) drops all older rows. */
  push(row: Row, touched: PutHead | null = null): RecentRow {
    if (!this.#follows(row)) this.clear();
    const recent: RecentRow = { row, wire: null, touched };
    this.#all.push(recent);
    this.#runOf(row.op.origin).push(recent);
    this.#bytes += bytesOf(row);
    while (
      this.#all.length > this.#limits.maxRecentOps ||
      this.#bytes > this.#limits.maxRecentBytes
    )
      if (!this.#dropOldest()) break;
    return recent;
  }

  /** All rows of the origin with a greater seq, in order, or undefined if some are no longer here. */
  opsAfter(origin: string, seq: number): RecentRow[] | undefined {
    const run = this.#byOrigin.get(origin);
    const first = run?.at(0);
    if (run === undefined || first === undefined || first.row.op.seq > seq + 1) return undefined;
    return run.slice(seq + 1 - first.row.op.seq);
  }

  /** At most `limit` rows with a greater lsn, in order, or undefined if some are no longer here. */
  rowsAfter(lsn: number, limit: number): RecentRow[] | undefined {
    const first = this.#all.at(0);
    if (first === undefined || first.row.lsn > lsn + 1) return undefined;
    const from = lsn + 1 - first.row.lsn;
    return this.#all.slice(from, from + limit);
  }

  /** The first of the rows that are kept. */
  get oldest(): RecentRow | undefined {
    return this.#all.at(0);
  }

  get size(): number {
    return this.#all.length;
  }

  /** Bytes of their keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#all.clear();
    this.#byOrigin.clear();
    this.#last = null;
    this.#bytes = 0;
  }

  #follows({ lsn, op }: Row): boolean {
    const { last } = this.#all;
    if (last !== undefined && last.row.lsn + 1 !== lsn) return false;
    const before = this.#runOf(op.origin).last;
    return before === undefined || before.row.op.seq + 1 === op.seq;
  }

  #runOf(origin: string): Queue<RecentRow> {
    if (this.#last?.origin === origin) return this.#last.run;
    const run = this.#byOrigin.get(origin) ?? new Queue<RecentRow>();
    this.#byOrigin.set(origin, run);
    this.#last = { origin, run };
    return run;
  }

  #dropOldest(): boolean {
    const oldest = this.#all.shift();
    if (oldest === undefined) return false;
    const { origin } = oldest.row.op;
    const run = this.#runOf(origin);
    run.shift();
    if (run.length === 0) {
      this.#byOrigin.delete(origin);
      this.#last = null;
    }
    this.#bytes -= bytesOf(oldest.row);
    return true;
  }
}
