/**
 * Compares the rows of each origin with its record. Above the reach, seqs follow one another without
 * gaps in order of lsn, up to the recorded one, and the sum of the rows is the recorded sum less that
 * of the compacted rows. Up to the reach, compaction and snapshots may leave any rows.
 */
import { type Hash, sameHash, subtract, ZERO } from '../words/hash.ts';
import type { OpId } from '../words/op.ts';
import type { OriginRecord } from '../words/row.ts';

export interface SeqFault {
  readonly kind: /** Ops that the log says it holds are not there. */
    | 'missing'
    /** An op stands twice. */
    | 'doubled'
    /** Rows do not stand in the order in which they came. */
    | 'order'
    /** The record of the origin does not cover the row. */
    | 'unknown'
    /** The rows of an origin do not add up to its recorded sum. */
    | 'sum';
  /** Null if it is about no single row. */
  readonly lsn: number | null;
  readonly origin: string;
  readonly seq: number | null;
  /** A sentence without its subject, the row, which is printed before it. */
  readonly text: string;
}

/** Seqs that were skipped, `from` to `to`, and the row that skipped them. */
interface Gap {
  from: number;
  readonly to: number;
  readonly beforeLsn: number;
}

interface Tally {
  readonly record: OriginRecord | undefined;
  /** The greatest seq so far; the reach at the beginning. */
  seq: number;
  lsn: number;
  sumHigh: number;
  sumLow: number;
  gaps: Gap[];
  hasTold: boolean;
}

export class SeqCheck {
  readonly #records: ReadonlyMap<string, OriginRecord>;
  readonly #tallies = new Map<string, Tally>();
  readonly #tell: (fault: SeqFault) => void;
  readonly #isFaulty: (origin: string) => boolean;
  /** The origin of the last row: rows of an origin often come in runs. */
  #origin = '';
  #tally: Tally | undefined;

  /**
   * @param tell called for each fault; it may throw, and the check ends there.
   * @param isFaulty whether a fault of the origin is known, which explains its sum too.
   */
  constructor(
    records: readonly OriginRecord[],
    tell: (fault: SeqFault) => void,
    isFaulty: (origin: string) => boolean,
  ) {
    this.#records = new Map(records.map((record) => [record.origin, record]));
    this.#tell = tell;
    this.#isFaulty = isFaulty;
    for (const { origin } of records) this.#tallyOf(origin);
  }

  row(lsn: number, op: OpId & { readonly hashHigh: number; readonly hashLow: number }): void {
    const tally = this.#tallyOf(op.origin);
    const low = tally.sumLow + op.hashLow;
    tally.sumHigh = (tally.sumHigh + op.hashHigh + (low > 0xffffffff ? 1 : 0)) >>> 0;
    tally.sumLow = low >>> 0;
    const { record } = tally;
    if (record === undefined || op.seq > record.seq) this.#tellUnknown(tally, lsn, op);
    if (op.seq > (record?.reach ?? 0)) this.#place(tally, lsn, op);
  }

  /** Called after the last row. */
  end(): void {
    for (const [origin, tally] of this.#tallies) {
      const last = tally.record?.seq ?? 0;
      for (const gap of tally.gaps) this.#tellMissing(origin, gap);
      if (tally.record !== undefined && tally.seq < last)
        this.#tellMissing(origin, { from: tally.seq + 1, to: last, beforeLsn: 0 });
      this.#checkSum(origin, tally);
    }
  }

  /** The sum of the rows of the origin that were read. */
  sumOf(origin: string): Hash {
    const tally = this.#tallies.get(origin);
    return tally === undefined ? ZERO : { high: tally.sumHigh, low: tally.sumLow };
  }

  #tallyOf(origin: string): Tally {
    if (origin === this.#origin && this.#tally !== undefined) return this.#tally;
    let tally = this.#tallies.get(origin);
    if (tally === undefined) {
      const record = this.#records.get(origin);
      tally = {
        record,
        seq: record?.reach ?? 0,
        lsn: 0,
        sumHigh: 0,
        sumLow: 0,
        gaps: [],
        hasTold: false,
      };
      this.#tallies.set(origin, tally);
    }
    this.#origin = origin;
    this.#tally = tally;
    return tally;
  }

  #place(tally: Tally, lsn: number, { origin, seq }: OpId): void {
    if (seq === tally.seq + 1) {
      tally.seq = seq;
      tally.lsn = lsn;
      return;
    }
    if (seq > tally.seq) {
      tally.gaps.push({ from: tally.seq + 1, to: seq - 1, beforeLsn: lsn });
      tally.seq = seq;
      tally.lsn = lsn;
      return;
    }
    const gap = tally.gaps.find(({ from, to }) => from <= seq && seq <= to);
    if (gap === undefined) {
      this.#tell({ kind: 'doubled', lsn, origin, seq, text: 'stands in the log twice' });
      return;
    }
    const text = `stands after ${origin}/${tally.seq} (lsn ${tally.lsn}), which came later: rows were swapped`;
    this.#tell({ kind: 'order', lsn, origin, seq, text });
    tally.gaps.splice(tally.gaps.indexOf(gap), 1, ...splitAt(gap, seq));
  }

  #tellUnknown(tally: Tally, lsn: number, { origin, seq }: OpId): void {
    if (tally.hasTold) return;
    tally.hasTold = true;
    const text =
      tally.record === undefined
        ? 'is of an origin of which the log has no record'
        : `is above ${tally.record.seq}, the last that the log says it holds of its origin`;
    this.#tell({ kind: 'unknown', lsn, origin, seq, text });
  }

  #tellMissing(origin: string, { from, to, beforeLsn }: Gap): void {
    const others = to > from ? `; so are the ${to - from} after it, up to ${origin}/${to}` : '';
    const place = beforeLsn > 0 ? `before lsn ${beforeLsn}` : 'at its end';
    const text = `is missing from the log, ${place}${others}`;
    this.#tell({ kind: 'missing', lsn: beforeLsn || null, origin, seq: from, text });
  }

  #checkSum(origin: string, { record, sumHigh, sumLow }: Tally): void {
    if (record === undefined || this.#isFaulty(origin)) return;
    const kept = subtract(record.sum, record.compactedSum);
    const found = { high: sumHigh, low: sumLow };
    if (sameHash(kept, found)) return;
    const below = record.reach > 0 ? `, or a row up to ${origin}/${record.reach} is missing` : '';
    const text = `its rows do not add up to the recorded sum: a hash was changed together with its row${below}`;
    this.#tell({ kind: 'sum', lsn: null, origin, seq: null, text });
  }
}

function splitAt({ from, to, beforeLsn }: Gap, seq: number): Gap[] {
  return [
    { from, to: seq - 1, beforeLsn },
    { from: seq + 1, to, beforeLsn },
  ].filter((part) => part.from <= part.to);
}
