/**
 * The replica: where ops are decided, committed and taken in (rule 5).
 *
 * Invariants: at most one commit is under way; what is committed was decided against the fold of every op that is
 * committed before it; a committed batch is folded, then answered, then told to listeners;
 * only committed ops are told.
 */

import type { Log } from '../log/log.ts';
import type { Closings } from '../rules/closings.ts';
import type { CommittedRow } from '../rules/committedRow.ts';
import { Batch } from '../rules/decide.ts';
import type { DeltaOutcome } from '../rules/delta.ts';
import type { LatestExpiries } from '../rules/expiry.ts';
import { minuteAhead } from '../rules/mapSum.ts';
import type { Members } from '../rules/members.ts';
import type { EntryStore, ListLimit, ListPage, Swept } from '../store/entryStore.ts';
import type { RecentRows } from '../store/recentRows.ts';
import type { Delta } from '../words/delta.ts';
import { DiskFullError, type HearsayError } from '../words/errors.ts';
import type { Hash } from '../words/hash.ts';
import type { Limits } from '../words/limits.ts';
import { Listeners } from '../words/listeners.ts';
import {
  type EntryHead,
  isInLog,
  type KeyOp,
  type PutHead,
  sameOp,
  textLength,
} from '../words/op.ts';
import type { DecidedOutcome, Outcome, Request } from '../words/requests.ts';
import type { GivenUp, LogHeader, OriginRecord, Row } from '../words/row.ts';
import { MIB } from '../words/size.ts';
import { boundedTraces, NO_TRACER, type TraceParent, type Tracer } from '../words/trace.ts';
import type { Vector } from '../words/vector.ts';
import { ColdRows } from './coldRows.ts';
import { CommitQueue, type Commits, type QueueTimes } from './commitQueue.ts';
import { Fold } from './fold.ts';
import { Forgetting } from './forgetting.ts';
import { IncomingSnapshot } from './incomingSnapshot.ts';
import { Membership } from './membership.ts';
import { Offering } from './offering.ts';
import type { Opening } from './opening.ts';
import { Readiness } from './readiness.ts';
import { Reads } from './reads.ts';
import { within } from './tracedWork.ts';
import { Writes } from './writes.ts';

export interface ReplicaOptions {
  readonly nodeId: string;
  readonly log: Log;
  /** The log's name in messages to people. */
  readonly place: string;
  /** UTC milliseconds. */
  readonly clock: () => number;
  readonly limits: Limits;
  /** An empty store, for the map. */
  readonly entries: EntryStore;
  /** Without it, the log is replayed from the start. */
  readonly opening?: Opening;
  /** By default nothing is traced. */
  readonly tracer?: Tracer;
  readonly times?: QueueTimes;
}

/** The rows of one commit, as listeners get them. */
export interface Committed {
  readonly rows: readonly CommittedRow[];
  /** This node's own origin, whose rows are for its peers. */
  readonly origin: string;
  /** The rows of requests that are traced, each with the span of its request. */
  readonly traces: ReadonlyMap<Row, TraceParent>;
}

/** The map's compaction goes on with each sweep, for less than a millisecond. */
const SWEEP_SLICE_BYTES = MIB;

export class Replica {
  readonly nodeId: string;
  readonly limits: Limits;
  /** The log's name in messages to people. */
  readonly place: string;
  /** Whether clients may read and write. */
  readonly readiness = new Readiness();
  readonly membership: Membership;
  readonly forgetting: Forgetting;
  readonly incomingSnapshot: IncomingSnapshot;
  readonly offering: Offering;
  readonly reads: Reads;
  readonly writes: Writes;
  /** Rows of the log that stand for values which are not in memory. */
  readonly coldRows: ColdRows;
  readonly #clock: () => number;
  readonly #fold: Fold;
  readonly #queue: CommitQueue;
  readonly #commits = new Listeners<[Committed]>();
  readonly #sweeps = new Listeners<[Swept]>();
  readonly #replacements = new Listeners<[]>();
  readonly #failures = new Listeners<[HearsayError]>();
  readonly #tracer: Tracer;
  #log: Log;
  #isDiskFull = false;

  /**
   * Opens on a log: takes the map from its checkpoint, and replays the rows after it.
   *
   * @throws DamagedLogError if the rows that were read can't be as they were written.
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options);
    await replica.#fold.read(options.log, options.place, options.opening);
    return replica;
  }

  private constructor(options: ReplicaOptions) {
    const { nodeId, log, place, clock, limits, entries, tracer = NO_TRACER } = options;
    this.nodeId = nodeId;
    this.#tracer = tracer;
    this.place = place;
    this.limits = limits;
    this.#log = log;
    this.#clock = clock;
    this.#fold = new Fold(log, limits, entries);
    const commits: Commits = {
      begin: () => new Batch(this.#fold.basis(), this.#clock()),
      beginAfter: (batch) => {
        const basis = batch.basisAfter(this.#fold.basis());
        return basis && new Batch(basis, this.#clock());
      },
      holds: (ahead) => ahead.holdsFor(this.header.horizon, this.#clock()),
      append: (batch) => (batch.isEmpty ? null : this.#append(batch)),
      settleEnded: () => this.#log.settleEnded?.(),
      fold: (batch) => this.#fold.fold(batch),
      committed: (batch) => {
        const rows = this.#fold.keep(batch);
        if (rows.length > 0)
          this.#commits.tell({ rows, origin: this.origin, traces: batch.traces });
      },
      failed: (error) => this.#failures.tell(error),
    };
    this.#queue = new CommitQueue(limits, commits, options.times);
    this.membership = new Membership(this.#fold, this.#queue, clock);
    this.forgetting = new Forgetting(this.#fold, this.#queue, clock);
    this.offering = new Offering(this.#fold, this.#queue, () => this.#log);
    const failed = (error: HearsayError): void => this.#failures.tell(error);
    this.coldRows = new ColdRows({ log: () => this.#log, place, failed });
    this.reads = new Reads({
      map: entries,
      rows: this.coldRows,
      readiness: this.readiness,
      clock,
      limits,
      place,
      life: () => this.#log,
      failed,
    });
    const { reads, readiness } = this;
    this.writes = new Writes({ map: entries, reads, queue: this.#queue, readiness, clock });
    this.incomingSnapshot = new IncomingSnapshot({
      fold: this.#fold,
      queue: this.#queue,
      clock,
      maxBytes: limits.maxSnapshotBytes,
      ended: () => this.#replacements.tell(),
    });
  }

  // ---- what is known

  get map(): EntryStore {
    return this.#fold.map;
  }

  get members(): Members {
    return this.#fold.members;
  }

  get recent(): RecentRows {
    return this.#fold.recent;
  }

  /** The origin that this node's own ops are born in. */
  get origin(): string {
    return this.#fold.origin;
  }

  get header(): LogHeader {
    return this.#fold.header;
  }

  get lastLsn(): number {
    return this.#fold.lastLsn;
  }

  /** Lists the origins that are not closed; asked for a closed one, it tells its last seq (rule 13). */
  get vector(): Vector {
    return this.#fold.vector;
  }

  /** The vector of all origins, closed ones included. */
  wholeVector(): Map<string, number> {
    return this.#fold.wholeVector();
  }

  get closings(): Closings {
    return this.#fold.closings;
  }

  /** Sum of the sums of all retired origins; null where none of them has an op. */
  get retiredSum(): Hash | null {
    return this.#fold.retiredSum;
  }

  /** The seq of this node's own origin when the log was opened. */
  get openedAtSeq(): number {
    return this.#fold.openedAtSeq;
  }

  /** Ops born here since the log was opened. */
  get bornHere(): number {
    return this.#fold.bornHere;
  }

  /**
   * The time at which the last `retire` was committed here, in UTC milliseconds by this node's clock;
   * null before the first.
   */
  get retiredAtMs(): number | null {
    return this.#fold.retiredAtMs;
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

  /** Whether the last commit found no room. */
  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  /** This node's clock, UTC milliseconds. */
  nowMs(): number {
    return this.#clock();
  }

  record(origin: string): OriginRecord {
    return this.#fold.record(origin);
  }

  /** The reach: origin → highest seq compacted away, for the origins that are not closed. */
  reach(): Vector {
    return this.#fold.reach();
  }

  /** The reach of all origins, closed ones included. */
  wholeReach(): Vector {
    return this.#fold.wholeReach();
  }

  /** @param asOf whole minutes since the epoch (rule 11). */
  mapSum(asOf: number): Hash {
    return this.map.sumAt(asOf);
  }

  /**
   * The latest expiries of entries that had been collected before the log was opened. Only the first
   * call gives them.
   */
  takeExpiredBefore(): LatestExpiries | null {
    return this.#fold.takeExpiredBefore();
  }

  // ---- reads and writes of clients

  /**
   * Reads the map as of the last commit; `reads` also gives values that are not in memory.
   *
   * @throws NotReadableError while clients may not read.
   */
  get(key: string): DecidedOutcome {
    return this.reads.present(key);
  }

  /** As `get`. */
  list(prefix: string, after: string | null, limit: ListLimit): ListPage {
    return this.reads.presentList(prefix, after, limit);
  }

  /** As `list`, without the values. @throws NotReadableError while clients may not read. */
  listHeads(prefix: string, after: string | null, limit: number): ListPage<PutHead> {
    return this.reads.listHeads(prefix, after, limit);
  }

  /** As `Writes.submit`. */
  submit(
    requests: readonly Request[],
    trace: TraceParent | null = null,
  ): Promise<readonly Outcome[]> {
    return this.writes.submit(requests, trace);
  }

  // ---- what comes from peers

  /**
   * Takes in a peer's ops, in the order in which deltas came (rule 7). Rejects as `submit` does.
   *
   * @param from the origin of the node that sent them; null if no node did.
   */
  receive(delta: Delta, from: string | null = null): Promise<DeltaOutcome> {
    let bytes = 0;
    for (const op of delta.ops) bytes += textLength(op);
    return this.#queue.enqueue({ ops: delta.ops.length, bytes }, (batch) =>
      batch.delta(delta, from),
    );
  }

  /**
   * Rule 11: entries that a peer lost are born again, unchanged except for their birth, so that they
   * win.
   */
  async bearAgain(heads: readonly EntryHead[]): Promise<void> {
    const entries = await this.#wholeOps(heads);
    await this.#queue.enqueue({ ops: entries.length, bytes: 0 }, (batch) => {
      for (const entry of entries) batch.bearAgain(entry);
    });
  }

  /** The ops of these heads, so far as they are still entries. */
  async #wholeOps(heads: readonly EntryHead[]): Promise<KeyOp[]> {
    const ops = heads.map((head) => {
      const entry = this.map.get(head.key);
      if (entry === undefined || !sameOp(entry, head)) return null;
      return isInLog(entry) ? this.coldRows.read(entry) : entry;
    });
    return (await Promise.all(ops)).filter((op) => op !== null);
  }

  // ---- the log under it

  /** The lsn of the checkpoint that the log was opened from: its rows up to there were not read. Else null. */
  get restoredLsn(): number | null {
    return this.#fold.restoredLsn;
  }

  /** Rows that compaction has removed from logs of this replica. */
  get removedRows(): number {
    return this.#fold.removedRows;
  }

  /**
   * Captures the state after the last commit, for a checkpoint, while the replica goes on. The caller
   * ends the capture of the entries.
   *
   * @param aheadMs the map sum leaves out entries that expire within this time.
   */
  capture(aheadMs: number): ReturnType<Fold['capture']> {
    return this.#fold.capture(minuteAhead(this.#clock(), aheadMs));
  }

  /** Rule 12: goes on with another log, in place, as if it had been opened on it. */
  async adopt(log: Log): Promise<void> {
    this.#log = log;
    this.incomingSnapshot.forget();
    await this.#fold.read(log, this.place);
    this.coldRows.forget();
    this.#queue.resume();
    this.#replacements.tell();
  }

  /**
   * Rule 12: suspends, and writes into the log the reason why it is given up, for a start that must
   * offer its ops again. If the log is full or takes no more, the reason stays unwritten. Then a later
   * start trusts only ops that the sums prove.
   */
  async giveUp(why: GivenUp): Promise<void> {
    await this.suspend();
    const header = { facts: { givenUp: why } };
    await this.#log.append({ rows: [], origins: [], header }).catch(() => {});
  }

  /** Lets the commit under way end, and refuses waiting and new requests until a log is adopted. */
  suspend(): Promise<void> {
    return this.#queue.stop();
  }

  /**
   * Writes the map sum into the log, for a later `verify`; called before a stop, when the queue is
   * empty.
   */
  recordMapSum(aheadMs: number): Promise<void> {
    return this.#queue.enqueue({ ops: 0, bytes: 0 }, (batch) => {
      if (batch.rows.length > 0) return;
      const asOf = minuteAhead(this.#clock(), aheadMs);
      batch.changeFacts({ mapSum: { lsn: this.lastLsn, asOf, sum: this.mapSum(asOf) } });
    });
  }

  /** Lets the commit under way end, refuses waiting requests, closes the log. */
  async close(): Promise<void> {
    await this.suspend();
    await this.#log.close();
  }

  async #append(batch: Batch): Promise<void> {
    try {
      await this.#appendTraced(batch);
      this.#isDiskFull = false;
    } catch (error) {
      this.#isDiskFull = error instanceof DiskFullError;
      throw error;
    }
  }

  #appendTraced(batch: Batch): Promise<void> {
    const append = (): Promise<void> => this.#fold.append(batch, this.#log);
    if (batch.traces.size === 0) return append();
    const facts = { 'hearsay.ops': batch.rows.length };
    const traces = boundedTraces(batch.traces.values());
    return within(
      this.#tracer,
      { name: 'hearsay.commit', kind: 'internal', for: traces, facts },
      append,
    );
  }

  // ---- listeners

  /** Takes expired entries, at most `limit`, out of lists, and tells listeners. */
  sweep(limit: number): Swept {
    const swept = this.map.sweep(this.#clock(), limit);
    this.map.compactSlice(SWEEP_SLICE_BYTES);
    this.#sweeps.tell(swept);
    return swept;
  }

  /**
   * Calls the function for each commit, in order, after it is folded. @returns a function that ends the
   * calls.
   */
  onCommit(listener: (committed: Committed) => void): () => void {
    return this.#commits.add(listener);
  }

  /** Calls the function once, when a commit has failed with an unknown outcome: the node must stop. */
  onFailure(listener: (error: HearsayError) => void): void {
    this.#failures.add(listener);
  }

  /**
   * Calls the function when the whole history has changed: a log was adopted, or a snapshot is
   * complete.
   */
  onReplaced(listener: () => void): () => void {
    return this.#replacements.add(listener);
  }

  /**
   * Calls the function for each sweep, also if no entry had expired. @returns a function that ends the
   * calls.
   */
  onSweep(listener: (swept: Swept) => void): () => void {
    return this.#sweeps.add(listener);
  }
}
