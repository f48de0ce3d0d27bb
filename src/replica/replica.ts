/**
 * The replica: where ops are decided, committed and taken in (rule 5).
 *
 * Invariants: at most one commit is under way; what waits is decided only when none is, against the
 * map of everything committed; after a commit it is folded, then answered, then told to listeners;
 * nothing is told that is not committed.
 */

import type { Commit, Log } from '../log/log.ts';
import { mapSumText } from '../log/mapSumFact.ts';
import { type Basis, Batch, type DeltaOutcome, emptyRecord } from '../rules/decide.ts';
import { LatestExpiries, type Swept } from '../rules/expiry.ts';
import { EntryMap, type ListPage } from '../rules/map.ts';
import { minuteAhead } from '../rules/mapSum.ts';
import { Members } from '../rules/members.ts';
import { type RecentRow, RecentRows } from '../rules/recentRows.ts';
import type { Stable } from '../rules/stability.ts';
import type { Delta } from '../words/delta.ts';
import {
  DiskFullError,
  type HearsayError,
  NotReadableError,
  NotWritableError,
} from '../words/errors.ts';
import type { Hash } from '../words/hash.ts';
import type { Limits } from '../words/limits.ts';
import { Listeners } from '../words/listeners.ts';
import { isDead, isOnKey, type KeyOp, textLength } from '../words/op.ts';
import type { Outcome, Request } from '../words/requests.ts';
import type { LogHeader, OriginRecord, Row } from '../words/row.ts';
import type { SnapshotEnd, SnapshotRow } from '../words/snapshot.ts';
import { covers, raise, type Vector } from '../words/vector.ts';
import { CommitQueue, RETRY_AFTER_MS } from './commitQueue.ts';
import { IncomingSnapshot } from './incomingSnapshot.ts';
import { replay } from './replay.ts';

export interface ReplicaOptions {
  readonly nodeId: string;
  readonly log: Log;
  /** The log's name in messages to people. */
  readonly place: string;
  /** UTC milliseconds. */
  readonly clock: () => number;
  readonly limits: Limits;
}

/** What one commit brought, as listeners are told it. */
export interface Committed {
  readonly rows: readonly RecentRow[];
  /** This node's own origin, whose rows are for its peers. */
  readonly origin: string;
}

/** Keys that a bulk delete decides at once. */
const BULK_KEYS = 512;

export class Replica {
  readonly nodeId: string;
  readonly map = new EntryMap();
  /** Rule 8: the fold of the `join` and `retire` ops. */
  readonly members = new Members();
  readonly recent: RecentRows;
  /** The log's name in messages to people. */
  readonly place: string;
  #log: Log;
  readonly #clock: () => number;
  readonly #limits: Limits;
  readonly #records = new Map<string, OriginRecord>();
  readonly #vector = new Map<string, number>();
  readonly #commits = new Listeners<[Committed]>();
  readonly #sweeps = new Listeners<[Swept]>();
  readonly #replacements = new Listeners<[]>();
  readonly #failures = new Listeners<[HearsayError]>();
  #header: LogHeader;
  /** Facts that changed without a commit of their own: the next one writes them. */
  #unwritten: Partial<LogHeader> = {};
  #snapshot = new IncomingSnapshot();
  #hlc = 0;
  #bornHere = 0;
  #openedAtSeq = 0;
  #expiredBefore: LatestExpiries | null = null;
  #lastLsn: number;
  readonly #queue: CommitQueue;
  /** The last commit, until listeners are told of it. */
  #committed: Committed;
  #notWritable: string | null = null;
  #isDiskFull = false;

  /** Opens on a log: replays it into the map. @throws DamagedLogError */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options);
    await replica.#replay();
    return replica;
  }

  private constructor({ nodeId, log, place, clock, limits }: ReplicaOptions) {
    this.nodeId = nodeId;
    this.place = place;
    this.#log = log;
    this.#clock = clock;
    this.#limits = limits;
    this.recent = new RecentRows(limits);
    this.#header = log.header;
    this.#lastLsn = log.lastLsn;
    for (const record of log.origins) this.#setRecord(record);
    this.#committed = { rows: [], origin: log.header.origin };
    this.#queue = new CommitQueue(limits, {
      begin: () => new Batch(this.#basis(), this.#clock()),
      commit: (batch) => this.#commit(batch),
      committed: () => {
        if (this.#committed.rows.length > 0) this.#commits.tell(this.#committed);
      },
      failed: (error) => this.#failures.tell(error),
    });
  }

  async #replay(): Promise<void> {
    const expired = new LatestExpiries(this.#limits.maxRecentExpiries);
    const onRow = (row: Row): void => {
      if (!isOnKey(row.op)) this.members.fold(row.op);
      this.recent.push(row);
    };
    const onDropped = (entry: KeyOp): void => expired.add(entry);
    const { hlc, horizon } = await replay(this.#log, this.map, this.place, onRow, onDropped);
    this.#expiredBefore = expired;
    this.#hlc = hlc;
    this.#openedAtSeq = this.record(this.origin).seq;
    this.raiseHorizon(horizon);
  }

  /** The origin that this node's own ops are born in. */
  get origin(): string {
    return this.#header.origin;
  }

  get header(): LogHeader {
    return this.#header;
  }

  get limits(): Limits {
    return this.#limits;
  }

  get lastLsn(): number {
    return this.#lastLsn;
  }

  get vector(): Vector {
    return this.#vector;
  }

  /** The seq of this node's own origin when the log was opened. */
  get openedAtSeq(): number {
    return this.#openedAtSeq;
  }

  /** Ops born here since the log was opened. */
  get bornHere(): number {
    return this.#bornHere;
  }

  get queuedOps(): number {
    return this.#queue.ops;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get log(): Log {
    return this.#log;
  }

  /** This node's clock, UTC milliseconds. */
  nowMs(): number {
    return this.#clock();
  }

  record(origin: string): OriginRecord {
    return this.#records.get(origin) ?? emptyRecord(origin);
  }

  /** @param asOf whole minutes since the epoch (rule 11). */
  mapSum(asOf: number): Hash {
    return this.map.sumAt(asOf);
  }

  /** Why this node takes no writes yet, or null where it does (rule 8). */
  get notWritable(): string | null {
    return this.#notWritable;
  }

  /** Whether the last commit found no room. */
  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  /** Why this node answers no reads yet, or null where it does: it does not know what exists. */
  notReadable: string | null = null;

  set notWritable(reason: string | null) {
    this.#notWritable = reason;
  }

  /** Reads the map as of the last commit. @throws NotReadableError */
  get(key: string): Outcome {
    this.refuseWhileUnknown();
    const entry = this.map.live(key, this.#clock());
    if (entry !== undefined) return { kind: 'found', entry };
    return { kind: 'absent', expired: this.map.get(key)?.kind === 'put' };
  }

  /** @throws NotReadableError */
  list(prefix: string, after: string | null, limit: number): ListPage {
    this.refuseWhileUnknown();
    return this.map.list(prefix, after, limit, this.#clock());
  }

  /**
   * Decides the requests together, in order, each seeing the ones before it, in one commit.
   *
   * @returns one outcome a request, once they are durable.
   * @throws NotWritableError, OverloadedError, DiskFullError, StoppedError: nothing is stored.
   * @throws CommitFailedError: whether they are stored is unknown, and the node stops.
   */
  submit(requests: readonly Request[]): Promise<Outcome[]> {
    if (this.#notWritable !== null)
      return Promise.reject(new NotWritableError(this.#notWritable, RETRY_AFTER_MS));
    return this.offer(requests);
  }

  /**
   * As `submit`, also before clients may write: for what a rejoin had set aside, which goes before
   * whatever is written after it.
   */
  offer(requests: readonly Request[]): Promise<Outcome[]> {
    let bytes = 0;
    for (const request of requests)
      bytes += request.kind === 'put' ? textLength(request) : request.key.length;
    return this.#queue.enqueue({ ops: requests.length, bytes }, (batch) =>
      batch.requests(requests),
    );
  }

  /** @throws NotReadableError while this node does not know what its cluster holds. */
  refuseWhileUnknown(): void {
    if (this.notReadable !== null) throw new NotReadableError(this.notReadable, RETRY_AFTER_MS);
  }

  /** Deletes every live key with the prefix, in several commits. @returns how many there were. */
  async deletePrefix(prefix: string): Promise<number> {
    if (this.#notWritable !== null) throw new NotWritableError(this.#notWritable, RETRY_AFTER_MS);
    let count = 0;
    let after: string | null = null;
    do {
      const page: ListPage = this.list(prefix, after, BULK_KEYS);
      const keys = page.entries.map((entry) => entry.key);
      if (keys.length > 0)
        await this.submit(keys.map((key) => ({ kind: 'delete', key, upToVersion: null })));
      count += keys.length;
      after = page.next;
    } while (after !== null);
    return count;
  }

  /** Takes in a peer's ops, in the order in which deltas came (rule 7). Rejects as `submit` does. */
  receive(delta: Delta): Promise<DeltaOutcome> {
    let bytes = 0;
    for (const op of delta.ops) bytes += textLength(op);
    return this.#queue.enqueue({ ops: delta.ops.length, bytes }, (batch) => batch.delta(delta));
  }

  // ---- members (rule 8); each rejects as `submit` does

  /** Logs the `join` of a member, unless it has joined or was retired. */
  admit(origin: string, value: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: value.length }, (batch) => {
      if (!this.members.has(origin) && !this.members.isRetired(origin))
        batch.membership('join', origin, value);
    });
  }

  /** Seals an origin: it is no member any more, and nobody takes ops from it directly. */
  retire(origin: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: 0 }, (batch) => {
      if (!this.members.isRetired(origin)) batch.membership('retire', origin, null);
    });
  }

  /** A fresh node forms the cluster: its first op is its own `join`. */
  form(clusterId: string, ownValue: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: ownValue.length }, (batch) => {
      const facts = { ...this.#facts(batch), joined: 'yes', formedAt: String(this.#clock()) };
      batch.header = { ...batch.header, clusterId, facts };
      batch.membership('join', this.origin, ownValue);
    });
  }

  /** A fresh node holds all that the answer of `sponsor` held: it has joined. */
  welcome(clusterId: string | null, sponsor: string, formedAt: string): Promise<void> {
    return this.#queue.enqueue({ ops: 0, bytes: 0 }, (batch) => {
      const facts = { ...this.#facts(batch), joined: 'yes', admittedBy: sponsor, formedAt };
      batch.header = { ...batch.header, clusterId, facts };
    });
  }

  /** Goes on under a new origin, whose first ops are `join` for it and `retire` for the old one. */
  renewOrigin(origin: string, ownValue: string): Promise<void> {
    return this.#queue.enqueue({ ops: 2, bytes: ownValue.length }, (batch) => {
      const old = this.origin;
      batch.renewOrigin(origin);
      // A fact can be written over but not taken out (src/log/log.ts).
      const facts = { ...this.#facts(batch), renewOrigin: 'no' };
      batch.header = { ...batch.header, facts: { ...facts, admittedBy: old } };
      batch.membership('join', origin, ownValue);
      if (this.members.has(old)) batch.membership('retire', old, null);
    });
  }

  /** Before the next write, `renewOrigin` is due: the log may lack ops that peers hold (rule 5). */
  markForNewOrigin(): void {
    this.#changeHeader({ facts: { ...this.#header.facts, renewOrigin: 'yes' } });
  }

  // ---- forgetting (rules 9 and 10)

  /** A peer's horizon: generations given from now on are no smaller. */
  raiseHorizon(horizon: number): void {
    if (horizon > this.#header.horizon) this.#changeHeader({ horizon });
  }

  /**
   * Rule 9: drops entries that are dead and stable, and raises the horizon above them in the same
   * commit that moves the stable vector and clock. @param limit entries looked at, at most.
   * @returns what was dropped.
   */
  collect(stable: Stable, limit: number): Promise<KeyOp[]> {
    return this.#queue.enqueue(
      { ops: 0, bytes: 0 },
      (batch) => {
        const dead = this.map
          .examineDead(limit)
          .filter((entry) => isDead(entry, stable.clock) && covers(stable.vector, entry));
        let { horizon } = this.#header;
        for (const { generation } of dead) horizon = Math.max(horizon, generation + 1);
        batch.header = {
          ...batch.header,
          stable: stable.vector,
          stableClock: stable.clock,
          horizon,
        };
        return dead;
      },
      (dead) => {
        for (const entry of dead) if (this.map.get(entry.key) === entry) this.map.drop(entry.key);
      },
    );
  }

  /** Rule 11: entries that a peer lost are born again, unchanged but for their birth, so that they win. */
  bearAgain(entries: readonly KeyOp[]): Promise<void> {
    return this.#queue.enqueue({ ops: entries.length, bytes: 0 }, (batch) => {
      for (const entry of entries) if (this.map.get(entry.key) === entry) batch.bearAgain(entry);
    });
  }

  /** Compaction: removes rows that `src/replica/compact.ts` found to be of no use any more. */
  removeRows(
    rows: ReadonlyMap<string, readonly { lsn: number; seq: number; hash: Hash }[]>,
    facts: Readonly<Record<string, string>>,
  ): Promise<void> {
    return this.#queue.enqueue({ ops: 0, bytes: 0 }, (batch) => {
      for (const [origin, ofOrigin] of rows) batch.removeRows(origin, ofOrigin);
      batch.header = { ...batch.header, facts: { ...this.#facts(batch), ...facts } };
    });
  }

  /** Rule 10: takes rows of a snapshot into a log that held nothing before its first part. */
  receiveSnapshotRows(rows: readonly SnapshotRow[]): Promise<void> {
    let bytes = 0;
    for (const { op } of rows) bytes += textLength(op);
    return this.#queue.enqueue({ ops: rows.length, bytes }, (batch) => {
      const facts = { ...this.#facts(batch), snapshotUnderWay: 'yes' };
      batch.header = { ...batch.header, facts };
      this.#snapshot.rows(batch, rows);
    });
  }

  /** The snapshot is complete: the vector and the sums become its sender's. */
  finishSnapshot(end: SnapshotEnd): Promise<void> {
    return this.#queue.enqueue(
      { ops: 0, bytes: 0 },
      (batch) => {
        this.#snapshot.end(batch, end);
        // What was there before is not in the snapshot: no earlier point in time can be told.
        const facts = {
          ...this.#facts(batch),
          snapshotUnderWay: 'no',
          cutAt: String(this.#clock()),
        };
        const horizon = Math.max(this.#header.horizon, end.horizon);
        batch.header = { ...batch.header, facts, horizon };
        this.#snapshot = new IncomingSnapshot();
      },
      () => this.#replacements.tell(),
    );
  }

  /** Rule 12: goes on with another log, in place, as if it had been opened on it. */
  async adopt(log: Log): Promise<void> {
    this.#log = log;
    this.map.clear();
    this.members.clear();
    this.recent.clear();
    this.#records.clear();
    this.#vector.clear();
    this.#snapshot = new IncomingSnapshot();
    this.#unwritten = {};
    this.#bornHere = 0;
    this.#header = log.header;
    this.#lastLsn = log.lastLsn;
    for (const record of log.origins) this.#setRecord(record);
    await this.#replay();
    this.#queue.resume();
    this.#replacements.tell();
  }

  /** Lets the commit under way end and refuses what waits and what comes, until a log is adopted. */
  suspend(): Promise<void> {
    return this.#queue.stop();
  }

  /** Writes down what the map is, for whoever proves the log later; before a stop, when nothing waits. */
  recordMapSum(aheadMs: number): Promise<void> {
    return this.#queue.enqueue({ ops: 0, bytes: 0 }, (batch) => {
      if (batch.rows.length > 0) return;
      const asOf = minuteAhead(this.#clock(), aheadMs);
      const mapSum = mapSumText({ lsn: this.#lastLsn, asOf, sum: this.mapSum(asOf) });
      batch.header = { ...batch.header, facts: { ...this.#facts(batch), mapSum } };
    });
  }

  /** What was compacted away: origin → highest such seq. */
  reach(): Vector {
    const reach = new Map<string, number>();
    for (const record of this.#records.values()) raise(reach, record.origin, record.reach);
    return reach;
  }

  /** Told of each commit, in order, after it is folded. @returns what ends it. */
  onCommit(listener: (committed: Committed) => void): () => void {
    return this.#commits.add(listener);
  }

  /** Told once, when a commit has failed with its outcome unknown: the node must stop. */
  onFailure(listener: (error: HearsayError) => void): void {
    this.#failures.add(listener);
  }

  /** Takes expired entries, at most `limit`, out of lists, and tells them to listeners. */
  sweep(limit: number): Swept {
    const swept = this.map.sweep(this.#clock(), limit);
    this.#sweeps.tell(swept);
    return swept;
  }

  /** The latest expiries of entries that had been collected before the log was opened; once. */
  takeExpiredBefore(): LatestExpiries | null {
    const expired = this.#expiredBefore;
    this.#expiredBefore = null;
    return expired;
  }

  /** Told when the whole history is another: a log was adopted, or a snapshot is complete. */
  onReplaced(listener: () => void): () => void {
    return this.#replacements.add(listener);
  }

  /** Told of each sweep, also where nothing had expired. @returns what ends it. */
  onSweep(listener: (swept: Swept) => void): () => void {
    return this.#sweeps.add(listener);
  }

  /** Lets the commit under way end, refuses what waits, closes the log. */
  async close(): Promise<void> {
    await this.suspend();
    await this.#log.close();
  }

  async #commit(batch: Batch): Promise<void> {
    if (!batch.isEmpty) {
      const unwritten = this.#unwritten;
      this.#unwritten = {};
      try {
        await this.#log.append(commitOf(batch, unwritten, this.#header.horizon));
        this.#isDiskFull = false;
      } catch (error) {
        this.#unwritten = { ...unwritten, ...this.#unwritten };
        this.#isDiskFull = error instanceof DiskFullError;
        throw error;
      }
    }
    this.#committed = { rows: this.#fold(batch), origin: this.origin };
  }

  /** After the commit: the map, the vector and the sums catch up with the log. */
  #fold(batch: Batch): RecentRow[] {
    const rows: RecentRow[] = [];
    for (const row of batch.rows) {
      if (!isOnKey(row.op)) this.members.fold(row.op);
      else if (row.won) this.map.fold(row.op);
      rows.push(this.recent.push(row));
      this.#lastLsn = row.lsn;
    }
    for (const record of batch.records.values()) this.#setRecord(record);
    const horizon = Math.max(this.#header.horizon, batch.header.horizon ?? 0);
    this.#header = { ...this.#header, ...batch.header, horizon };
    this.#hlc = batch.hlc;
    this.#bornHere += batch.born;
    return rows;
  }

  #basis(): Basis {
    return {
      entry: (key) => this.map.get(key),
      record: (origin) => this.record(origin),
      origin: this.origin,
      lastLsn: this.#lastLsn,
      hlc: this.#hlc,
      horizon: this.#header.horizon,
    };
  }

  /** The further facts as the batch leaves them so far. */
  #facts(batch: Batch): LogHeader['facts'] {
    return batch.header.facts ?? this.#header.facts;
  }

  #changeHeader(changes: Partial<LogHeader>): void {
    this.#header = { ...this.#header, ...changes };
    this.#unwritten = { ...this.#unwritten, ...changes };
  }

  #setRecord(record: OriginRecord): void {
    this.#records.set(record.origin, record);
    this.#vector.set(record.origin, record.seq);
  }
}

/** The horizon is written with every commit that follows its rise; it never sinks. */
function commitOf(batch: Batch, unwritten: Partial<LogHeader>, before: number): Commit {
  const horizon = Math.max(unwritten.horizon ?? 0, batch.header.horizon ?? 0, before);
  const header = { ...unwritten, ...batch.header, ...(horizon > 0 ? { horizon } : {}) };
  return { rows: batch.rows, origins: [...batch.records.values()], header, removed: batch.removed };
}
