/**
 * Rows that are read from the log because memory had no room for their values.
 *
 * Invariants: one read of the log is under way at a time, of bounded size; a row is read once for all that
 * wait for it; a row that can't be as it was written is given to nobody, and stops the node.
 */
import type { Log } from '../log/log.ts';
import { DamagedLogError, type HearsayError } from '../words/errors.ts';
import { hasTrueHash } from '../words/hash.ts';
import { type InLog, isOnKey, type KeyOp } from '../words/op.ts';
import { Queue } from '../words/queue.ts';
import type { Row } from '../words/row.ts';
import { MIB } from '../words/size.ts';

const MAX_ROWS = 256;
/** A read ends with the row that reaches this. */
const MAX_BYTES = MIB;
/** The size of a row whose size nobody knows: a part of a snapshot has some hundred of them. */
const GUESSED_BYTES = 512;

export interface ColdRowsOptions {
  /** The present log. */
  readonly log: () => Log;
  /** The log's name in errors. */
  readonly place: string;
  /** The log is damaged: the node must stop. */
  readonly failed: (error: HearsayError) => void;
}

/** A row that is asked for, with the bytes of its texts if they are known. */
export type AskedRow = InLog & { readonly textBytes?: number };

interface Waiting {
  readonly asked: AskedRow;
  readonly op: PromiseWithResolvers<KeyOp | null>;
}

export class ColdRows {
  /** Rows that were read. */
  reads = 0;
  readonly #options: ColdRowsOptions;
  readonly #byLsn = new Map<number, Waiting>();
  readonly #queue = new Queue<Waiting>();
  #isReading = false;

  constructor(options: ColdRowsOptions) {
    this.#options = options;
  }

  /**
   * @returns the op of the row; null if the row has gone, because another op took the place of its own, or
   *   because another log took the place of this one.
   * @throws HearsayError if the log can't be read, DamagedLogError if the row can't be as it was written.
   */
  read(asked: AskedRow): Promise<KeyOp | null> {
    const known = this.#byLsn.get(asked.lsn);
    if (known !== undefined) return known.op.promise;
    const waiting = { asked, op: Promise.withResolvers<KeyOp | null>() };
    this.#byLsn.set(asked.lsn, waiting);
    this.#queue.push(waiting);
    if (!this.#isReading) void this.#readAll();
    return waiting.op.promise;
  }

  /** Another log has taken the place of this one, and the map is its fold: its rows are others. */
  forget(): void {
    for (const { op } of this.#byLsn.values()) op.resolve(null);
    this.#byLsn.clear();
    this.#queue.clear();
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    // Rows that are asked for in one turn of the event loop share a read.
    await Promise.resolve();
    for (let some = this.#next(); some.length > 0; some = this.#next()) await this.#readSome(some);
    this.#isReading = false;
  }

  #next(): Waiting[] {
    const some: Waiting[] = [];
    let bytes = 0;
    while (some.length < MAX_ROWS && bytes < MAX_BYTES) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) break;
      some.push(waiting);
      bytes += waiting.asked.textBytes ?? GUESSED_BYTES;
    }
    return some;
  }

  async #readSome(some: readonly Waiting[]): Promise<void> {
    const log = this.#options.log();
    try {
      const rows = await log.rowsAt(some.map(({ asked }) => asked.lsn));
      if (log !== this.#options.log()) return;
      const byLsn = new Map(rows.map((row) => [row.lsn, row]));
      for (const waiting of some) this.#settle(waiting, byLsn.get(waiting.asked.lsn));
    } catch (error) {
      if (log !== this.#options.log()) return;
      for (const waiting of some) this.#reject(waiting, error);
      if (error instanceof DamagedLogError) this.#options.failed(error);
    }
  }

  #settle(waiting: Waiting, row: Row | undefined): void {
    if (row !== undefined && (!isOnKey(row.op) || !hasTrueHash(row.op))) {
      const fault = 'the hash of the row is not that of its content';
      const error = new DamagedLogError(this.#options.place, fault, row.lsn);
      this.#reject(waiting, error);
      this.#options.failed(error);
      return;
    }
    this.#byLsn.delete(waiting.asked.lsn);
    if (row !== undefined) this.reads++;
    waiting.op.resolve(row !== undefined && isOnKey(row.op) ? row.op : null);
  }

  #reject({ asked, op }: Waiting, error: unknown): void {
    this.#byLsn.delete(asked.lsn);
    op.reject(error);
  }
}
