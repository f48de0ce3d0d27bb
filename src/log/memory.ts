/**
 * The log in memory, for the simulator and for tests. A crash leaves exactly the committed prefix:
 * every append that resolved and, as the caller decides, all or nothing of one under way.
 *
 * It has no clock and no randomness of its own: the hooks that it is opened with decide when an append
 * or a read resolves.
 */
import {
  CommitFailedError,
  DiskFullError,
  DuplicateOpError,
  HearsayError,
  StoppedError,
  WrongDirectoryError,
} from '../words/errors.ts';
import { add, carriedHash, type Hash, ZERO } from '../words/hash.ts';
import { formatOpId, type Op } from '../words/op.ts';
import type { LogHeader, OriginRecord, Row, RowHead } from '../words/row.ts';
import { changedHeader, headOf, newHeader } from '../words/row.ts';
import type { Commit, Log, PageLimit } from './log.ts';
import { lastLsnAfter } from './log.ts';

/** The log that a restart finds: hand it to the next `MemoryLog`. */
export interface StoredLog {
  readonly header: LogHeader;
  readonly origins: readonly OriginRecord[];
  readonly rows: readonly Row[];
  readonly stoppedUncleanly: boolean;
}

export interface MemoryLogOptions {
  readonly clusterName: string;
  /** Makes the origin of a new log; not called if `stored` is given. */
  readonly newOrigin: () => string;
  /** The result of `crash` or `stored` of an earlier log; without it the log is new. */
  readonly stored?: StoredLog;
  /** Changes only `stoppedUncleanly` after a crash; default `full`. */
  readonly durability?: 'full' | 'normal';
  /** An append is stored, and resolves, once this has resolved. */
  readonly commitDelay?: () => Promise<void>;
  /** A read gives the state at its call, and resolves once this has resolved. */
  readonly readDelay?: () => Promise<void>;
  /** The size of the disk: an append that does not fit fails as on a full disk. */
  readonly maxBytes?: number;
}

/** `full`: DiskFullError. `lost` and `stored`: CommitFailedError, and the word is the real outcome. */
export type AppendFailure = 'full' | 'lost' | 'stored';

/** The size of a row beside its texts: about what SQLite needs for its numbers and its index. */
const ROW_BYTES = 100;

/** The bytes that the bounds of a page count. */
const textBytes = (op: Op): number =>
  op.key.length + (op.value?.length ?? 0) + (op.meta?.length ?? 0);

/** The promise of a dead process: it never settles. */
const never = <T>(): Promise<T> => new Promise(() => {});

export class MemoryLog implements Log {
  readonly header: LogHeader;
  readonly origins: readonly OriginRecord[];
  readonly lastLsn: number;
  readonly stoppedUncleanly: boolean;
  readonly durability: 'full' | 'normal';

  readonly #options: MemoryLogOptions;
  #rows: Row[];
  readonly #opsByOrigin = new Map<string, Op[]>();
  readonly #records = new Map<string, OriginRecord>();
  #storedHeader: LogHeader;
  #storedLastLsn: number;
  /** Whether the log must not go on under its origin. */
  #owesOrigin: boolean;
  /** The log that a crash would leave now. */
  #unclean: boolean;
  #bytes = 0;
  #underWay: { readonly commit: Commit; readonly failure: AppendFailure | null } | null = null;
  /** Settles with the last append, however that ends. */
  #ended: Promise<void> = Promise.resolve();
  #nextFailure: AppendFailure | null = null;
  #failed = false;
  #crashed = false;
  #closing = false;

  /** @throws WrongDirectoryError if `stored` is of a cluster of another name. */
  constructor(options: MemoryLogOptions) {
    const { stored, clusterName } = options;
    this.#options = options;
    this.header = stored?.header ?? newHeader(clusterName, options.newOrigin());
    if (this.header.clusterName !== clusterName)
      throw new WrongDirectoryError(
        `The log belongs to the cluster "${this.header.clusterName}", not to "${clusterName}".`,
      );
    this.origins = stored?.origins ?? [];
    this.stoppedUncleanly = stored?.stoppedUncleanly ?? false;
    this.durability = options.durability ?? 'full';
    this.#rows = [...(stored?.rows ?? [])];
    this.lastLsn = this.#rows.at(-1)?.lsn ?? 0;
    this.#storedHeader = this.header;
    this.#storedLastLsn = this.lastLsn;
    this.#owesOrigin = this.stoppedUncleanly;
    this.#unclean = this.stoppedUncleanly || options.durability === 'normal';
    for (const record of this.origins) this.#records.set(record.origin, record);
    for (const row of this.#rows) this.#index(row);
  }

  append(commit: Commit): Promise<void> {
    if (this.#crashed) return never();
    if (this.#closing) return Promise.reject(new StoppedError());
    if (this.#failed) return Promise.reject(new CommitFailedError('an earlier commit failed'));
    if (this.#underWay !== null)
      return Promise.reject(new CommitFailedError('another append is under way'));
    const failure = this.#nextFailure ?? (this.#fits(commit) ? null : 'full');
    this.#nextFailure = null;
    this.#underWay = { commit, failure };
    const appended = this.#append(commit, failure);
    this.#ended = appended.catch(() => {});
    return appended;
  }

  async #append(commit: Commit, failure: AppendFailure | null): Promise<void> {
    try {
      lastLsnAfter(commit, this.#storedLastLsn);
      this.#checkIds(commit);
      await this.#options.commitDelay?.();
      if (this.#crashed) return await never();
      if (failure === 'full') throw new DiskFullError();
      if (failure !== 'lost') this.#store(commit);
      if (failure !== null) throw new CommitFailedError('the disk was told to fail');
    } catch (error) {
      if (!(error instanceof DiskFullError)) this.#failed = true;
      throw error;
    } finally {
      this.#underWay = null;
    }
  }

  rowsAfter(lsn: number, limit: PageLimit): Promise<Row[]> {
    const first = firstIndexAfter(this.#rows, lsn, (row) => row.lsn);
    return this.#read(page(this.#rows, first, limit, (row) => row.op));
  }

  rowsAt(lsns: readonly number[]): Promise<Row[]> {
    const rows = lsns.map(
      (lsn) => this.#rows[firstIndexAfter(this.#rows, lsn - 1, (row) => row.lsn)],
    );
    return this.#read(
      rows.flatMap((row, index) => (row === undefined || row.lsn !== lsns[index] ? [] : [row])),
    );
  }

  headsAfter(lsn: number, maxRows: number): Promise<RowHead[]> {
    const first = firstIndexAfter(this.#rows, lsn, (row) => row.lsn);
    return this.#read(this.#rows.slice(first, first + maxRows).map(headOf));
  }

  opsAfter(origin: string, after: number, limit: PageLimit): Promise<Op[]> {
    const ops = this.#opsByOrigin.get(origin) ?? [];
    const first = firstIndexAfter(ops, after, (op) => op.seq);
    return this.#read(page(ops, first, limit, (op) => op));
  }

  sumBetween(origin: string, after: number, upTo: number): Promise<Hash> {
    const ops = this.#opsByOrigin.get(origin) ?? [];
    const first = firstIndexAfter(ops, after, (op) => op.seq);
    const end = firstIndexAfter(ops, upTo, (op) => op.seq);
    return this.#read(ops.slice(first, end).reduce((sum, op) => add(sum, carriedHash(op)), ZERO));
  }

  sizeBytes(): Promise<number> {
    return this.#read(this.#bytes);
  }

  async close(): Promise<void> {
    if (this.#crashed) return never();
    this.#closing = true;
    // The caller of `append` gets the outcome; closing only waits for it.
    await this.#ended;
    if (this.#crashed) return never();
    this.#unclean = this.#owesOrigin;
  }

  /** Makes the next append fail. */
  failNextAppend(failure: AppendFailure): void {
    this.#nextFailure = failure;
  }

  /**
   * Ends the process that has the log open: its pending promises never settle.
   *
   * @param underWay the fate of an append that has not resolved: the disk may have it or not. An append
   *   that was going to fail still fails.
   */
  crash(underWay: 'lost' | 'kept'): StoredLog {
    const pending = this.#underWay;
    this.#crashed = true;
    this.#underWay = null;
    if (pending !== null) {
      const keeps = pending.failure === null ? underWay === 'kept' : pending.failure === 'stored';
      if (keeps) this.#store(pending.commit);
    }
    return this.stored();
  }

  /** The log as stored now; after `close` the next opening finds it. */
  stored(): StoredLog {
    return {
      header: this.#storedHeader,
      origins: [...this.#records.values()],
      rows: [...this.#rows],
      stoppedUncleanly: this.#unclean,
    };
  }

  async #read<T>(value: T): Promise<T> {
    if (this.#closing) throw new HearsayError('The log is closed.');
    await this.#options.readDelay?.();
    return this.#crashed ? never() : value;
  }

  /** @throws DuplicateOpError if the log holds an op id of the commit already. */
  #checkIds({ rows }: Commit): void {
    const ids = new Set<string>();
    for (const { op } of rows) {
      const id = formatOpId(op);
      const ofOrigin = this.#opsByOrigin.get(op.origin) ?? [];
      const held = ofOrigin[firstIndexAfter(ofOrigin, op.seq - 1, ({ seq }) => seq)];
      if (ids.has(id) || held?.seq === op.seq)
        throw new DuplicateOpError(new Error(`the op id ${id} stands twice`));
      ids.add(id);
    }
  }

  #fits({ rows }: Commit): boolean {
    const { maxBytes } = this.#options;
    if (maxBytes === undefined) return true;
    const bytes = rows.reduce((sum, { op }) => sum + ROW_BYTES + textBytes(op), this.#bytes);
    return bytes <= maxBytes;
  }

  #store({ rows, origins, header, removed }: Commit): void {
    if (removed !== undefined && removed.length > 0) this.#remove(new Set(removed));
    for (const row of rows) {
      this.#rows.push(row);
      this.#index(row);
    }
    this.#storedLastLsn = rows.at(-1)?.lsn ?? this.#storedLastLsn;
    for (const record of origins) this.#records.set(record.origin, record);
    if (header === undefined) return;
    this.#storedHeader = changedHeader(this.#storedHeader, header);
    if (header.origin === undefined) return;
    this.#owesOrigin = false;
    this.#unclean = this.#options.durability === 'normal';
  }

  #index({ op }: Row): void {
    this.#bytes += ROW_BYTES + textBytes(op);
    const ops = this.#opsByOrigin.get(op.origin);
    if (ops === undefined) this.#opsByOrigin.set(op.origin, [op]);
    else
      ops.splice(
        firstIndexAfter(ops, op.seq, ({ seq }) => seq),
        0,
        op,
      );
  }

  #remove(lsns: ReadonlySet<number>): void {
    for (const { lsn, op } of this.#rows) {
      if (!lsns.has(lsn)) continue;
      this.#bytes -= ROW_BYTES + textBytes(op);
      const ops = this.#opsByOrigin.get(op.origin) ?? [];
      ops.splice(ops.indexOf(op), 1);
    }
    this.#rows = this.#rows.filter(({ lsn }) => !lsns.has(lsn));
  }
}

/** The index of the first item with a greater position; the items are in order of position. */
function firstIndexAfter<T>(
  items: readonly T[],
  position: number,
  positionOf: (item: T) => number,
): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && positionOf(item) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function page<T>(
  items: readonly T[],
  first: number,
  { maxRows, maxBytes }: PageLimit,
  opOf: (item: T) => Op,
): T[] {
  const taken: T[] = [];
  let bytes = 0;
  for (let index = first; index < items.length; index++) {
    const item = items[index];
    if (item === undefined) break;
    taken.push(item);
    bytes += textBytes(opOf(item));
    if (taken.length >= maxRows || bytes >= maxBytes) break;
  }
  return taken;
}
