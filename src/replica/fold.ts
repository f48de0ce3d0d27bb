/**
 * Rule 6: the state that a replica derives from its log: the map, the members, the recent rows, the
 * records of the origins and the header.
 *
 * Invariant: it changes only by a committed batch, by another log, and by facts of the header that the
 * next commit writes.
 */
import type { Commit, Log, PageLimit } from '../log/log.ts';
import { type Basis, emptyRecord } from '../rules/basis.ts';
import { recordsOfTail } from '../rules/checkpoint.ts';
import type { CheckpointFacts } from '../rules/checkpointFacts.ts';
import { Closings, HeldVector } from '../rules/closings.ts';
import type { CommittedRow } from '../rules/committedRow.ts';
import type { Batch } from '../rules/decide.ts';
import { LatestExpiries } from '../rules/expiry.ts';
import { Members } from '../rules/members.ts';
import type { EntryStore, StoreCapture } from '../store/entryStore.ts';
import { RecentRows } from '../store/recentRows.ts';
import { DamagedLogError } from '../words/errors.ts';
import { add, type Hash, subtract, ZERO } from '../words/hash.ts';
import type { Limits } from '../words/limits.ts';
import { type EntryHead, isOnKey, textLength } from '../words/op.ts';
import {
  bothChanges,
  changedHeader,
  type HeaderChanges,
  type LogHeader,
  type OriginRecord,
  type Row,
} from '../words/row.ts';
import { MIB } from '../words/size.ts';
import { raise, seqOf, type Vector } from '../words/vector.ts';
import { FROM_ROWS, noteReplay, type Opening, restoredFrom } from './opening.ts';
import { replay } from './replay.ts';

/** The map's compaction looks at this many times the bytes that a commit may have left as holes, */
const COMPACTED_A_HOLE = 4;
/** which count so many bytes more for each entry, */
const ENTRY_COST_BYTES = 320;
/** up to this bound: some 2 ms, and below 5. Sweeps catch up with what is left. */
const MAX_SLICE_BYTES = 2 * MIB;

const RECENT_PAGE: PageLimit = { maxRows: 4096, maxBytes: 4 * MIB };

export class Fold {
  readonly map: EntryStore;
  /** Rule 8: the fold of the `join` and `retire` ops. */
  readonly members = new Members();
  readonly recent: RecentRows;
  readonly #limits: Limits;
  readonly #records = new Map<string, OriginRecord>();
  #closings = new Closings();
  #vector = new HeldVector(this.#closings);
  readonly #reach = new Map<string, number>();
  #retiredSum = ZERO;
  #hasRetiredOps = false;
  #header: LogHeader;
  /** Facts that changed without a commit of their own: the next commit writes them. */
  #unwritten: HeaderChanges = {};
  #hlc = 0;
  #lastLsn = 0;
  #bornHere = 0;
  #openedAtSeq = 0;
  #retiredAtMs: number | null = null;
  #expiredBefore: LatestExpiries | null = null;
  /** The latest expiries of entries that were collected, before the log was opened and since. */
  #collected: LatestExpiries;
  #restoredLsn: number | null = null;
  #removedRows = 0;
  /** Bytes of the holes that the last fold may have left in the map, with the cost of their entries. */
  #holes = 0;

  /** An empty state: `read` folds the log into it. @param map an empty store. */
  constructor(log: Log, limits: Limits, map: EntryStore) {
    this.map = map;
    this.#limits = limits;
    this.recent = new RecentRows(limits);
    this.#collected = new LatestExpiries(limits.maxRecentExpiries);
    this.#header = log.header;
  }

  get header(): LogHeader {
    return this.#header;
  }

  /** The origin that this node's own ops are born in. */
  get origin(): string {
    return this.#header.origin;
  }

  get lastLsn(): number {
    return this.#lastLsn;
  }

  /** Lists the origins that are not closed. */
  get vector(): Vector {
    return this.#vector;
  }

  /** The vector of all origins, closed ones included. */
  wholeVector(): Map<string, number> {
    return new Map(Array.from(this.#records.values(), ({ origin, seq }) => [origin, seq]));
  }

  get closings(): Closings {
    return this.#closings;
  }

  /** Sum of the sums of all retired origins; null where none of them has an op. */
  get retiredSum(): Hash | null {
    return this.#hasRetiredOps ? this.#retiredSum : null;
  }

  /** The seq of this node's own origin when the log was opened. */
  get openedAtSeq(): number {
    return this.#openedAtSeq;
  }

  /** Ops born here since the log was opened. */
  get bornHere(): number {
    return this.#bornHere;
  }

  /**
   * The time at which the last `retire` was committed here, in UTC milliseconds by this node's clock;
   * null before the first.
   */
  get retiredAtMs(): number | null {
    return this.#retiredAtMs;
  }

  record(origin: string): OriginRecord {
    return this.#records.get(origin) ?? emptyRecord(origin);
  }

  /** The reach: origin → highest seq compacted away, for the origins that are not closed. */
  reach(): Vector {
    return this.#reach;
  }

  /** The reach of all origins, closed ones included. */
  wholeReach(): Vector {
    const reach = new Map<string, number>();
    for (const record of this.#records.values()) raise(reach, record.origin, record.reach);
    return reach;
  }

  /**
   * The latest expiries of entries that had been collected before the log was opened. Only the first
   * call gives them.
   */
  takeExpiredBefore(): LatestExpiries | null {
    const expired = this.#expiredBefore;
    this.#expiredBefore = null;
    return expired;
  }

  /**
   * Takes the state of a log: from its checkpoint and the rows after it, or from all rows.
   *
   * @param place the log's name in errors.
   * @throws DamagedLogError at the first row that can't be as it was written.
   */
  async read(log: Log, place: string, opening: Opening = FROM_ROWS): Promise<void> {
    this.#forget(log);
    const facts = await restoredFrom(opening, log, this.map);
    try {
      await this.#replay(log, place, opening, facts);
    } catch (error) {
      if (facts === null || !(error instanceof DamagedLogError)) throw error;
      // Only all rows tell whether the log is damaged, or its checkpoint of another history.
      noteReplay(
        opening.note,
        `the rows after the checkpoint do not go on from it: ${error.message}`,
      );
      await opening.checkpoints?.remove();
      this.#forget(log);
      await this.#replay(log, place, opening, null);
    }
  }

  async #replay(
    log: Log,
    place: string,
    { onProgress }: Opening,
    facts: CheckpointFacts | null,
  ): Promise<void> {
    const { maxRecentExpiries, maxRecentOps } = this.#limits;
    this.#collected = new LatestExpiries(maxRecentExpiries, facts?.expiriesKnownSince);
    if (facts !== null) await this.#beginAt(facts, log, maxRecentOps);
    const { hlc, horizon } = await replay(log, this.map, {
      place,
      from: facts && { ...facts, records: recordsOfTail(facts, log) },
      onRow: (row) => {
        this.#foldMembership(row);
        this.recent.push(row);
      },
      onDropped: (entry) => this.#collected.add(entry),
      onPage: (lsn) => onProgress(lsn, log.lastLsn),
    });
    // A checkpoint may be of a time with a greater bound of memory, or with none.
    while (this.map.isOverBound && this.map.compactSlice(MAX_SLICE_BYTES) > 0);
    this.#keepCollected();
    this.#hlc = hlc;
    this.#openedAtSeq = seqOf(this.#vector, this.origin);
    this.#restoredLsn = facts?.lsn ?? null;
    if (horizon > this.#header.horizon) this.changeHeader({ horizon });
  }

  /** The state at the checkpoint, beside the map. */
  async #beginAt(
    { lsn, memberships, retiredAtMs, expired }: CheckpointFacts,
    log: Log,
    maxRecentOps: number,
  ): Promise<void> {
    for (const op of memberships) this.#foldMembership({ op, committedAt: retiredAtMs ?? 0 });
    for (const one of expired) this.#collected.add(one);
    let after = Math.max(0, log.lastLsn - maxRecentOps);
    while (after < lsn) {
      const rows = await log.rowsAfter(after, RECENT_PAGE);
      for (const row of rows) if (row.lsn <= lsn) this.recent.push(row);
      after = rows.at(-1)?.lsn ?? lsn;
    }
  }

  /** An expiry is not told of a key that has an entry again. */
  #keepCollected(): void {
    const { expired, knownSince } = this.#collected.take();
    const { maxRecentExpiries } = this.#limits;
    this.#collected = new LatestExpiries(maxRecentExpiries, knownSince);
    this.#expiredBefore = new LatestExpiries(maxRecentExpiries, knownSince);
    for (const one of expired) {
      if (this.map.head(one.key) !== undefined) continue;
      this.#collected.add(one);
      this.#expiredBefore.add(one);
    }
  }

  /** The lsn of the checkpoint that the log was opened from; its rows up to there were not read. */
  get restoredLsn(): number | null {
    return this.#restoredLsn;
  }

  /** Rows that compaction has removed since the start. */
  get removedRows(): number {
    return this.#removedRows;
  }

  /** Collects an entry: it leaves the map, and its expiry is remembered for watchers. */
  drop(entry: EntryHead): void {
    this.map.drop(entry.key);
    this.#collected.add(entry);
  }

  /**
   * Captures the state after the last commit; it goes on. The caller ends the capture of the entries.
   *
   * @param asOf for the map sum, in minutes since the epoch.
   */
  capture(asOf: number): { readonly facts: CheckpointFacts; readonly entries: StoreCapture } {
    const { origin, clusterName, horizon, stable, stableClock } = this.#header;
    const { expired, knownSince } = this.#collected.take();
    const facts = {
      origin,
      clusterName,
      lsn: this.#lastLsn,
      hlc: this.#hlc,
      horizon,
      stable,
      stableClock,
      retiredAtMs: this.#retiredAtMs,
      mapSum: { asOf, sum: this.map.sumAt(asOf) },
      records: [...this.#records.values()],
      memberships: this.members.ops(),
      expired,
      expiriesKnownSince: knownSince,
    };
    return { facts, entries: this.map.capture() };
  }

  #forget(log: Log): void {
    this.map.clear();
    this.members.clear();
    this.recent.clear();
    this.#records.clear();
    this.#closings = new Closings();
    this.#vector = new HeldVector(this.#closings);
    this.#reach.clear();
    this.#retiredSum = ZERO;
    this.#hasRetiredOps = false;
    this.#unwritten = {};
    this.#bornHere = 0;
    this.#retiredAtMs = null;
    this.#header = log.header;
    this.#lastLsn = log.lastLsn;
    for (const record of log.origins) this.#setRecord(record);
  }

  /** The state that the next batch is decided against. */
  basis(): Basis {
    return {
      head: (key) => this.map.head(key),
      entry: (key) => this.map.get(key),
      foresee: (keys) => this.map.foresee(keys),
      isFullOfKeys: () => this.map.isFullOfKeys,
      record: (origin) => this.record(origin),
      vector: this.#vector,
      origin: this.origin,
      lastLsn: this.#lastLsn,
      hlc: this.#hlc,
      horizon: this.#header.horizon,
      members: this.members,
      closings: this.#closings,
      snapshot: this.#header.facts.snapshot,
      offered: this.#header.facts.offered,
    };
  }

  changeHeader(changes: HeaderChanges): void {
    this.#header = changedHeader(this.#header, changes);
    this.#unwritten = bothChanges(this.#unwritten, changes);
  }

  /**
   * Appends the batch, with the facts that no commit has written yet. Every commit after a rise of the
   * horizon writes the horizon; it never falls.
   */
  async append(batch: Batch, log: Log): Promise<void> {
    const unwritten = this.#unwritten;
    this.#unwritten = {};
    try {
      await log.append(commitOf(batch, unwritten, this.#header.horizon));
    } catch (error) {
      this.#unwritten = bothChanges(unwritten, this.#unwritten);
      throw error;
    }
  }

  /** Called after the commit: all that the next batch is decided against catches up with the log. */
  fold(batch: Batch): void {
    for (const row of batch.rows) {
      this.#foldMembership(row);
      if (row.won && isOnKey(row.op) && this.map.fold(row.op, row.lsn))
        this.#holes += textLength(row.op) + ENTRY_COST_BYTES;
      this.#lastLsn = row.lsn;
    }
    for (const record of batch.records.values()) this.#setRecord(record);
    const horizon = Math.max(this.#header.horizon, batch.header.horizon ?? 0);
    this.#header = changedHeader(this.#header, { ...batch.header, horizon });
    this.#hlc = batch.hlc;
    this.#bornHere += batch.born;
    this.#removedRows += batch.removed.length;
  }

  /**
   * Called after the fold, in the same turn of the event loop, for what no decision needs: the thread that writes does
   * not wait for it.
   */
  keep(batch: Batch): CommittedRow[] {
    const { touched } = batch;
    const rows = batch.rows.map((row): CommittedRow => {
      this.recent.push(row);
      return { row, wire: null, touched: touched.size === 0 ? null : (touched.get(row) ?? null) };
    });
    this.map.compactSlice(Math.min(MAX_SLICE_BYTES, COMPACTED_A_HOLE * this.#holes));
    this.#holes = 0;
    return rows;
  }

  #foldMembership({ op, committedAt }: Pick<Row, 'op' | 'committedAt'>): void {
    if (isOnKey(op)) return;
    const wasRetired = this.members.isRetired(op.key);
    this.members.fold(op);
    if (op.kind === 'retire') this.#retiredAtMs = committedAt;
    const record = this.#records.get(op.key);
    if (record === undefined) return;
    if (op.kind === 'retire' && !wasRetired) this.#addRetired(record);
    this.#place(record);
  }

  #setRecord(record: OriginRecord): void {
    const { origin } = record;
    const before = this.#records.get(origin);
    this.#records.set(origin, record);
    if (this.members.isRetired(origin)) {
      if (before !== undefined) this.#retiredSum = subtract(this.#retiredSum, before.sum);
      this.#addRetired(record);
    }
    this.#place(record);
  }

  #addRetired({ seq, sum }: OriginRecord): void {
    this.#retiredSum = add(this.#retiredSum, sum);
    if (seq > 0) this.#hasRetiredOps = true;
  }

  /** Rule 13: an origin is closed when it is retired, and is held to where the log says that it is closed. */
  #place({ origin, seq, reach }: OriginRecord): void {
    if (this.#closings.has(origin)) return;
    if (this.members.isRetired(origin) && this.members.closingAt(origin) === seq) {
      this.#closings.add({ origin, seq });
      this.#vector.delete(origin);
      this.#reach.delete(origin);
      this.members.close(origin);
      return;
    }
    this.#vector.set(origin, seq);
    if (reach > 0) this.#reach.set(origin, reach);
  }
}

function commitOf(batch: Batch, unwritten: HeaderChanges, before: number): Commit {
  const horizon = Math.max(unwritten.horizon ?? 0, batch.header.horizon ?? 0, before);
  const header = bothChanges(unwritten, { ...batch.header, ...(horizon > 0 && { horizon }) });
  return { rows: batch.rows, origins: [...batch.records.values()], header, removed: batch.removed };
}
