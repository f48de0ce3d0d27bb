/**
 * The records that belong to the rows of an export. An export may hold fewer rows than the log: it ends
 * at a point, and compaction may remove rows while they are read. So its records are computed anew, and
 * the export is a log by itself: each sum, less that of the compacted rows, is the sum of its rows.
 */
import { DamagedLogError } from '../../words/errors.ts';
import { add, carriedHash, type Hash, sameHash, subtract, ZERO } from '../../words/hash.ts';
import type { OriginRecord, Row } from '../../words/row.ts';
import { RowGoneError } from './entriesAt.ts';
import type { OpsEnd, OpsHead } from './exportFormat.ts';
import type { LogFacts } from './logSource.ts';

interface Tally {
  seq: number;
  sum: Hash;
}

export class OpsExport {
  readonly #place: string;
  readonly #head: OpsHead;
  readonly #tallies = new Map<string, Tally>();
  #rows = 0;

  /** @param place the log's name in errors. */
  constructor(place: string, head: OpsHead) {
    this.#place = place;
    this.#head = head;
  }

  get rows(): number {
    return this.#rows;
  }

  take({ op }: Row): void {
    this.#rows++;
    const tally = this.#tallies.get(op.origin) ?? { seq: 0, sum: ZERO };
    tally.seq = Math.max(tally.seq, op.seq);
    tally.sum = add(tally.sum, carriedHash(op));
    this.#tallies.set(op.origin, tally);
  }

  /**
   * @param now the facts after the last row.
   * @throws DamagedLogError if the rows do not add up, RowGoneError if compaction came between.
   */
  end(now: LogFacts): OpsEnd {
    const later = new Map(now.records.map((record) => [record.origin, record]));
    const isWhole = this.#head.upToLsn >= this.#head.lastLsn;
    const records = this.#head.records.map((record) =>
      isWhole
        ? this.#wholeRecord(record, later.get(record.origin) ?? record)
        : this.#recordAtPoint(record, later.get(record.origin) ?? record),
    );
    return { rows: this.#rows, records: records.filter(({ seq }) => seq > 0) };
  }

  #wholeRecord(record: OriginRecord, later: OriginRecord): OriginRecord {
    const compactedSum = subtract(record.sum, this.#tallies.get(record.origin)?.sum ?? ZERO);
    if (!sameHash(record.compactedSum, later.compactedSum))
      return {
        ...record,
        compactedSum,
        reach: Math.max(record.reach, Math.min(later.reach, record.seq)),
      };
    if (!sameHash(compactedSum, record.compactedSum))
      throw new DamagedLogError(
        this.#place,
        `the rows of ${record.origin} do not add up to its recorded sum`,
        null,
      );
    return record;
  }

  /** Compacted rows came before any point that can be named. */
  #recordAtPoint(record: OriginRecord, later: OriginRecord): OriginRecord {
    if (!sameHash(record.compactedSum, later.compactedSum)) throw new RowGoneError(this.#place);
    const tally = this.#tallies.get(record.origin) ?? { seq: 0, sum: ZERO };
    return {
      ...record,
      seq: Math.max(tally.seq, record.reach),
      sum: add(record.compactedSum, tally.sum),
    };
  }
}
