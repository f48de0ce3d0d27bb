/**
 * The thread that writes, so that the wait for the disk does not hold the thread that answers clients.
 *
 * A commit is written in one transaction, so its rows, records and header are never out of step.
 */

import Database from 'better-sqlite3';
import { MIB } from '../../words/size.ts';
import { createFile, RECORD_COLUMNS, readContent } from './file.ts';
import { isUnsynced } from './header.ts';
import { RowInsertion } from './insertion.ts';
import type { Append, Done, Opened, OpenWriter, WriterReply, WriterRequest } from './messages.ts';
import { serve } from './workerServer.ts';

/**
 * The pages in the write-ahead log (4 MiB) at which it is written back; the commit that fills it waits
 * for that. The log holds the last pages many times over and writes each back once, so a smaller number
 * would cost more. With a larger number, the wait was measured to grow from 5 ms to 25.
 */
const CHECKPOINT_PAGES = 1000;
/** A single great commit makes the write-ahead log longer; it is cut to this when it starts anew. */
const WAL_BYTES = 16 * MIB;
/** Appends touch only the last pages of `op` and, for each origin, of its index. */
const CACHE_KIBIBYTES = 8 * 1024;
/** Free pages given back to the disk after a commit that removed rows. */
const VACUUM_PAGES = 256;

class Writer {
  readonly #database: Database.Database;
  readonly #durability: 'full' | 'normal';
  readonly #insertion: RowInsertion;
  readonly #deleteRow: Database.Statement;
  readonly #putRecord: Database.Statement;
  readonly #putFact: Database.Statement;
  readonly #begin: Database.Statement;
  readonly #end: Database.Statement;
  readonly #undo: Database.Statement;
  /** The text in `meta` under that name. */
  #unsynced: boolean;
  /** Whether an earlier stop may have lost ops of the log's present origin. */
  #stoppedUncleanly: boolean;

  constructor(database: Database.Database, request: OpenWriter, stoppedUncleanly: boolean) {
    this.#database = database;
    this.#durability = request.durability;
    this.#unsynced = stoppedUncleanly;
    this.#stoppedUncleanly = stoppedUncleanly;
    this.#insertion = new RowInsertion(database);
    this.#deleteRow = database.prepare('DELETE FROM op WHERE lsn = ?');
    this.#putRecord = database.prepare(
      `INSERT INTO origin (${RECORD_COLUMNS.join(', ')})
       VALUES (${RECORD_COLUMNS.map(() => '?').join(', ')})
       ON CONFLICT (origin) DO UPDATE
       SET ${RECORD_COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    );
    this.#putFact = database.prepare(
      `INSERT INTO meta (name, value) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    );
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#end = database.prepare('COMMIT');
    this.#undo = database.prepare('ROLLBACK');
    // Set last, because it limits the appends and not the writes of opening.
    if (request.durability === 'normal') this.#setUnsynced(true);
    this.#setSynchronous(request.durability);
    if (request.maxPages !== null) database.pragma(`max_page_count = ${request.maxPages}`);
  }

  /** @returns the milliseconds that its end took, which writes it to the disk. */
  append(append: Append): number {
    const syncMs = this.#commit(append);
    if (append.removed.length > 0) this.#giveBackSpace();
    if (append.changesOrigin) {
      this.#stoppedUncleanly = false;
      if (this.#durability === 'full') this.#unsynced = false;
    }
    return syncMs;
  }

  #commit(append: Append): number {
    const isSyncedAlone = append.isSynced && this.#durability === 'normal';
    if (isSyncedAlone) this.#setSynchronous('full');
    try {
      return this.#transact(append);
    } finally {
      if (isSyncedAlone) this.#setSynchronous('normal');
    }
  }

  #transact(append: Append): number {
    this.#begin.run();
    try {
      this.#write(append);
      const writtenAtMs = performance.now();
      this.#end.run();
      return performance.now() - writtenAtMs;
    } catch (error) {
      // A failure may have ended the transaction already, for example a full disk.
      if (this.#database.inTransaction) this.#undo.run();
      throw error;
    }
  }

  close(): void {
    try {
      this.#setUnsynced(this.#stoppedUncleanly);
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // The write-back can fail, for example for want of space. All commits are in the write-ahead log,
      // where the next opening finds them.
    }
    this.#database.close();
  }

  /** Gives back a few pages at a time, because waiting appends wait for this too. */
  #giveBackSpace(): void {
    try {
      this.#database.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
    } catch {
      // This can fail, for example on a full disk: the pages stay free, and later appends use them.
    }
  }

  #write({ rows, records, meta, removed, changesOrigin }: Append): void {
    for (const lsn of removed) this.#deleteRow.run(lsn);
    this.#insertion.insert(rows);
    const width = RECORD_COLUMNS.length;
    for (let at = 0; at < records.length; at += width)
      this.#putRecord.run(records.slice(at, at + width));
    for (const [name, value] of meta) this.#putFact.run(name, value);
    if (changesOrigin && this.#durability === 'full' && this.#unsynced)
      this.#putFact.run('unsynced', 'false');
  }

  /** Syncs this commit, and with it every commit before it, in either durability. */
  #setUnsynced(unsynced: boolean): void {
    if (this.#unsynced === unsynced) return;
    this.#setSynchronous('full');
    this.#putFact.run('unsynced', JSON.stringify(unsynced));
    this.#unsynced = unsynced;
  }

  #setSynchronous(durability: 'full' | 'normal'): void {
    this.#database.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  }
}

let writer: Writer | null = null;

function open(request: OpenWriter): Opened {
  const { file, clusterName, newOrigin } = request;
  if (newOrigin !== null) createFile(file, { clusterName, origin: newOrigin });
  const database = new Database(file, { fileMustExist: true });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    database.pragma(`journal_size_limit = ${WAL_BYTES}`);
    database.pragma(`cache_size = -${CACHE_KIBIBYTES}`);
    // Finds some damage when a page is first read.
    database.pragma('cell_size_check = ON');
    // A schema made by others may name functions, which SQLite then does not call.
    database.pragma('trusted_schema = OFF');
    const content = readContent(database, clusterName);
    writer = new Writer(database, request, isUnsynced(content.meta));
    return { type: 'opened', ...content };
  } catch (error) {
    database.close();
    throw error;
  }
}

function answer(request: WriterRequest): WriterReply {
  const done: Done = { type: 'done' };
  switch (request.type) {
    case 'open':
      return open(request);
    case 'append':
      if (writer === null) throw new Error('The log is not open.');
      return { type: 'done', syncMs: writer.append(request) };
    case 'close':
      writer?.close();
      writer = null;
      return done;
  }
}

serve(answer);
