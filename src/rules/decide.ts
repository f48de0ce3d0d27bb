/**
 * Rules 1 to 3 and 5: decides waiting requests and deltas, in order, against the present map, and
 * numbers the ops to append. Nothing here changes the map: a batch that can't be committed leaves no
 * trace.
 */

import { holds } from '../words/condition.ts';
import type { Delta } from '../words/delta.ts';
import { BrokenInvariantError } from '../words/errors.ts';
import {
  add,
  addTo,
  giveHash,
  type Hash,
  hasContent,
  type RunningSum,
  ZERO,
} from '../words/hash.ts';
import { followedHlc, nextHlc } from '../words/hlc.ts';
import {
  admitsVersion,
  compareOps,
  type Delete,
  type Entry,
  type EntryHead,
  generationFor,
  isDead,
  isOnKey,
  type KeyOp,
  LAST_VERSION,
  MAX_COUNTER,
  MAX_PUT_VERSION,
  type Membership,
  type Op,
  type OpId,
  type Put,
  type PutHead,
  sameOp,
} from '../words/op.ts';
import {
  type DecidedBatchOutcome,
  type DecidedOutcome,
  type DeleteRequest,
  found,
  LEFT_OUT,
  type PutRequest,
  type Request,
  type TouchRequest,
  takenBytes,
} from '../words/requests.ts';
import {
  bothChanges,
  type FactChanges,
  type HeaderChanges,
  type LogHeader,
  type OriginRecord,
  type Row,
} from '../words/row.ts';
import type { TraceParent } from '../words/trace.ts';
import type { Vector } from '../words/vector.ts';
import { beyondEnds, type Closings } from './closings.ts';
import { type DeltaOutcome, decideDelta } from './delta.ts';
import { decideOffer, type Judged, type OfferOutcome } from './lostOps.ts';
import type { Members } from './members.ts';
import { crowdedOut, leavingOut } from './newOrigins.ts';

/** The state that a batch is decided against: the one after the last commit. */
export interface Basis {
  /** The entry without its value. */
  readonly head: (key: string) => EntryHead | undefined;
  readonly entry: (key: string) => Entry | undefined;
  /** Is told the keys that are asked for next, which then costs less. */
  readonly foresee: (keys: readonly string[]) => void;
  /** Whether keys fill the memory, so that a client's put of a new key is refused. */
  readonly isFullOfKeys: () => boolean;
  readonly record: (origin: string) => OriginRecord;
  readonly vector: Vector;
  /** This node's own origin. */
  readonly origin: string;
  readonly lastLsn: number;
  /** The last HLC that this node gave or saw. */
  readonly hlc: number;
  readonly horizon: number;
  readonly members: Pick<Members, 'has' | 'isRetired'>;
  readonly closings: Pick<Closings, 'lastSeqOf'>;
  /** Whether a snapshot is on its way into this log, or has come. */
  readonly snapshot: LogHeader['facts']['snapshot'];
  /** Seqs of this node's own origin among which some ops were not born in their place. */
  readonly offered: LogHeader['facts']['offered'];
}

/** A batch that was decided ahead holds for so long, in milliseconds: its rows bear the time of its begin. */
export const MAX_AHEAD_MS = 20;

/** The record of an origin without ops here. */
export const emptyRecord = (origin: string): OriginRecord => ({
  origin,
  seq: 0,
  sum: ZERO,
  reach: 0,
  compactedSum: ZERO,
});

/** A record that changes in place while a batch is decided, of which it is a part. */
interface BatchRecord extends OriginRecord {
  seq: number;
  sum: RunningSum;
  reach: number;
  compactedSum: Hash;
}

/** Stands in the fields of a hash until the other fields are complete. */
const UNHASHED = { hashHigh: 0, hashLow: 0 };

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

/** One batch: the content of one transaction. */
export class Batch {
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
  readonly #basis: Basis;
  readonly #nowMs: number;
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
    this.#basis = basis;
    this.#nowMs = nowMs;
    this.#hlc = basis.hlc;
    this.#origin = basis.origin;
  }

  /** The last HLC given or seen, once the batch is committed. */
  get hlc(): number {
    return this.#hlc;
  }

  /** A client's requests: each sees the changes of those before it. @param trace the span of the client's call. */
  requests(requests: readonly Request[], trace: TraceParent | null = null): DecidedOutcome[] {
    const first = this.rows.length;
    if (requests.length > 1) this.#basis.foresee(requests.map(({ key }) => key));
    const outcomes = requests.map((request) => this.#request(request));
    this.#trace(first, trace);
    return outcomes;
  }

  /** As `requests`, with a bound on what gets take: a short request of many long values would fill the memory. */
  boundedRequests(
    requests: readonly Request[],
    maxBytes: number,
    trace: TraceParent | null = null,
  ): DecidedBatchOutcome[] {
    const whole = this.firstRequests(requests, maxBytes, trace);
    if (whole.length === requests.length) return whole;
    const first = this.rows.length;
    const others = requests
      .slice(whole.length)
      .map((request) => (request.kind === 'get' ? LEFT_OUT : this.#request(request)));
    this.#trace(first, trace);
    return [...whole, ...others];
  }

  /**
   * As `requests`, up to the first get that comes after one which brought the entries of gets to a bound.
   *
   * @param maxBytes of keys, values and metas.
   */
  firstRequests(
    requests: readonly Request[],
    maxBytes: number,
    trace: TraceParent | null = null,
  ): DecidedOutcome[] {
    const first = this.rows.length;
    const outcomes: DecidedOutcome[] = [];
    let bytes = 0;
    if (requests.length > 1) this.#basis.foresee(requests.map(({ key }) => key));
    for (const request of requests) {
      if (request.kind === 'get' && bytes >= maxBytes) break;
      const outcome = this.#request(request);
      bytes += takenBytes(outcome);
      outcomes.push(outcome);
    }
    this.#trace(first, trace);
    return outcomes;
  }

  /** The rows from that one on are of a traced call. */
  #trace(first: number, trace: TraceParent | null): void {
    if (trace !== null) for (const row of this.rows.slice(first)) this.traces.set(row, trace);
  }

  /** Puts of a log that another cluster gave up: memory refuses none of them, or they would be lost. */
  offeredPuts(requests: readonly PutRequest[]): DecidedOutcome[] {
    return requests.map((request) => this.#put(request, true));
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

  /**
   * Whether this batch, decided ahead, would be decided alike now. Of the state that the batch before it was to leave, only the
   * horizon changes without a commit.
   *
   * @param horizon the present one. @param nowMs as in the constructor.
   */
  holdsFor(horizon: number, nowMs: number): boolean {
    const ageMs = nowMs - this.#nowMs;
    return ageMs >= 0 && ageMs <= MAX_AHEAD_MS && horizon === this.#basis.horizon;
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
    return this.#joined.has(origin) || this.#basis.members.has(origin);
  }

  /** Whether the origin is retired, once the rows of this batch so far are folded. */
  isRetired(origin: string): boolean {
    return this.#retired.has(origin) || this.#basis.members.isRetired(origin);
  }

  /** The highest seq of the origin, once the rows of this batch so far are folded. */
  seqOf(origin: string): number {
    return this.#record(origin).seq;
  }

  /** Whether a snapshot is under way into this log, as this batch leaves it so far. */
  get isSnapshotUnderWay(): boolean {
    return (this.header.facts?.snapshot ?? this.#basis.snapshot) === 'underWay';
  }

  /**
   * Rule 10: whether rows of a snapshot may come: into an empty log, or after other parts of the
   * snapshot.
   */
  get takesSnapshot(): boolean {
    return this.isSnapshotUnderWay || (this.#basis.lastLsn === 0 && this.rows.length === 0);
  }

  /** Rule 10: a row of a snapshot. A row that is no entry at its sender does not win here either. */
  snapshotRow(op: Op, isEntry: boolean): void {
    this.#follow(op);
    this.#push(op, isEntry ? this.#beaten(op, this.#present(op)) : LOSES);
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

  /** The same op with a new birth: it is greater by its HLC alone. */
  bearAgain(entry: KeyOp): void {
    const present = this.#head(entry.key);
    if (present === undefined || !sameOp(present, entry)) return;
    const birth = this.#birth();
    // Also above an HLC that this node does not follow.
    const hlc = Math.min(MAX_COUNTER, Math.max(birth.hlc, entry.hlc + 1));
    this.#bear({ ...entry, ...birth, hlc }, present);
  }

  /**
   * Rule 12: an op that a log held and its cluster lacks is born again as if it had never been lost:
   * with its own generation, version, HLC and expiry, so that it wins and loses as it would have.
   */
  offer(lost: KeyOp, judged: Judged): OfferOutcome {
    const { hlc: hlcNow, ...bornAs } = this.#birth();
    const { horizon } = this.#basis;
    const entry = this.#head(lost.key);
    const decided = decideOffer(lost, judged, { entry, bornAs, horizon, nowMs: this.#nowMs });
    const anew = { ...lost, ...bornAs };
    switch (decided) {
      case 'asItWas':
        this.#keepsStamp(this.#bear(anew, entry));
        break;
      case 'justAbove':
        this.#keepsStamp(this.#bear({ ...anew, hlc: Math.min(MAX_COUNTER, lost.hlc + 1) }, entry));
        break;
      case 'anew':
        // A client's put would get this generation now.
        this.#bear({ ...anew, hlc: hlcNow, generation: horizon }, entry);
        break;
      default:
        return decided;
    }
    return 'offered';
  }

  /** A change of the members: the op is born here. */
  membership(kind: 'join' | 'retire', member: string, value: string | null): Op {
    const others = { key: member, generation: 0, version: 0, expiresAt: null, value, meta: null };
    return this.#bear<Membership>({ ...this.#birth(), kind, ...others, ...UNHASHED }, undefined);
  }

  /**
   * Rule 7: takes in a peer's ops, all of an origin's or none.
   *
   * @param from the origin of the node that sent them; null if no node did.
   */
  delta(delta: Delta, from: string | null = null): DeltaOutcome {
    if (this.isSnapshotUnderWay) return { kind: 'overtaken' };
    if (from !== null && this.isRetired(from)) return { kind: 'sealed' };
    const { vector, closings } = this.#basis;
    const members = { has: this.isMember.bind(this), isRetired: this.isRetired.bind(this) };
    const crowded = crowdedOut(delta, { vector, added: this.records.keys(), members });
    const ended = beyondEnds(delta, closings);
    const taken = leavingOut(delta, new Set([...crowded, ...ended]));
    const { news, outcome } = decideDelta(taken, (origin) => this.#record(origin));
    for (const op of news) {
      this.#append(op, this.#present(op));
      this.#keepsStamp(op);
    }
    if (outcome.kind !== 'applied') return outcome;
    if (crowded.size > 0) return { ...outcome, kind: 'crowded' };
    return ended.size > 0 ? { ...outcome, kind: 'beyondEnds' } : outcome;
  }

  #request(request: Request): DecidedOutcome {
    if (request.kind !== 'get' && request.condition !== undefined) {
      const live = this.#live(request.key);
      if (!holds(request.condition, live))
        return { kind: 'preconditionFailed', currentVersion: live?.version ?? null };
    }
    switch (request.kind) {
      case 'put':
        return this.#put(request);
      case 'delete':
        return this.#delete(request);
      case 'touch':
        return this.#touch(request);
      case 'get':
        return this.#get(request.key);
    }
  }

  /**
   * Whether each touch can be decided now: if the value of its entry is not in memory, the request must
   * bring that very entry.
   */
  hasValuesFor(requests: readonly Request[]): boolean {
    return requests.every(
      (request) => request.kind !== 'touch' || this.#whole(request) !== 'needed',
    );
  }

  /** The live entry with its value; `needed`: its value is only in the log. */
  #whole({ key, known }: TouchRequest): Put | 'needed' | undefined {
    const entry = this.#entry(key);
    if (entry?.kind !== 'put' || isDead(entry, this.#nowMs)) return undefined;
    if (entry.value !== undefined) return entry;
    return known !== undefined && sameOp(known, entry) ? known : 'needed';
  }

  /**
   * Rule 1: a touch is a put of the live entry once more, with a later HLC and another expiry. So a greater
   * version and a DELETE beat it, seen or unseen here, and of two touches of a version the later one wins.
   */
  #touch(request: TouchRequest): DecidedOutcome {
    const entry = this.#whole(request);
    if (entry === 'needed') throw new BrokenInvariantError('a touch has the value of its entry');
    if (entry === undefined) {
      const expired = this.#head(request.key)?.kind === 'put';
      return { kind: 'absent', expired };
    }
    const birth = this.#birth();
    // Also above an HLC that this node does not follow.
    const hlc = Math.min(MAX_COUNTER, Math.max(birth.hlc, entry.hlc + 1));
    const expiresAt = request.ttlMs === null ? null : this.#nowMs + request.ttlMs;
    const op = this.#bear<Put>({ ...entry, ...birth, hlc, expiresAt }, entry);
    return { kind: 'stored', op, isTouch: true };
  }

  #put(request: PutRequest, isOffered = false): DecidedOutcome {
    const entry = this.#head(request.key);
    const version = request.version === 'next' ? this.#nextVersion(entry) : request.version;
    if (version > MAX_PUT_VERSION)
      return { kind: 'conflict', currentVersion: MAX_PUT_VERSION, isExhausted: true };
    if (!admitsVersion(entry, version, this.#nowMs))
      return { kind: 'conflict', currentVersion: entry?.version ?? 0 };
    if (entry === undefined && !isOffered && this.#basis.isFullOfKeys())
      return { kind: 'memoryFull' };
    const { origin, seq, hlc } = this.#birth();
    const { key, ttlMs, value, meta } = request;
    const generation = generationFor(entry, this.#basis.horizon, this.#nowMs);
    const expiresAt = ttlMs === null ? null : this.#nowMs + ttlMs;
    const op = this.#bear<Put>(
      {
        origin,
        seq,
        hlc,
        kind: 'put',
        key,
        generation,
        version,
        expiresAt,
        value,
        meta,
        // Written out: a spread would cost as much as the rest of the object.
        hashHigh: 0,
        hashLow: 0,
      },
      entry,
    );
    return { kind: 'stored', op };
  }

  #nextVersion(entry: EntryHead | undefined): number {
    return entry === undefined || isDead(entry, this.#nowMs) ? 1 : entry.version + 1;
  }

  /** Rule 3. */
  #delete({ key, upToVersion }: DeleteRequest): DecidedOutcome {
    const entry = this.#head(key);
    const existed = entry !== undefined && !isDead(entry, this.#nowMs);
    if (upToVersion !== null) {
      if (!existed) return { kind: 'deleted', op: null, existed };
      if (entry.version > upToVersion) return { kind: 'conflict', currentVersion: entry.version };
    }
    const generation = generationFor(entry, this.#basis.horizon, this.#nowMs);
    const version = upToVersion ?? LAST_VERSION;
    const texts = { expiresAt: null, value: null, meta: null };
    const op = this.#bear<Delete>(
      { ...this.#birth(), kind: 'delete', key, generation, version, ...texts, ...UNHASHED },
      entry,
    );
    return { kind: 'deleted', op, existed };
  }

  #get(key: string): DecidedOutcome {
    const entry = this.#entry(key);
    if (entry?.kind !== 'put') return { kind: 'absent', expired: false };
    return isDead(entry, this.#nowMs) ? { kind: 'absent', expired: true } : found(entry);
  }

  #live(key: string): PutHead | undefined {
    const entry = this.#head(key);
    return entry?.kind === 'put' && !isDead(entry, this.#nowMs) ? entry : undefined;
  }

  #birth(): { origin: string; seq: number; hlc: number } {
    const origin = this.#origin;
    return { origin, seq: this.#record(origin).seq + 1, hlc: nextHlc(this.#hlc, this.#nowMs) };
  }

  /** @param op a new object without its hash. @param present the entry of the op's key; undefined if there is none. */
  #bear<O extends Op>(op: O, present: EntryHead | undefined): O {
    giveHash(op);
    this.#append(op, present);
    this.born++;
    return op;
  }

  /** @param present as for `#bear`. */
  #append(op: Op, present: EntryHead | undefined): void {
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
  #keepsStamp({ origin, seq }: OpId): void {
    if (origin !== this.#origin) return;
    const offered = this.header.facts?.offered ?? this.#basis.offered;
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
        : followedHlc(this.#hlc, op.hlc, this.#nowMs);
  }

  /** @param beaten the entry that the op beats; undefined: it beats none and wins. */
  #push(op: Op, beaten: EntryHead | undefined | typeof LOSES): void {
    if (op.kind === 'join') this.#joined.add(op.key);
    else if (op.kind === 'retire') this.#retired.add(op.key);
    const lsn = this.#basis.lastLsn + this.rows.length + 1;
    const row = { lsn, committedAt: this.#nowMs, won: beaten !== LOSES, op };
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

  #present(op: Op): EntryHead | undefined {
    return isOnKey(op) ? this.#head(op.key) : undefined;
  }

  #entry(key: string): Entry | undefined {
    return this.#entries.get(key) ?? this.#basis.entry(key);
  }

  #head(key: string): EntryHead | undefined {
    return this.#entries.get(key) ?? this.#basis.head(key);
  }

  #record(origin: string): OriginRecord {
    if (this.#changedRecord?.origin === origin) return this.#changedRecord;
    return this.records.get(origin) ?? this.#basis.record(origin);
  }

  /** The record of the origin, as one that changes. */
  #changed(origin: string): BatchRecord {
    if (this.#changedRecord?.origin === origin) return this.#changedRecord;
    let record = this.records.get(origin);
    if (record === undefined) {
      const before = this.#basis.record(origin);
      record = { ...before, sum: { ...before.sum } };
      this.records.set(origin, record);
    }
    this.#changedRecord = record;
    return record;
  }
}
