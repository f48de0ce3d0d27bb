/**
 * The content of one transaction while it is decided: the rows so far, the records and facts that they change, and the
 * state that they will leave. Nothing here changes the map: a draft that can't be committed leaves no trace.
 */
import { add, addTo, giveHash, type Hash, hasContent, type RunningSum } from '../words/hash.ts';
import { followedHlc, nextHlc } from '../words/hlc.ts';
import {
  compareOps,
  type Entry,
  type EntryHead,
  isOnKey,
  type KeyOp,
  type Op,
  type OpId,
  type PutHead,
} from '../words/op.ts';
import {
  bothChanges,
  type FactChanges,
  type HeaderChanges,
  type OriginRecord,
  type Row,
} from '../words/row.ts';
import type { TraceParent } from '../words/trace.ts';
import type { Basis } from './basis.ts';

/** A record that changes in place while a batch is decided, of which it is a part. */
interface BatchRecord extends OriginRecord {
  seq: number;
  sum: RunningSum;
  reach: number;
  compactedSum: Hash;
}

/** Stands in the fields of a hash until the other fields are complete. */
export const UNHASHED = { hashHigh: 0, hashLow: 0 };

/** The op is not the greatest of its key. */
const LOSES = Symbol('loses');

/**
 * Whether the op beats the entry by its birth alone and stores the same: a touch, or a put of the same version and
 * value.
 */
const isTouchOf = (beaten: PutHead, op: Op): boolean =>
  op.kind === 'put' &&
  op.version === beaten.version &&
  op.generation === beaten.generation &&
  hasContent(beaten, { value: op.value, meta: op.meta, expiresAt: beaten.expiresAt });

export class Draft {
  readonly rows: Row[] = [];
  /** The records that change. */
  readonly records = new Map<string, BatchRecord>();
  /** The facts that change. */
  header: HeaderChanges = {};
  /** Lsns of the rows that compaction removes. */
  readonly removed: number[] = [];
  /** Ops that were born in this batch. */
  born = 0;
  /** The rows that changed the expiry of an entry and nothing that a client stored, each with that entry. */
  readonly touched = new Map<Row, PutHead>();
  /** The rows of requests that are traced, each with the span of its request. */
  readonly traces = new Map<Row, TraceParent>();
  readonly basis: Basis;
  readonly nowMs: number;
  /** The winners so far of keys that this batch changes. */
  readonly #entries = new Map<string, KeyOp>();
  /** Origins that the rows of this batch admit, and origins that they seal. */
  readonly #joined = new Set<string>();
  readonly #retired = new Set<string>();
  #hlc: number;
  #origin: string;
  /** The one that was changed last: nearly always the next op is of the same origin. */
  #changedRecord: BatchRecord | null = null;

  /** @param nowMs the clock by which the whole batch is decided, UTC milliseconds. */
  constructor(basis: Basis, nowMs: number) {
    this.basis = basis;
    this.nowMs = nowMs;
    this.#hlc = basis.hlc;
    this.#origin = basis.origin;
  }

  /** The last HLC given or seen, once the batch is committed. */
  get hlc(): number {
    return this.#hlc;
  }

  /** Whether there is nothing to write. */
  get isEmpty(): boolean {
    return (
      this.rows.length === 0 && this.removed.length === 0 && Object.keys(this.header).length === 0
    );
  }

  /**
   * The state that this batch will leave: requests may be decided against it while the batch is being committed.
   *
   * @param basis the state before this batch. @returns null if the batch changes more than entries and their origins.
   */
  basisAfter(basis: Basis): Basis | null {
    const changesMore =
      this.removed.length > 0 ||
      this.#joined.size > 0 ||
      this.#retired.size > 0 ||
      Object.keys(this.header).length > 0;
    if (changesMore) return null;
    return {
      ...basis,
      head: (key) => this.#entries.get(key) ?? basis.head(key),
      entry: (key) => this.#entries.get(key) ?? basis.entry(key),
      record: (origin) => this.records.get(origin) ?? basis.record(origin),
      lastLsn: basis.lastLsn + this.rows.length,
      hlc: this.#hlc,
    };
  }

  /** From here on, ops are born under this origin (rules 5 and 12). */
  renewOrigin(origin: string): void {
    this.#origin = origin;
    this.header = { ...this.header, origin };
  }

  /** Facts of the header that the batch writes. */
  changeFacts(facts: FactChanges): void {
    this.header = bothChanges(this.header, { facts });
  }

  /** Whether the origin is a member, once the rows of this batch so far are folded. */
  isMember(origin: string): boolean {
    if (this.isRetired(origin)) return false;
    return this.#joined.has(origin) || this.basis.members.has(origin);
  }

  /** Whether the origin is retired, once the rows of this batch so far are folded. */
  isRetired(origin: string): boolean {
    return this.#retired.has(origin) || this.basis.members.isRetired(origin);
  }

  /** The highest seq of the origin, once the rows of this batch so far are folded. */
  seqOf(origin: string): number {
    return this.record(origin).seq;
  }

  /** Whether a snapshot is under way into this log, as this batch leaves it so far. */
  get isSnapshotUnderWay(): boolean {
    return (this.header.facts?.snapshot ?? this.basis.snapshot) === 'underWay';
  }

  /**
   * Rule 10: whether rows of a snapshot may come: into an empty log, or after other parts of the
   * snapshot.
   */
  get takesSnapshot(): boolean {
    return this.isSnapshotUnderWay || (this.basis.lastLsn === 0 && this.rows.length === 0);
  }

  /** Rule 10: a row of a snapshot. A row that is no entry at its sender does not win here either. */
  snapshotRow(op: Op, isEntry: boolean): void {
    this.#follow(op);
    this.#push(op, isEntry ? this.#beaten(op, this.present(op)) : LOSES);
  }

  /**
   * Compaction: the rows go, and the record of their origin gets the new reach and the sum of the
   * compacted rows.
   */
  removeRows(origin: string, rows: readonly { lsn: number; seq: number; hash: Hash }[]): void {
    const record = this.#changed(origin);
    for (const row of rows) {
      this.removed.push(row.lsn);
      record.reach = Math.max(record.reach, row.seq);
      record.compactedSum = add(record.compactedSum, row.hash);
    }
  }

  birth(): { origin: string; seq: number; hlc: number } {
    const origin = this.#origin;
    return { origin, seq: this.record(origin).seq + 1, hlc: nextHlc(this.#hlc, this.nowMs) };
  }

  /** @param op a new object without its hash. @param present the entry of the op's key; undefined if there is none. */
  bear<O extends Op>(op: O, present: EntryHead | undefined): O {
    giveHash(op);
    this.append(op, present);
    this.born++;
    return op;
  }

  /** @param present as for `bear`. */
  append(op: Op, present: EntryHead | undefined): void {
    const record = this.#changed(op.origin);
    this.#follow(op);
    this.#push(op, this.#beaten(op, present));
    record.seq = op.seq;
    addTo(record.sum, op);
  }

  /**
   * An op of this node's own origin that was offered, or given back by a peer, has an older HLC than its place: it is
   * written down, so that `verify` does not take it for a row that was swapped.
   */
  keepsStamp({ origin, seq }: OpId): void {
    if (origin !== this.#origin) return;
    const offered = this.header.facts?.offered ?? this.basis.offered;
    const from = offered?.origin === origin ? offered.from : seq;
    this.changeFacts({ offered: { origin, from, to: seq } });
  }

  /**
   * This node's stamps come after those of all ops that it has seen, except for those of a wrong clock.
   */
  #follow(op: Op): void {
    this.#hlc =
      op.origin === this.#origin
        ? Math.max(this.#hlc, op.hlc)
        : followedHlc(this.#hlc, op.hlc, this.nowMs);
  }

  /** @param beaten the entry that the op beats; undefined: it beats none and wins. */
  #push(op: Op, beaten: EntryHead | undefined | typeof LOSES): void {
    if (op.kind === 'join') this.#joined.add(op.key);
    else if (op.kind === 'retire') this.#retired.add(op.key);
    const lsn = this.basis.lastLsn + this.rows.length + 1;
    const row = { lsn, committedAt: this.nowMs, won: beaten !== LOSES, op };
    this.rows.push(row);
    if (beaten !== LOSES && beaten?.kind === 'put' && isTouchOf(beaten, op))
      this.touched.set(row, beaten);
  }

  /** The entry that the op beats, or `LOSES`. */
  #beaten(op: Op, present: EntryHead | undefined): EntryHead | undefined | typeof LOSES {
    if (!isOnKey(op) || (present !== undefined && compareOps(op, present) <= 0)) return LOSES;
    this.#entries.set(op.key, op);
    return present;
  }

  present(op: Op): EntryHead | undefined {
    return isOnKey(op) ? this.head(op.key) : undefined;
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key) ?? this.basis.entry(key);
  }

  head(key: string): EntryHead | undefined {
    return this.#entries.get(key) ?? this.basis.head(key);
  }

  record(origin: string): OriginRecord {
    if (this.#changedRecord?.origin === origin) return this.#changedRecord;
    return this.records.get(origin) ?? this.basis.record(origin);
  }

  /** The record of the origin, as one that changes. */
  #changed(origin: string): BatchRecord {
    if (this.#changedRecord?.origin === origin) return this.#changedRecord;
    let record = this.records.get(origin);
    if (record === undefined) {
      const before = this.basis.record(origin);
      record = { ...before, sum: { ...before.sum } };
      this.records.set(origin, record);
    }
    this.#changedRecord = record;
    return record;
  }
}
