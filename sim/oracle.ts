/**
 * Judges the nodes from outside: keeps every op ever committed, folds each log's commits, and
 * compares. It never changes a node, and draws no dice, so that a run is the same with and without it.
 */

import type { Commit } from '../src/log/log.ts';
import type { Replica } from '../src/replica/replica.ts';
import { add, carriedHash, sameHash, ZERO } from '../src/words/hash.ts';
import type { KeyOp, Op } from '../src/words/op.ts';
import type { Row } from '../src/words/row.ts';
import { MINUTE_MS } from '../src/words/time.ts';
import { type MutableVector, seqOf, type Vector } from '../src/words/vector.ts';
import { CatchUp } from './catchUp.ts';
import { kindAndId as idOf, isSameOp, Ledger, readsAbsent } from './ledger.ts';
import type { ObservedNode } from './observed.ts';
import { heldBy, isDeadSomewhere, judgeEnd } from './verdict.ts';
import type { Report } from './violation.ts';
import { raiseAll, Witness } from './witness.ts';

const LIST_PAGE = 7;

export interface OracleOptions {
  readonly maxClockSkewMs: number;
  /** Whether logs are copied by hand in this world. */
  readonly mayFork: boolean;
  /** Whether all clocks are ahead for a while. */
  readonly mayDiffer: boolean;
}

export class Oracle {
  readonly ledger: Ledger;
  readonly report: Report;
  readonly #nodes: readonly ObservedNode[];
  readonly #maxClockSkewMs: number;
  readonly #stored = new Map<string, MutableVector>();

  constructor(
    nodes: readonly ObservedNode[],
    { maxClockSkewMs, mayFork, mayDiffer }: OracleOptions,
    report: Report,
  ) {
    this.#nodes = nodes;
    this.#maxClockSkewMs = maxClockSkewMs;
    this.ledger = new Ledger(mayFork, mayDiffer);
    this.report = report;
  }

  newWitness(node: string): Witness {
    return new Witness(node, this.ledger, this.report);
  }

  /** A commit is on the node's disk. */
  stored(node: ObservedNode, commit: Commit, nowMs: number): void {
    const { name, witness, running } = node;
    const vector = new Map(witness.vector);
    const births = witness.take(commit);
    raiseAll(this.#everStored(name), witness.vector);
    if (births.length > 0 && !witness.hasJoined)
      this.report('unjoined', `${name} has not joined, and writes ${births.length} ops`);
    if (births.length > 0 && this.#isBehind(witness))
      for (const link of births) this.ledger.markBehind(link);
    if (births.length > 0 && running !== null) {
      const isAlone = running.replica.members.size <= 1;
      if (node.catchUp?.mayWrite(vector, this.ledger.forkedOrigins, isAlone, nowMs) === false)
        this.report('catching up', `${name} writes, and lacks what every other member held`);
    }
    const { stable, stableClock = -1 } = commit.header ?? {};
    const members = running?.replica.members;
    if (stable === undefined || members === undefined) return;
    const before = running?.replica.header.stableClock ?? -1;
    for (const other of this.#nodes) {
      // One that is let in and has not joined yet will get all of it from its sponsor.
      if (!members.has(other.witness.origin) || !other.witness.hasJoined) continue;
      // The vector of a copy was taken as the member's own until the copy was found out.
      if (this.ledger.clonedOrigins.has(other.witness.origin)) continue;
      const isKnownToAll = members
        .ops()
        .some(
          ({ kind, key, origin, seq }) =>
            kind === 'join' && key === other.witness.origin && (stable.get(origin) ?? 0) >= seq,
        );
      if (isKnownToAll && stableClock > before && stableClock > other.clock.latestMs)
        this.report('forgetting', `${name} takes as dead what lives by the clock of ${other.name}`);
      // A forked origin that was given up is left out of rule 9: nobody will ever hold it whole.
      for (const [origin, seq] of stable)
        if (
          !other.witness.heldOnce(origin, seq) &&
          !(this.ledger.forkedOrigins.has(origin) && members.isRetired(origin))
        )
          this.report(
            'forgetting',
            `${name} takes ${origin}/${seq} as stable, and ${other.name} lacks it`,
          );
    }
  }

  /** Whether the log lacks what it once told that it holds, and others count on. */
  #isBehind(witness: Witness): boolean {
    if (witness.isClone || this.ledger.forkedOrigins.has(witness.origin)) return true;
    if (this.#nodes.some((other) => this.#lacksWithItsOrigin(witness, other.witness))) return true;
    return [...witness.everHeld].some(([origin, seq]) =>
      this.#nodes.some((other) => {
        const theirs = other.witness.vector.get(origin) ?? 0;
        return Math.min(seq, theirs) > (witness.vector.get(origin) ?? 0);
      }),
    );
  }

  /** Whether it lacks what the other once told of its own origin, and lost: it was let in by that one. */
  #lacksWithItsOrigin(witness: Witness, { origin, vector, everHeld }: Witness): boolean {
    const told = everHeld.get(origin) ?? 0;
    return told > (vector.get(origin) ?? 0) && told > (witness.vector.get(origin) ?? 0);
  }

  /** A process has opened its log: whom it must catch up with, if it is a member. */
  catchUpOf(node: ObservedNode, nowMs: number, joinTimeoutMs: number): CatchUp | null {
    if (!node.witness.hasJoined) return null;
    const others = this.#nodes.filter((other) => other !== node);
    return new CatchUp(others, nowMs, joinTimeoutMs);
  }

  /**
   * The node's disk gave up these logs: what no other disk holds may be lost. A log that has not joined told nobody that
   * it holds anything, and its sponsor's snapshot left out what that had collected.
   */
  gaveUp({ witness }: ObservedNode, logs: readonly Witness[]): void {
    const others = this.#nodes.flatMap((node) => [node.witness, ...node.disk.asideWitnesses]);
    const isLeft = heldBy([...others, witness].filter(({ hasJoined }) => hasJoined));
    for (const link of heldBy(logs)) if (!isLeft.has(link)) link.mayBeLost = true;
  }

  /** The node told its listeners of rows. */
  told({ name, witness }: ObservedNode, rows: readonly Row[]): void {
    for (const { lsn } of rows)
      if (lsn > witness.lastLsn)
        this.report('commit first', `${name} told lsn ${lsn} before it was durable`);
  }

  /** A client was told that this op is stored. */
  acknowledged({ witness }: ObservedNode, op: Op): void {
    witness.acknowledgedSeq = Math.max(witness.acknowledgedSeq, op.seq);
    for (const link of this.ledger.linksOf(op))
      if (isSameOp(link.op ?? undefined, op)) link.isAcknowledged = true;
    if (!witness.covers(op))
      this.report('answer', `${witness.node} said that ${idOf(op)} is stored, and it is not`);
  }

  /** After each step, of the node whose code ran in it: no other can have changed. */
  afterStep(node: ObservedNode): void {
    const { running, witness } = node;
    if (running === null || node.isChanging) return;
    const { replica, driver } = running;
    if (driver.counts.repaired > 0 && !this.ledger.isDamaged)
      this.report('repair', `${node.name} repairs, and nothing was damaged`);
    this.#compareVectors(node, replica);
    const ownSeq = witness.vector.get(replica.origin) ?? 0;
    this.#compareAcks(node, replica.origin, driver.count(ownSeq));
    if (driver.isHeldByAll(ownSeq)) this.#compareHolders(node, replica, ownSeq);
    for (const origin of witness.changedOrigins) this.#compareSum(node, replica, origin);
    for (const key of witness.changedKeys) this.#compareEntry(node, replica, key);
    const hasChanged = witness.changedOrigins.size > 0;
    witness.changedOrigins.clear();
    witness.changedKeys.clear();
    if (hasChanged && replica.vector.size > 0) this.#compareWithPeers(node, replica);
  }

  /** All that the node ever stored, with any log: a wiped disk takes back no ack that was given. */
  #everStored(name: string): MutableVector {
    const stored = this.#stored.get(name) ?? new Map();
    this.#stored.set(name, stored);
    return stored;
  }

  /** Nobody counts for `acks` who never held the op, and no node twice. */
  #compareAcks({ name, witness }: ObservedNode, origin: string, acks: number): void {
    const link = witness.headOf(origin);
    if (acks === 0 || link.op === null || this.ledger.clonedOrigins.has(origin)) return;
    const holding = [...this.#stored].filter(
      ([other, vector]) => other !== name && seqOf(vector, origin) >= link.seq,
    );
    if (acks > holding.length)
      this.report(
        'answer',
        `${name} counts ${acks} acks of ${idOf(link.op)}, and ${holding.length} nodes hold it`,
      );
  }

  /** `acks=all`: no member that the node counts never held the op. */
  #compareHolders({ name }: ObservedNode, { origin, members }: Replica, seq: number): void {
    if (seq === 0 || this.ledger.clonedOrigins.has(origin)) return;
    for (const other of this.#nodes) {
      // One that is let in and has not joined yet will get all of it from its sponsor.
      const { witness } = other;
      if (other.name === name || !members.has(witness.origin) || !witness.hasJoined) continue;
      // Of two nodes on one log the other one has said so.
      if (this.ledger.clonedOrigins.has(witness.origin)) continue;
      if (seqOf(this.#everStored(other.name), origin) < seq)
        this.report(
          'answer',
          `${name} says that all hold ${origin}/${seq}, and ${other.name} lacks it`,
        );
    }
  }

  /** Everything that the node shows, against what it must show. */
  inspect(node: ObservedNode): void {
    const { running, witness } = node;
    if (running === null || node.isChanging) return;
    const { replica } = running;
    if (replica.lastLsn !== witness.lastLsn)
      this.report('map', `${node.name} is at lsn ${replica.lastLsn}, not at ${witness.lastLsn}`);
    this.#compareVectors(node, replica);
    for (const origin of witness.vector.keys()) this.#compareSum(node, replica, origin);
    for (const key of witness.entries.keys()) this.#compareEntry(node, replica, key);
    for (const entry of replica.map.entries())
      if (!witness.entries.has(entry.key))
        this.report('map', `${node.name} holds ${idOf(entry)}, which no row of its log put there`);
    this.#compareMapSum(node, replica);
    this.#compareLists(node, replica);
  }

  /** The node has opened its log again, and nothing has happened to it since. */
  reopened(node: ObservedNode, replica: Replica, stored: readonly Row[]): void {
    const { witness } = node;
    witness.compareRows(stored);
    for (const entry of node.shownAtEnd)
      if (
        isSameOp(witness.entries.get(entry.key), entry) &&
        replica.map.get(entry.key) === undefined &&
        !readsAbsent(entry, node.clock.nowMs())
      )
        this.report('replay', `${node.name} showed ${idOf(entry)}, which lives, and lost it`);
    const own = replica.vector.get(replica.origin) ?? 0;
    if (own < witness.acknowledgedSeq)
      this.report('answer', `${node.name} lost what it had acknowledged above seq ${own}`);
    this.inspect(node);
  }

  /** All nodes hold the same: is it, key by key, the greatest op that any of them holds? */
  judgeEnd(): void {
    judgeEnd(this.#nodes, this.ledger, this.#maxClockSkewMs, this.report);
  }

  // ---- one node against its own log

  #compareVectors({ name, witness }: ObservedNode, replica: Replica): void {
    const isListed = lists(replica.vector, witness);
    // The whole one is made anew from all records, and no record changes but by a commit.
    const { size } = witness.changedOrigins;
    if (isListed && (size === 0 || isSameMap(replica.wholeVector(), witness.vector))) return;
    const show = (one: ReadonlyMap<string, number>) => JSON.stringify(Object.fromEntries(one));
    const { vector } = replica;
    this.report('vector', `${name} has ${show(vector)}, its log says ${show(witness.vector)}`);
  }

  #compareSum({ name, witness }: ObservedNode, replica: Replica, origin: string): void {
    if (!sameHash(witness.headOf(origin).sum, replica.record(origin).sum))
      this.report('sums', `${name} has a wrong sum for ${origin}`);
  }

  #compareEntry({ name, witness }: ObservedNode, replica: Replica, key: string): void {
    const expected = witness.entries.get(key);
    const entry = replica.map.get(key);
    if (isSameOp(entry, expected)) return;
    if (entry === undefined && this.#mayLack(witness, expected)) return;
    const text = `${name} holds ${idOf(entry)} for ${JSON.stringify(key)}`;
    this.report('map', `${text}, and the fold of its log is ${idOf(expected)}`);
  }

  /** Rules 9 and 10: what was collected, here or by a snapshot's sender. */
  #mayLack(witness: Witness, expected: KeyOp | undefined): boolean {
    if (expected === undefined || witness.wasCollected(expected)) return true;
    return witness.missing.get(expected.key) === expected && this.#isDeadSomewhere(expected);
  }

  #isDeadSomewhere(entry: KeyOp): boolean {
    return isDeadSomewhere(entry, this.#nodes);
  }

  #compareMapSum({ name, clock, witness }: ObservedNode, replica: Replica): void {
    const asOf = Math.ceil((clock.latestMs + this.#maxClockSkewMs) / MINUTE_MS);
    let sum = ZERO;
    for (const entry of witness.entries.values())
      if (!readsAbsent(entry, asOf * MINUTE_MS) && witness.missing.get(entry.key) !== entry)
        sum = add(sum, carriedHash(entry));
    if (!sameHash(replica.mapSum(asOf), sum)) this.report('map', `${name} has a wrong map sum`);
  }

  /** The list in pages, and each key, as a client of a node that has joined would see them. */
  #compareLists({ name, clock, witness }: ObservedNode, replica: Replica): void {
    const keys = witness.liveKeys(clock.nowMs());
    const listed: string[] = [];
    let after: string | null = null;
    do {
      const page = replica.map.list('', after, { entries: LIST_PAGE }, clock.nowMs());
      listed.push(...page.entries.map((entry) => entry.key));
      after = page.next;
    } while (after !== null);
    // Lists show what GET shows. An entry that was dead before a clock was set back may be in neither.
    const isListed = new Set(listed);
    const mustShow = keys.filter((key) => {
      const entry = witness.entries.get(key);
      const isShown = replica.map.live(key, clock.nowMs()) !== undefined;
      return (
        isListed.has(key) || isShown || (entry !== undefined && !readsAbsent(entry, clock.latestMs))
      );
    });
    if (listed.join('\n') !== mustShow.join('\n'))
      this.report('map', `${name} lists ${JSON.stringify(listed)}, not ${JSON.stringify(keys)}`);
    const found = [...witness.entries.keys()].filter(
      (key) => replica.map.live(key, clock.nowMs()) !== undefined,
    );
    const isLive = new Set(keys);
    for (const key of found)
      if (!isLive.has(key))
        this.report('map', `${name} shows ${JSON.stringify(key)}, which is dead`);
  }

  // ---- nodes against one another

  #compareWithPeers(node: ObservedNode, replica: Replica): void {
    for (const other of this.#nodes) {
      const { running } = other;
      if (other === node || running === null || other.isChanging) continue;
      if (!isSameMap(node.witness.heads, other.witness.heads)) continue;
      this.#compareMaps(node, replica, other, running.replica);
    }
  }

  /** The entries that live by both clocks, and the sums over them. */
  #compareMaps(one: ObservedNode, a: Replica, other: ObservedNode, b: Replica): void {
    const nowMs = Math.max(one.clock.latestMs, other.clock.latestMs);
    const asOf = Math.ceil((nowMs + this.#maxClockSkewMs) / MINUTE_MS);
    const names = `${one.name} and ${other.name} have equal vectors`;
    const { ledger } = this;
    if (!ledger.hasBehind && !sameHash(a.mapSum(asOf), b.mapSum(asOf)))
      this.report('equal vectors', `${names} and different map sums`);
    for (const [map, theirs] of [
      [a.map, b.map],
      [b.map, a.map],
    ] as const)
      for (const entry of map.entries()) {
        const entryThere = theirs.get(entry.key);
        if (isSameOp(entry, entryThere) || readsAbsent(entry, nowMs)) continue;
        // One had collected what beats it, and another not yet: a repair settles that.
        if ([entry, entryThere].some((op) => op !== undefined && ledger.isBehind(op))) continue;
        const text = `${names} and for ${JSON.stringify(entry.key)} different entries`;
        this.report('equal vectors', `${text}: ${idOf(entry)} and ${idOf(entryThere)}`);
        return;
      }
    const isThere = ({ origin }: { readonly origin: string }): boolean => b.members.has(origin);
    if (a.members.size === b.members.size && [...a.members.all()].every(isThere)) return;
    const members = (replica: Replica): string =>
      [...replica.members.all()]
        .map(({ origin }) => origin)
        .sort()
        .join(' ');
    this.report('equal vectors', `${names} and different members: ${members(a)}, ${members(b)}`);
  }
}

/** Whether the vector is that of the log without the origins that it has closed. */
function lists(vector: Vector, witness: Witness): boolean {
  let open = 0;
  for (const [origin, seq] of witness.vector) {
    if (witness.sealed.isClosedAt(origin, seq)) continue;
    if (vector.get(origin) !== seq) return false;
    open++;
  }
  return vector.size === open;
}

/** Compares vectors, and maps from an origin to a seq. */
export function isSameMap<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  if (a.size !== b.size) return false;
  for (const [origin, value] of a) if (b.get(origin) !== value) return false;
  return true;
}
