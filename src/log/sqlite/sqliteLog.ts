/**
 * The log in a SQLite file, written by one worker thread and read by another.
 *
 * An append resolves only when the disk has it as durably as the log was opened for. Reads show only
 * appends that have resolved: `#lastLsn` moves when an append resolves, and goes with every read.
 */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  CommitFailedError,
  DamagedLogError,
  DiskFullError,
  DuplicateOpError,
  HearsayError,
  LockedDirectoryError,
  SettingError,
  StoppedError,
  WrongDirectoryError,
} from '../../words/errors.ts';
import { add, type Hash, ZERO } from '../../words/hash.ts';
import type { Op } from '../../words/op.ts';
import type { LogHeader, OriginRecord, Row, RowHead } from '../../words/row.ts';
import type { Commit, Log, PageLimit } from '../log.ts';
import { lastLsnAfter, outlivesPowerCuts } from '../log.ts';
import { DirectoryLock, makeDirectory } from './directoryLock.ts';
import type { Fault } from './faults.ts';
import { checkIsFile, recordColumns } from './file.ts';
import { isUnsynced, metaRows, parseHeader } from './header.ts';
import type {
  Opened,
  ReaderReply,
  ReaderRequest,
  Rows,
  Sum,
  WriterReply,
  WriterRequest,
} from './messages.ts';
import { packRows, RowUnpacker } from './packedRows.ts';
import { newReplyWay, type ReplyWay } from './replyWay.ts';
import { WorkerChannel } from './workerChannel.ts';

/** In milliseconds. */
export interface CommitTimes {
  /** From the call to its end, with the way to the thread that writes. */
  readonly commitMs: number;
  /** The end of the transaction, which writes it and, with durability full, syncs it. */
  readonly syncMs: number;
}

export interface SqliteLogOptions {
  /** The data directory; it is made if it is missing. */
  readonly directory: string;
  /** `full`: every commit is synced to the disk. `normal`: a power cut may take the last ones back. */
  readonly durability: 'full' | 'normal';
  /** The log must be of this cluster; a new one is made for it. */
  readonly clusterName: string;
  /** Makes the origin of a new log; not called if there is a log. */
  readonly newOrigin: () => string;
  /** Called after each commit. */
  readonly committed?: (times: CommitTimes) => void;
  /** For tests: the most pages of 4 KiB in the file, as if the disk were full there. */
  readonly maxPages?: number;
}

const FILE_NAME = 'hearsay.db';
/** Ops summed in one step: about 3 ms, for which other reads wait. */
const SUM_STEP = 10_000;

/** Room of a worker thread for young objects: V8 would take up to 48 MiB, and keep them. */
const YOUNG_MEBIBYTES = 12;

type WriterChannel = WorkerChannel<WriterRequest, WriterReply>;
type ReaderChannel = WorkerChannel<ReaderRequest, ReaderReply>;

/**
 * Opens the log of a data directory, or makes one there, and holds the directory until it is closed.
 *
 * @throws LockedDirectoryError if another process has it open.
 * @throws WrongDirectoryError if it is another cluster's, or was written by a later version.
 * @throws DamagedLogError if the file is not a whole log.
 * @throws SettingError if the directory can't be made or written.
 * @throws DiskFullError if a new log does not fit.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<Log> {
  const directory = resolve(options.directory);
  await makeDirectory(directory);
  const file = join(directory, FILE_NAME);
  checkIsFile(file);
  const lock = new DirectoryLock(directory);
  const { ofAsker, ofWorker } = newReplyWay();
  const writer: WriterChannel = new WorkerChannel(
    startWorker('writerWorker', 'writer', ofWorker),
    ofAsker,
  );
  const reader: ReaderChannel = new WorkerChannel(startWorker('readerWorker', 'reader'));
  try {
    const opened = await writer.request({
      type: 'open',
      file,
      clusterName: options.clusterName,
      newOrigin: existsSync(file) ? null : options.newOrigin(),
      durability: options.durability,
      maxPages: options.maxPages ?? null,
    });
    if (opened.type !== 'opened') throw openingError(directory, file, opened);
    const ready = await reader.request({ type: 'open', file });
    if (ready.type !== 'done') throw openingError(directory, file, ready);
    return new SqliteLog({
      file,
      durability: options.durability,
      opened,
      writer,
      reader,
      ...(options.committed && { committed: options.committed }),
      release: () => lock.release(),
    });
  } catch (error) {
    await endWorker(reader);
    await endWorker(writer);
    lock.release();
    throw error;
  }
}

/** In development the sources run directly; in the package they are compiled. */
function startWorker(name: string, role: string, replyWay: ReplyWay | null = null): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./${name}.${extension}`, import.meta.url);
  // The main thread may have options with which a worker refuses to start.
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MEBIBYTES };
  return new Worker(url, {
    name: `hearsay-log-${role}`,
    execArgv: [],
    resourceLimits,
    workerData: replyWay,
    transferList: replyWay === null ? [] : [replyWay.port],
  });
}

export interface SqliteLogParts {
  readonly file: string;
  readonly durability: 'full' | 'normal';
  readonly opened: Opened;
  readonly writer: WriterChannel;
  readonly reader: ReaderChannel;
  readonly committed?: (times: CommitTimes) => void;
  /** Gives up the directory. */
  readonly release: () => void;
}

/** Exported for tests; `openSqliteLog` makes it. */
export class SqliteLog implements Log {
  readonly header: LogHeader;
  readonly origins: readonly OriginRecord[];
  readonly lastLsn: number;
  readonly stoppedUncleanly: boolean;
  readonly durability: 'full' | 'normal';

  readonly #parts: SqliteLogParts;
  readonly #unpacker = new RowUnpacker();
  #lastLsn: number;
  /** Settles with the append under way, however that ends. */
  #underWay: Promise<void> | null = null;
  /** The commit with an unknown outcome: no other may follow it. */
  #failure: CommitFailedError | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: SqliteLogParts) {
    const { meta, origins, lastLsn } = parts.opened;
    this.#parts = parts;
    this.header = parseHeader(meta);
    this.origins = origins;
    this.lastLsn = lastLsn;
    this.stoppedUncleanly = isUnsynced(meta);
    this.durability = parts.durability;
    this.#lastLsn = lastLsn;
  }

  append(commit: Commit): Promise<void> {
    if (this.#closing !== null) return Promise.reject(new StoppedError());
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#underWay !== null)
      return Promise.reject(new CommitFailedError('another append is under way'));
    const appended = this.#append(commit).finally(() => {
      this.#underWay = null;
    });
    this.#underWay = appended.catch(() => {});
    return appended;
  }

  settleEnded(): boolean {
    return this.#parts.writer.takeSent();
  }

  async #append(commit: Commit): Promise<void> {
    try {
      const lastLsn = lastLsnAfter(commit, this.#lastLsn);
      const begunAtMs = performance.now();
      const reply = await this.#parts.writer.request({
        type: 'append',
        rows: packRows(commit.rows),
        records: commit.origins.flatMap(recordColumns),
        meta: metaRows(commit.header ?? {}),
        removed: commit.removed ?? [],
        changesOrigin: commit.header?.origin !== undefined,
        isSynced: outlivesPowerCuts(commit),
      });
      if (reply.type === 'failed' && reply.fault.kind === 'full') throw new DiskFullError();
      if (reply.type === 'failed' && reply.fault.kind === 'duplicate')
        throw new DuplicateOpError(new Error(reply.fault.message));
      if (reply.type === 'failed') throw new CommitFailedError(reply.fault.message);
      this.#lastLsn = lastLsn;
      const syncMs = reply.type === 'done' ? (reply.syncMs ?? 0) : 0;
      this.#parts.committed?.({ commitMs: performance.now() - begunAtMs, syncMs });
    } catch (error) {
      if (error instanceof DiskFullError) throw error;
      this.#failure = error instanceof CommitFailedError ? error : new CommitFailedError(error);
      throw this.#failure;
    }
  }

  async rowsAfter(lsn: number, { maxRows, maxBytes }: PageLimit): Promise<Row[]> {
    const upToLsn = this.#lastLsn;
    const reply = await this.#read({ type: 'rows', after: lsn, upToLsn, maxRows, maxBytes });
    return reply.type === 'rows' ? this.#unpacker.rows(reply.rows) : [];
  }

  async rowsAt(lsns: readonly number[]): Promise<Row[]> {
    const held = lsns.filter((lsn) => lsn <= this.#lastLsn);
    if (held.length === 0) return [];
    const reply = await this.#read({ type: 'rowsAt', lsns: held });
    return reply.type === 'rows' ? this.#unpacker.rows(reply.rows) : [];
  }

  async headsAfter(lsn: number, maxRows: number): Promise<RowHead[]> {
    const upToLsn = this.#lastLsn;
    const reply = await this.#read({ type: 'heads', after: lsn, upToLsn, maxRows });
    return reply.type === 'rows' ? this.#unpacker.heads(reply.rows) : [];
  }

  async opsAfter(origin: string, after: number, { maxRows, maxBytes }: PageLimit): Promise<Op[]> {
    const upToLsn = this.#lastLsn;
    const reply = await this.#read({ type: 'ops', origin, after, upToLsn, maxRows, maxBytes });
    return reply.type === 'rows' ? this.#unpacker.ops(reply.rows) : [];
  }

  async sumBetween(origin: string, after: number, upTo: number): Promise<Hash> {
    const upToLsn = this.#lastLsn;
    const step = { type: 'sum', origin, upTo, upToLsn, maxRows: SUM_STEP } as const;
    let sum = ZERO;
    let from = after;
    while (from < upTo) {
      const part = await this.#read({ ...step, after: from });
      if (part.type !== 'sum' || part.lastSeq === null) break;
      sum = add(sum, part);
      from = part.lastSeq;
    }
    return sum;
  }

  async #read(request: ReaderRequest): Promise<Rows | Sum> {
    const { file, reader } = this.#parts;
    if (this.#closing !== null) throw new HearsayError('The log is closed.');
    const reply = await reader.request(request).catch((error: unknown) => {
      throw unreadable(file, error instanceof Error ? error.message : String(error));
    });
    if (reply.type === 'failed') throw readingError(file, reply.fault);
    if (reply.type === 'done') throw unreadable(file, 'the answer was not one to a read');
    return reply;
  }

  async sizeBytes(): Promise<number> {
    const { file } = this.#parts;
    const sizes = await Promise.all([file, `${file}-wal`].map(sizeOf));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { writer, reader, release } = this.#parts;
    await this.#underWay;
    // The reader closes first, because the last connection to close writes the write-ahead log back
    // into the file.
    await endWorker(reader);
    await endWorker(writer);
    release();
  }
}

/** A worker that has died has nothing left to close. */
async function endWorker(channel: WriterChannel | ReaderChannel): Promise<void> {
  await channel.request({ type: 'close' }).catch(() => {});
  await channel.exited();
}

async function sizeOf(file: string): Promise<number> {
  const status = await stat(file).catch(() => null);
  return status?.size ?? 0;
}

const unreadable = (file: string, reason: string): HearsayError =>
  new HearsayError(
    `The log ${file} could not be read (${reason}): look whether its disk is full or fails.`,
  );

const readingError = (file: string, fault: Fault): HearsayError =>
  fault.kind === 'damaged'
    ? new DamagedLogError(file, fault.message, fault.lsn)
    : unreadable(file, fault.message);

function openingError(directory: string, file: string, reply: WriterReply | ReaderReply): Error {
  if (reply.type !== 'failed') return unreadable(file, `the answer to opening was ${reply.type}`);
  const { kind, message } = reply.fault;
  switch (kind) {
    case 'full':
      return new DiskFullError();
    case 'locked':
      return new LockedDirectoryError(directory);
    case 'wrong':
      return new WrongDirectoryError(`The data directory ${directory} ${message}.`);
    case 'unusable':
      return new SettingError(`The log ${file} can't be opened (${message}).`);
    default:
      return readingError(file, reply.fault);
  }
}
