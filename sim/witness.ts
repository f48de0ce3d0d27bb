/**
 * The content that one log must have, as the oracle folds it from its commits. It never forgets: what the node has
 * collected or compacted away stays here, so that an entry that comes back from the dead is seen.
 */

import type { Commit } from '../src/log/log.ts';
import { add, carriedHash, type Hash, sameHash, subtract, ZERO } from '../src/words/hash.ts';
import { compareKeys } from '../src/words/keyOrder.ts';
import { isOnKey, type KeyOp, type Op } from '../src/words/op.ts';
import { bothChanges, type HeaderChanges, type OriginRecord, type Row } from '../src/words/row.ts';
import { type MutableVector, raise, seqOf, type Vector } from '../src/words/vector.ts';
import {
  beats,
  greatestOf,
  heldLinks,
  isBornAgain,
  isCopy,
  isSameOp,
  type Ledger,
  type Link,
  readsAbsent,
} from './ledger.ts';
import { Sealed } from './sealed.ts';
import type { Report } from './violation.ts';

const LAST_VERSION = 2 ** 53 - 1;

export class Witness {
  readonly node: string;
  readonly vector = new Map<string, number>();
  /** The vector that it told before its disk lost the end of the log. */
  readonly everHeld = new Map<string, number>();
  /** Whether it began as a copy of another node's log, with that one's origin. */
  isClone = false;
  /** By origin, the last link of the branch that the log holds. */
  readonly heads = new Map<string, Link>();
  /** Per key the greatest op that the log ever held. */
  readonly entries = new Map<string, KeyOp>();
  /** Entries that the node may lack beside those that it has collected: a snapshot came without them. */
  readonly missing = new Map<string, KeyOp>();
  /** The rows that the disk must hold, by lsn. */
  readonly rows = new Map<number, Row>();
  /** Of the log, as far as it was written. */
  header: HeaderChanges = {};
  lastLsn = 0;
  /** The origin that the log's own ops are born in. */
  origin = '';
  /** The highest seq of its own that a client was told is stored. */
  acknowledgedSeq = 0;
  sealed = new Sealed();
  /** By key, the last delete that the log held when its node joined. */
  #deletedBefore = new Map<string, Row>();
  /** The keys that changed since the oracle last compared it with the node. */
  readonly changedKeys = new Set<string>();
  readonly changedOrigins = new Set<string>();
  readonly #ledger: Ledger;
  readonly #report: Report;
  /** By origin, of the rows. */
  readonly #rowSums = new Map<string, Hash>();
  #hlc = 0;

  constructor(node: string, ledger: Ledger, report: Report) {
    this.node = node;
    this.#ledger = ledger;
    this.#report = report;
  }

  /** Of a copy of the log, as it is now. */
  copy(node = this.node): Witness {
    const copy = new Witness(node, this.#ledger, this.#report);
    fill(copy.vector, this.vector);
    fill(copy.everHeld, this.everHeld);
    fill(copy.heads, this.heads);
    fill(copy.entries, this.entries);
    fill(copy.missing, this.missing);
    fill(copy.rows, this.rows);
    fill(copy.#rowSums, this.#rowSums);
    copy.isClone = this.isClone;
    copy.header = this.header;
    copy.lastLsn = this.lastLsn;
    copy.origin = this.origin;
    copy.acknowledgedSeq = this.acknowledgedSeq;
    copy.#hlc = this.#hlc;
    copy.sealed = this.sealed.copy();
    copy.#deletedBefore = this.#deletedBefore;
    return copy;
  }

  /** Whether the log holds the op, or did when it last told its vector. */
  heldOnce(origin: string, seq: number): boolean {
    return seqOf(this.vector, origin) >= seq || seqOf(this.everHeld, origin) >= seq;
  }

  get horizon(): number {
    return this.header.horizon ?? 0;
  }

  get hasJoined(): boolean {
    return this.header.facts?.joined === true;
  }

  headOf(origin: string): Link {
    return this.heads.get(origin) ?? this.#ledger.root(origin);
  }

  covers(op: Op): boolean {
    return (this.vector.get(op.origin) ?? 0) >= op.seq;
  }

  /** @returns the ops that were born in it. */
  take(commit: Commit): Link[] {
    const births: Link[] = [];
    const hadJoined = this.hasJoined;
    const wasInSnapshot = this.#isInSnapshot;
    this.#takeHeader(commit.header ?? {});
    for (const lsn of commit.removed ?? []) this.#remove(lsn);
    const own = [this.origin, commit.header?.origin ?? this.origin];
    if (commit.header?.origin !== undefined) this.#goesOnUnder(commit.header.origin);
    for (const row of commit.rows) {
      if (this.#isInSnapshot) this.#takeSnapshotRow(row);
      else if (this.#takeRow(row, own)) births.push(this.headOf(row.op.origin));
    }
    if (wasInSnapshot && !this.#isInSnapshot) this.#endSnapshot(commit.origins);
    for (const record of commit.origins) this.#checkRecord(record);
    if (this.hasJoined && !hadJoined) this.#deletedBefore = deletesOf(this.rows.values());
    return births;
  }

  #goesOnUnder(origin: string): void {
    this.origin = origin;
    this.acknowledgedSeq = 0;
    this.isClone = false;
  }

  get #isInSnapshot(): boolean {
    return this.header.facts?.snapshot === 'underWay';
  }

  #takeHeader(changes: HeaderChanges): void {
    if ((changes.horizon ?? this.horizon) < this.horizon)
      this.#report('forgetting', `${this.node}: its horizon sinks to ${changes.horizon}`);
    this.header = bothChanges(this.header, changes);
  }

  // ---- rows

  /** @returns whether the op was born in it. */
  #takeRow(row: Row, own: readonly string[]): boolean {
    const { op } = row;
    const id = this.#append(row);
    const held = this.vector.get(op.origin) ?? 0;
    if (op.seq !== held + 1) this.#report('no gaps', `${id} follows seq ${held}`);
    const isBirth = own.includes(op.origin) && this.#isNew(op);
    this.#follow(op, id, isBirth);
    if (isBirth) this.#checkBirth(id, row);
    else this.#checkSealed(id, op);
    if (isBirth && this.#isOfRepair(op)) this.#ledger.markBehind(this.headOf(op.origin));
    this.vector.set(op.origin, op.seq);
    this.#hlc = Math.max(this.#hlc, op.hlc);
    this.#fold(row, id);
    return isBirth;
  }

  /**
   * Its own ops may come back from peers; born is only what nobody knew before. But two nodes on copies of one log
   * may let in one node at one moment, and bear the same op, each on its own branch.
   */
  #isNew(op: Op): boolean {
    if (!this.#ledger.knows(op)) return true;
    const isOfTwo = this.#ledger.mayFork && !isOnKey(op);
    return isOfTwo && this.#ledger.after(this.headOf(op.origin), op) === undefined;
  }

  /** The log holds one branch of each origin, and each op comes after the one before it there. */
  #follow(op: Op, id: string, isBirth: boolean): void {
    const head = this.headOf(op.origin);
    const clusterId = this.header.clusterId ?? null;
    const link = isBirth ? this.#ledger.born(op, head, clusterId) : this.#ledger.after(head, op);
    if (link === undefined) {
      const objection = this.#ledger.objectionTo(op) ?? 'it comes after another op there';
      this.#report('one op an id', `${id}: ${objection}`);
    } else this.heads.set(op.origin, link);
    if (head.children.length > 1 && isBirth && !this.#ledger.mayFork)
      this.#report('one op an id', `${id}: another op was born under this id`);
  }

  #append(row: Row): string {
    const { op, lsn } = row;
    const id = `${this.node}: ${op.kind} ${op.origin}/${op.seq} at lsn ${lsn}`;
    if (lsn !== this.lastLsn + 1) this.#report('lsn order', `${id} follows lsn ${this.lastLsn}`);
    this.lastLsn = lsn;
    this.rows.set(lsn, row);
    this.#rowSums.set(op.origin, add(this.#rowSum(op.origin), carriedHash(op)));
    this.changedOrigins.add(op.origin);
    this.sealed.take(op);
    return id;
  }

  #fold({ op, won }: Row, id: string): void {
    if (!isOnKey(op)) return;
    const entry = this.entries.get(op.key);
    const wins = entry === undefined || beats(op, entry) || (won && this.#mayComeBack(op, entry));
    if (won !== wins) this.#report('won bit', `${id} says won=${won}, which is not so`);
    if (!wins) return;
    this.entries.set(op.key, op);
    this.missing.delete(op.key);
    this.changedKeys.add(op.key);
  }

  /** An entry that a repair writes again knows no more than it did: the op that beats it may be of another branch. */
  #isOfRepair(op: Op): boolean {
    const entry = this.entries.get(op.key);
    return this.#ledger.isDamaged && entry !== undefined && isBornAgain(op, entry);
  }

  /**
   * The ops of a log that had lost a delete, where the others have collected that delete meanwhile; and a copy of
   * an op that was collected. Two nodes may offer one op, and the copy with the lesser origin may come last.
   */
  #mayComeBack(op: KeyOp, entry: KeyOp): boolean {
    const isGone = this.wasCollected(entry) || this.missing.get(op.key) === entry;
    if (!isGone) return false;
    if (isCopy(op, entry)) return true;
    // A node with the other op of that id was taken to hold the delete.
    if (this.#ledger.linksOf(entry).length > 1)
      for (const link of this.#ledger.linksOf(op)) this.#ledger.markBehind(link);
    return this.#ledger.isBehind(op);
  }

  /** Rule 13: a log that has closed an origin never takes more of it. */
  #checkSealed(id: string, { origin, seq }: Op): void {
    const lastSeq = this.sealed.lastSeqOf(origin) ?? seq;
    if (this.sealed.isRetired(origin) && seq > lastSeq)
      this.#report('closing', `${id}: it was closed at seq ${lastSeq}`);
  }

  /** Rules 2 and 3, by which this op was accepted and given its generation. */
  #checkBirth(id: string, { op, committedAt: nowMs }: Row): void {
    const wrong = (text: string): void => this.#report('birth', `${id} ${text}`);
    if (isOnKey(op) && this.#ledger.isOffer(op)) {
      this.#checkOffer(op, wrong);
      return;
    }
    if (op.hlc <= this.#hlc) wrong(`has hlc ${op.hlc}, and ${this.#hlc} was seen before`);
    if (!isOnKey(op)) return;
    const entry = this.entries.get(op.key);
    // A repair writes the entry that shows already, but for its birth.
    if (this.#ledger.isDamaged && entry !== undefined && isBornAgain(op, entry)) return;
    const live = entry !== undefined && !readsAbsent(entry, nowMs) ? entry : undefined;
    // Dead entries may be collected or not, even where a clock that was set back calls them alive; and
    // the horizon rises with the same commit.
    const mayBeGone = entry === undefined || this.wasCollected(entry);
    const least = live?.generation ?? (entry === undefined ? 0 : entry.generation + 1);
    const most = live !== undefined && !mayBeGone ? least : Math.max(least, this.horizon);
    if (op.generation < least || op.generation > most)
      wrong(`is of generation ${op.generation}, not from ${least} to ${most}`);
    const isPut = op.kind === 'put';
    if (this.#isOfferedAfterDelete(op))
      wrong('is offered again, and the cluster had deleted it since');
    if (isPut && op.expiresAt !== null && op.expiresAt <= nowMs) wrong('is born dead');
    if (mayBeGone) return;
    if (isPut && live !== undefined && op.version <= live.version && !isTouchOf(op, live))
      wrong(`of version ${op.version} replaces a live version ${live.version}`);
    if (!isPut && op.version !== LAST_VERSION && (live === undefined || op.version < live.version))
      wrong(`deletes up to version ${op.version} what is not live or is newer`);
  }

  /** Rule 12: it beats every op of its key that the log ever held, collected and compacted ones too. */
  #checkOffer(op: KeyOp, wrong: (text: string) => void): void {
    const entry = this.entries.get(op.key);
    if (entry === undefined || beats(op, entry) || isCopy(op, entry)) return;
    if (this.#ledger.isDamaged) return;
    wrong(`is offered again, and ${entry.kind} ${entry.origin}/${entry.seq} had beaten it`);
  }

  /** Rule 12: what was written before and is not held any more comes back, but not from the dead. */
  #isOfferedAfterDelete(op: KeyOp): boolean {
    const deleted = this.#deletedBefore.get(op.key);
    // Nobody may know any more of the rows that were compacted away since then.
    if (op.kind !== 'put' || deleted === undefined || !this.rows.has(deleted.lsn)) return false;
    const writtenAt = this.#ledger.lastWritten(op);
    return writtenAt !== undefined && writtenAt < deleted.op.hlc;
  }

  // ---- snapshots (rule 10)

  #takeSnapshotRow(row: Row): void {
    const { op } = row;
    const id = this.#append(row);
    const objection = this.#ledger.objectionTo(op);
    if (objection !== null) this.#report('one op an id', `${id}: ${objection}`);
    this.#hlc = Math.max(this.#hlc, op.hlc);
    if (!row.won || !isOnKey(op)) return;
    this.entries.set(op.key, op);
    this.changedKeys.add(op.key);
  }

  /** From here on the log stands for all that its sender held, whatever of it the snapshot left out. */
  #endSnapshot(records: readonly OriginRecord[]): void {
    for (const { origin, seq, sum } of records) {
      this.vector.set(origin, seq);
      const head = this.#ledger.withSum(origin, seq, sum);
      if (head !== undefined) this.heads.set(origin, head);
      this.changedOrigins.add(origin);
    }
    for (const [key, op] of greatestOf(heldLinks(this.heads.values()))) {
      const entry = this.entries.get(key);
      if (isSameOp(entry, op)) continue;
      // Its sender had collected the greater op: one that beats it, or another copy of it.
      if (entry !== undefined && (this.#ledger.isBehind(entry) || isCopy(entry, op))) continue;
      this.missing.set(key, op);
      this.entries.set(key, op);
      this.changedKeys.add(key);
    }
  }

  // ---- compaction and sums (rules 10 and 11)

  /** Rows may go that everybody has and that no longer show. */
  #remove(lsn: number): void {
    const row = this.rows.get(lsn);
    if (row === undefined) {
      this.#report('forgetting', `${this.node}: lsn ${lsn} is removed, and is not there`);
      return;
    }
    const { op } = row;
    this.rows.delete(lsn);
    this.#rowSums.set(op.origin, subtract(this.#rowSum(op.origin), carriedHash(op)));
    const id = `${this.node}: ${op.kind} ${op.origin}/${op.seq} at lsn ${lsn}`;
    if (!isOnKey(op)) this.#report('forgetting', `${id} is removed, and is no op on a key`);
    else if (isSameOp(this.entries.get(op.key), op) && !this.wasCollected(op))
      this.#report('forgetting', `${id} is removed, and still shows`);
    if ((this.header.stable?.get(op.origin) ?? 0) < op.seq)
      this.#report('forgetting', `${id} is removed, and is not stable`);
  }

  /** Rule 9: what the log's header says was collected, or may be at any time. */
  wasCollected(entry: KeyOp): boolean {
    const { stable, stableClock: clock = -1, facts } = this.header;
    const reached = [{ vector: stable, clock }, ...(facts?.reached ?? [])];
    return reached.some(
      (one) => (one.vector?.get(entry.origin) ?? 0) >= entry.seq && readsAbsent(entry, one.clock),
    );
  }

  /** The sums, and what is left of them when the rows are taken out. */
  #checkRecord({ origin, seq, sum, compactedSum }: OriginRecord): void {
    const held = this.vector.get(origin) ?? 0;
    if (seq !== held || !sameHash(sum, this.headOf(origin).sum))
      this.#report('sums', `${this.node}: its record of ${origin} is wrong at seq ${seq}`);
    else if (!sameHash(subtract(sum, this.#rowSum(origin)), compactedSum))
      this.#report('sums', `${this.node}: the compacted sum of ${origin} is wrong`);
  }

  #rowSum(origin: string): Hash {
    return this.#rowSums.get(origin) ?? ZERO;
  }

  // ---- restarts

  /** The disk must hold the committed rows, no more and no less. */
  compareRows(stored: readonly Row[]): void {
    const wrong = (text: string): void => this.#report('replay', `${this.node}: its disk ${text}`);
    if (stored.length > this.rows.size)
      wrong(`holds ${stored.length - this.rows.size} rows too many`);
    const found = new Map(stored.map((row) => [row.lsn, row]));
    for (const [lsn, row] of this.rows) {
      const other = found.get(lsn);
      if (other?.won === row.won && isSameOp(other.op, row.op)) continue;
      wrong(`no longer holds lsn ${lsn} as committed`);
      return;
    }
  }

  /** The sorted keys that read as present at the time. */
  liveKeys(atMs: number): string[] {
    const live: string[] = [];
    for (const entry of this.entries.values())
      if (!readsAbsent(entry, atMs) && !this.missing.has(entry.key)) live.push(entry.key);
    return live.sort(compareKeys);
  }
}

/** By key, the last delete. */
function deletesOf(rows: Iterable<Row>): Map<string, Row> {
  const deletes = new Map<string, Row>();
  for (const row of rows)
    if (row.op.kind === 'delete' && (deletes.get(row.op.key)?.op.hlc ?? 0) < row.op.hlc)
      deletes.set(row.op.key, row);
  return deletes;
}

export function raiseAll(vector: MutableVector, other: Vector): void {
  for (const [origin, seq] of other) raise(vector, origin, seq);
}

function fill<K, T>(target: Map<K, T>, source: ReadonlyMap<K, T>): void {
  for (const [key, value] of source) target.set(key, value);
}

/** Rule 1: whether the op is the live entry once more, later and with an expiry of its own. */
const isTouchOf = (op: KeyOp, live: KeyOp): boolean =>
  op.generation === live.generation &&
  op.version === live.version &&
  op.value === live.value &&
  op.meta === live.meta &&
  op.hlc > live.hlc;
