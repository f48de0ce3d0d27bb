/**
 * A snapshot (rule 10) as its sender makes it, part by part, while it goes on serving: bounded memory,
 * since a part is made only when the one before it has arrived.
 *
 * It stands for the vector V at its start. S is the stable vector at its start, and whatever was
 * compacted away: that was stable at the node whose snapshot this one came from. Its rows are the
 * member ops and the entries that S covers; and every op above S up to V, in order, marked by whether
 * it was an entry at the start. An entry that is written over while the snapshot goes out is sent all the
 * same: without it, an op that it beats could win at the receiver. What S covers and is no entry was
 * beaten, or dead and collected: nobody needs it. The entries are kept by reference, 8 bytes each.
 */
import { encodeOp } from '../gossip/codec.ts';
import type { Hash } from '../hash.ts';
import { isOnKey, type KeyOp, type Op } from '../op.ts';
import type { Replica } from '../replica.ts';
import type { SnapshotEnd } from '../snapshot.ts';
import { covers, type MutableVector, raise, seqOf } from '../vector.ts';

export interface SnapshotPart {
  readonly rows: readonly { readonly wire: string; readonly isEntry: boolean }[];
  /** In the last part. */
  readonly end: SnapshotEnd | null;
}

interface Limit {
  readonly maxRows: number;
  readonly maxBytes: number;
}

export class SnapshotSource {
  readonly #replica: Replica;
  readonly #limit: Limit;
  readonly #end: SnapshotEnd;
  readonly #stable: MutableVector;
  readonly #members: Op[];
  /** The entries at the start that S covers and that were not sent yet. */
  readonly #entries: KeyOp[] = [];
  /** By key, those that it does not cover. */
  readonly #young = new Map<string, KeyOp>();
  /** Origins whose rows above S are still to come, with the seq to go on after. */
  readonly #tails: { origin: string; after: number; readonly to: number }[] = [];

  constructor(replica: Replica, limit: Limit) {
    this.#replica = replica;
    this.#limit = limit;
    const vector = new Map(replica.vector);
    const sums = new Map<string, Hash>();
    const reach = new Map(replica.reach());
    this.#stable = new Map(replica.header.stable);
    for (const [origin, seq] of reach) raise(this.#stable, origin, seq);
    for (const [origin, to] of vector) {
      sums.set(origin, replica.record(origin).sum);
      const after = Math.min(to, seqOf(this.#stable, origin));
      raise(reach, origin, after);
      if (after < to) this.#tails.push({ origin, after, to });
    }
    this.#end = { vector, sums, reach, horizon: replica.header.horizon };
    this.#members = replica.members.ops().filter((op) => covers(this.#stable, op));
    for (const entry of replica.map.entries())
      if (covers(this.#stable, entry)) this.#entries.push(entry);
      else this.#young.set(entry.key, entry);
  }

  /** @returns undefined where compaction has overtaken the snapshot: start a new one. */
  async next(): Promise<SnapshotPart | undefined> {
    const members = this.#members.splice(0);
    if (members.length > 0)
      return this.#part(members.map((op) => ({ wire: encodeOp(op), isEntry: false })));
    if (this.#entries.length > 0) return this.#part(this.#nextEntries());
    const rows = await this.#nextTail();
    return rows === undefined ? undefined : this.#part(rows);
  }

  #part(rows: SnapshotPart['rows']): SnapshotPart {
    const isLast = this.#entries.length === 0 && this.#tails.length === 0;
    return { rows, end: isLast ? this.#end : null };
  }

  #nextEntries(): SnapshotPart['rows'] {
    const rows: { wire: string; isEntry: boolean }[] = [];
    let bytes = 0;
    while (rows.length < this.#limit.maxRows && bytes < this.#limit.maxBytes) {
      const entry = this.#entries.pop();
      if (entry === undefined) break;
      const wire = encodeOp(entry);
      bytes += wire.length;
      rows.push({ wire, isEntry: true });
    }
    return rows;
  }

  async #nextTail(): Promise<SnapshotPart['rows'] | undefined> {
    const tail = this.#tails[0];
    if (tail === undefined) return [];
    const ops = await this.#replica.log.opsAfter(tail.origin, tail.after, this.#limit);
    if (this.#replica.record(tail.origin).reach > tail.after) return undefined;
    const rows: { wire: string; isEntry: boolean }[] = [];
    for (const op of ops) {
      if (op.seq > tail.to) break;
      tail.after = op.seq;
      rows.push({ wire: encodeOp(op), isEntry: isOnKey(op) && this.#isEntry(op) });
    }
    if (tail.after >= tail.to || ops.length === 0) this.#tails.shift();
    return rows;
  }

  #isEntry(op: KeyOp): boolean {
    const entry = this.#young.get(op.key);
    return entry?.origin === op.origin && entry.seq === op.seq;
  }
}
