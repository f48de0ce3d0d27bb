/**
 * The slots of a region in a SQLite file: what is wanted there, and the process that was started last.
 * An epoch is stored before its process starts, so that no two processes of a slot have the same.
 */
import Database from 'better-sqlite3';
import { z } from 'zod';
import { WANTED_STATES, type WantedState } from '../rules/worldConfiguration.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS slot (
    world TEXT NOT NULL, slot INTEGER NOT NULL, wanted TEXT NOT NULL,
    configuration_version INTEGER NOT NULL, epoch INTEGER NOT NULL DEFAULT 0,
    is_living INTEGER NOT NULL DEFAULT 0, pid INTEGER, pid_start TEXT,
    started_at_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (world, slot)
  ) STRICT;
`;

export interface ProcessName {
  readonly pid: number;
  /** When it was started, as the system tells it: another process of that pid has another. */
  readonly startTime: string;
}

export interface StoredSlot {
  readonly world: string;
  readonly slot: number;
  readonly wanted: WantedState;
  readonly configurationVersion: number;
  /** Of the last process; 0: there was none yet. */
  readonly epoch: number;
  /** Whether the last process was not seen to be gone. */
  readonly isLiving: boolean;
  /** Null: the fleet ended before it could store it. */
  readonly process: ProcessName | null;
  readonly startedAtMs: number;
}

const slotRow = z
  .object({
    world: z.string(),
    slot: z.int(),
    wanted: z.enum(WANTED_STATES),
    configuration_version: z.int(),
    epoch: z.int(),
    is_living: z.int(),
    pid: z.int().nullable(),
    pid_start: z.string().nullable(),
    started_at_ms: z.int(),
  })
  .transform(
    (row): StoredSlot => ({
      world: row.world,
      slot: row.slot,
      wanted: row.wanted,
      epoch: row.epoch,
      configurationVersion: row.configuration_version,
      isLiving: row.is_living !== 0,
      process:
        row.pid === null || row.pid_start === null
          ? null
          : { pid: row.pid, startTime: row.pid_start },
      startedAtMs: row.started_at_ms,
    }),
  );

export class SlotStore implements Disposable {
  readonly #database: Database.Database;

  /** @param file `:memory:` for none. */
  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.pragma('journal_mode = WAL');
    // An epoch that was forgotten would be given twice.
    this.#database.pragma('synchronous = FULL');
    this.#database.exec(SCHEMA);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  slots(): StoredSlot[] {
    const rows = this.#database.prepare('SELECT * FROM slot ORDER BY world, slot').all();
    return z.array(slotRow).parse(rows);
  }

  set(world: string, slot: number, wanted: WantedState, configurationVersion: number): void {
    this.#database
      .prepare(
        `INSERT INTO slot (world, slot, wanted, configuration_version) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET wanted = excluded.wanted,
           configuration_version = excluded.configuration_version`,
      )
      .run(world, slot, wanted, configurationVersion);
  }

  /** @returns the epoch of the process that is to be started now. */
  raiseEpoch(world: string, slot: number, nowMs: number): number {
    const row = this.#database
      .prepare(
        `UPDATE slot SET epoch = epoch + 1, is_living = 1, pid = NULL, pid_start = NULL,
           started_at_ms = ? WHERE world = ? AND slot = ? RETURNING epoch`,
      )
      .get(nowMs, world, slot);
    return z.object({ epoch: z.int().min(1) }).parse(row).epoch;
  }

  setProcess(world: string, slot: number, { pid, startTime }: ProcessName): void {
    this.#database
      .prepare('UPDATE slot SET pid = ?, pid_start = ? WHERE world = ? AND slot = ?')
      .run(pid, startTime, world, slot);
  }

  setGone(world: string, slot: number): void {
    this.#database
      .prepare(
        `UPDATE slot SET is_living = 0, pid = NULL, pid_start = NULL
         WHERE world = ? AND slot = ?`,
      )
      .run(world, slot);
  }
}
