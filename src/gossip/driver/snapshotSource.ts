/**
 * A snapshot (rule 10) as its sender makes it, part by part, while the sender goes on serving. Its
 * memory is bounded, because a part is made only when the one before it has arrived.
 *
 * S is the stable vector at the beginning, raised to the reach: the compacted ops were stable at the
 * node whose snapshot this one came from. Then the map is scanned, with pauses, so that clients never
 * wait for the whole scan; the snapshot stands for the vector V at the end of the scan. Its rows are
 * the member ops, the entries that S covers as the scan met them, and every op above S up to V, in
 * order, marked by whether it was the entry of its key at V. An entry that is overwritten during the
 * scan is sent all the same: without it, an op that it beats could win at the receiver. An op that S
 * covers and that is no entry was beaten, or was dead and collected: no node needs it. Entries that are
 * kept cost 8 bytes each, beside the pages of the map in which they lie, or from which the log is read.
 */

import type { Replica } from '../../replica/replica.ts';
import type { KeptEntries } from '../../store/entryStore.ts';
import type { Hash } from '../../words/hash.ts';
import {
  type InLog,
  isInLog,
  isOnKey,
  type KeyOp,
  type Op,
  type OpId,
  sameOp,
} from '../../words/op.ts';
import type { SnapshotEnd, SnapshotOrigins } from '../../words/snapshot.ts';
import {
  covers,
  MAX_ORIGINS,
  type MutableVector,
  raise,
  seqOf,
  type Vector,
} from '../../words/vector.ts';
import type { EncodedPart } from '../protocol/messages.ts';
import { encodeOp } from '../protocol/opCodec.ts';
import { Slices, type Turning } from './slices.ts';

/** `end` is in the last part. If there are more origins than it may list, parts before it list the rest. */
export type SnapshotPart = EncodedPart;

interface Limit {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** Rows of one origin that are still to come. */
interface Tail {
  readonly origin: string;
  /** The seq after which the next part goes on. */
  after: number;
  readonly to: number;
}

interface Begun {
  readonly end: SnapshotEnd;
  /** The origins of the end that were not sent yet. */
  left: Vector;
  readonly members: Op[];
  /** The entries that S covers and that were not sent yet. */
  readonly entries: KeptEntries;
  /** By key: the ops of the entries that S does not cover. */
  readonly young: ReadonlyMap<string, OpId>;
  readonly tails: Tail[];
}

/** Entries looked at in one slice. */
const MAX_SCANNED = 4096;
/** Rows encoded in one slice. */
const MAX_ENCODED = 128;
/** Entries read from the log at once. */
const READ_AT_ONCE = 64;

export class SnapshotSource {
  readonly #replica: Replica;
  readonly #limit: Limit;
  readonly #turning: Turning;
  readonly #stable: MutableVector;
  #begun: Begun | null = null;
  /** Entries that were read from the log and not sent yet. */
  #readAhead: KeyOp[] = [];
  #isClosed = false;

  constructor(replica: Replica, limit: Limit, turning: Turning) {
    this.#replica = replica;
    this.#limit = limit;
    this.#turning = turning;
    this.#stable = new Map(replica.header.stable);
    for (const [origin, seq] of replica.wholeReach()) raise(this.#stable, origin, seq);
  }

  /** @returns undefined if compaction has overtaken the snapshot: start a new one. */
  async next(): Promise<SnapshotPart | undefined> {
    this.#begun ??= await this.#begin();
    const { members, entries } = this.#begun;
    if (members.length > 0) return this.#part(this.#begun, this.#nextMembers(members));
    const isInEntries = entries.length > 0 || this.#readAhead.length > 0;
    const rows = isInEntries ? await this.#nextEntries(entries) : await this.#nextTail(this.#begun);
    return rows === undefined ? undefined : this.#part(this.#begun, rows);
  }

  /** The receiver wants no more parts. */
  close(): void {
    this.#isClosed = true;
  }

  async #begin(): Promise<Begun> {
    const { map } = this.#replica;
    const entries = map.keeper();
    const young = new Map<string, OpId>();
    // Ops committed during the scan lie above S.
    const end = this.#replica.onCommit(({ rows }) => {
      for (const { row } of rows)
        if (row.won && isOnKey(row.op)) young.set(row.op.key, idOf(row.op));
    });
    try {
      const slices = new Slices(this.#turning, MAX_SCANNED);
      for (const head of map.heads()) {
        if (covers(this.#stable, head)) entries.keep(head.key);
        else young.set(head.key, idOf(head));
        if (slices.step()) await slices.pause();
        if (this.#isClosed) break;
      }
    } finally {
      end();
    }
    return { ...this.#endpoint(), entries, young };
  }

  /** All fields as of one moment. */
  #endpoint(): Pick<Begun, 'end' | 'left' | 'members' | 'tails'> {
    const { members, header } = this.#replica;
    const vector = this.#replica.wholeVector();
    const sums = new Map<string, Hash>();
    const reach = new Map(this.#replica.wholeReach());
    const tails: Tail[] = [];
    for (const [origin, to] of vector) {
      sums.set(origin, this.#replica.record(origin).sum);
      const after = Math.min(to, seqOf(this.#stable, origin));
      raise(reach, origin, after);
      if (after < to) tails.push({ origin, after, to });
    }
    return {
      end: { vector, sums, reach, horizon: header.horizon },
      left: vector,
      members: members.ops().filter((op) => covers(this.#stable, op)),
      tails,
    };
  }

  #part(begun: Begun, rows: SnapshotPart['rows']): SnapshotPart {
    const { members, entries, tails, end, left } = begun;
    const hasEntries = entries.length > 0 || this.#readAhead.length > 0;
    if (members.length > 0 || hasEntries || tails.length > 0)
      return { rows, origins: null, end: null };
    if (left.size <= MAX_ORIGINS)
      return { rows, origins: null, end: { ...end, ...onlyOf(end, left) } };
    const pairs = [...left];
    begun.left = new Map(pairs.slice(MAX_ORIGINS));
    return { rows, origins: onlyOf(end, new Map(pairs.slice(0, MAX_ORIGINS))), end: null };
  }

  /** The next member ops: there may be more than one message holds. */
  #nextMembers(members: Op[]): SnapshotPart['rows'] {
    const wires: string[] = [];
    let bytes = 0;
    for (const op of members) {
      if (wires.length >= this.#limit.maxRows || bytes >= this.#limit.maxBytes) break;
      const wire = encodeOp(op);
      wires.push(wire);
      bytes += wire.length;
    }
    members.splice(0, wires.length);
    return wires.map((wire) => ({ wire, isEntry: false }));
  }

  async #nextEntries(entries: KeptEntries): Promise<SnapshotPart['rows'] | undefined> {
    const rows: { wire: string; isEntry: boolean }[] = [];
    const slices = new Slices(this.#turning, MAX_ENCODED);
    let bytes = 0;
    while (rows.length < this.#limit.maxRows && bytes < this.#limit.maxBytes) {
      const entry = this.#readAhead.shift() ?? entries.pop();
      if (entry === undefined) break;
      if (isInLog(entry)) {
        this.#readAhead = await this.#whole(entry, entries);
        if (this.#readAhead.length === 0) return undefined;
        continue;
      }
      const wire = encodeOp(entry);
      bytes += wire.length;
      rows.push({ wire, isEntry: true });
      if (slices.step()) await slices.pause();
    }
    return rows;
  }

  /**
   * Reads an entry from the log, together with those after it. @returns none if the row of one has gone:
   * then compaction has overtaken the snapshot.
   */
  async #whole(first: InLog, entries: KeptEntries): Promise<KeyOp[]> {
    const some: (KeyOp | InLog)[] = [first];
    while (some.length < READ_AT_ONCE) {
      const entry = entries.pop();
      if (entry === undefined) break;
      some.push(entry);
    }
    const { coldRows } = this.#replica;
    const ops = await Promise.all(
      some.map((entry) => (isInLog(entry) ? coldRows.read(entry) : entry)),
    );
    return ops.every((op) => op !== null) ? ops : [];
  }

  async #nextTail({ tails, young }: Begun): Promise<SnapshotPart['rows'] | undefined> {
    const tail = tails[0];
    if (tail === undefined) return [];
    const ops = await this.#replica.log.opsAfter(tail.origin, tail.after, this.#limit);
    if (this.#replica.record(tail.origin).reach > tail.after) return undefined;
    const rows: { wire: string; isEntry: boolean }[] = [];
    const slices = new Slices(this.#turning, MAX_ENCODED);
    for (const op of ops) {
      if (op.seq > tail.to) break;
      tail.after = op.seq;
      rows.push({ wire: encodeOp(op), isEntry: isOnKey(op) && isEntryIn(young, op) });
      if (slices.step()) await slices.pause();
    }
    if (tail.after >= tail.to || ops.length === 0) tails.shift();
    return rows;
  }
}

function onlyOf({ sums, reach }: SnapshotOrigins, vector: Vector): SnapshotOrigins {
  const isListed = ([origin]: readonly [string, unknown]): boolean => vector.has(origin);
  return {
    vector,
    sums: new Map([...sums].filter(isListed)),
    reach: new Map([...reach].filter(isListed)),
  };
}

const idOf = ({ origin, seq }: OpId): OpId => ({ origin, seq });

function isEntryIn(young: ReadonlyMap<string, OpId>, op: KeyOp): boolean {
  const entry = young.get(op.key);
  return entry !== undefined && sameOp(entry, op);
}
