/**
 * Proves the rows that an opening from a checkpoint did not read: each has its own hash and is a possible op,
 * and the rows match the records, as a replay checks them; and no row is greater than the entry of its key. It
 * takes one small page a step, so that its caller sets its pace.
 *
 * If compaction removes rows in between, it begins anew.
 */
import type { Log, PageLimit } from '../log/log.ts';
import { WrongCheckpointError } from '../words/errors.ts';
import { compareOps, formatOpId, isOnKey } from '../words/op.ts';
import type { Row } from '../words/row.ts';
import { KIB } from '../words/size.ts';
import { RowCheck } from './replay.ts';
import type { Replica } from './replica.ts';

/** One or two milliseconds. */
const PAGE: PageLimit = { maxRows: 256, maxBytes: 256 * KIB };

export class Proving {
  readonly #replica: Replica;
  readonly #log: Log;
  #check: RowCheck;
  #removedRows = 0;
  #lsn = 0;
  #lastLsn = 0;
  #isUnderWay = false;
  #isDone: boolean;

  constructor(replica: Replica) {
    this.#replica = replica;
    this.#log = replica.log;
    this.#check = this.#begin();
    this.#isDone = replica.restoredLsn === null;
  }

  /** Whether every row that was there at the opening has been checked since. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The part of the lsns that is proved, from 0 to 1. */
  get share(): number {
    return this.#isDone ? 1 : this.#lsn / this.#lastLsn;
  }

  /**
   * Checks the next page; does nothing while an earlier step goes on, and once all is proved.
   *
   * @throws DamagedLogError at the first row that can't be as it was written.
   * @throws WrongCheckpointError at the first row that is greater than the entry of its key.
   */
  async step(): Promise<void> {
    if (this.#isDone || this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      await this.#step();
    } finally {
      this.#isUnderWay = false;
    }
  }

  async #step(): Promise<void> {
    const { log, removedRows } = this.#replica;
    // Another log has replaced this one (rule 12), and was read whole.
    if (log !== this.#log) {
      this.#isDone = true;
      return;
    }
    if (removedRows !== this.#removedRows) this.#check = this.#begin();
    const rows = await log.rowsAfter(this.#lsn, PAGE);
    if (this.#replica.log !== log || this.#replica.removedRows !== this.#removedRows) return;
    for (const row of rows) {
      if (row.lsn > this.#lastLsn) break;
      this.#check.row(row);
      this.#compareEntry(row);
      this.#lsn = row.lsn;
    }
    if (rows.length > 0 && this.#lsn < this.#lastLsn) return;
    this.#check.end(this.#lsn, this.#lastLsn);
    this.#isDone = true;
  }

  /** The rows and records of the last commit. */
  #begin(): RowCheck {
    const replica = this.#replica;
    this.#removedRows = replica.removedRows;
    this.#lsn = 0;
    this.#lastLsn = replica.lastLsn;
    const origins = [...replica.wholeVector().keys()];
    return new RowCheck(
      origins.map((origin) => replica.record(origin)),
      replica.place,
    );
  }

  #compareEntry({ lsn, won, op }: Row): void {
    if (!won || !isOnKey(op)) return;
    const entry = this.#replica.map.head(op.key);
    if (entry !== undefined && compareOps(op, entry) > 0)
      throw new WrongCheckpointError(this.#replica.place, formatOpId(op), lsn);
  }
}
