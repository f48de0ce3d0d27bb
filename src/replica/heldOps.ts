/**
 * Rule 12: finds the ops of a log that was set aside which the cluster surely knows. The vectors give
 * the ids, and the sums prove that the ids stand for the same ops: two logs with equal sums of an
 * origin at one seq hold the same ops of it up to that seq.
 */
import type { Log } from '../log/log.ts';
import { carriedHash, type Hash, sameHash, subtract } from '../words/hash.ts';
import type { OriginRecord } from '../words/row.ts';
import { seqOf, type Vector } from '../words/vector.ts';
import type { SetAside } from './setAside.ts';

const PAGE = { maxRows: 512, maxBytes: 1024 * 1024 };

/** A log and the records of its origins. */
interface Side {
  /** Null if it can't be read. */
  readonly log: Log | null;
  record(origin: string): OriginRecord;
}

/**
 * @param old the log that was set aside; null if it can't be read.
 * @param base the vector that the cluster welcomed this node with.
 * @returns origin → seq up to which the old log held the same ops as the cluster.
 */
export async function heldOps(
  aside: SetAside,
  old: Log | null,
  own: Side,
  base: Vector,
): Promise<Map<string, number>> {
  const held = new Map<string, number>();
  for (const record of aside.records.values()) {
    const { origin, seq } = record;
    const upTo = Math.min(seq, seqOf(base, origin));
    const theirs = { log: old, record: () => record };
    const fork = upTo === 0 ? 0 : await forkBelow(theirs, own, origin, upTo);
    held.set(origin, fork === 'none' ? seq : Math.min(upTo, fork ?? trustedSeq(aside, origin)));
  }
  return held;
}

/**
 * The seq if the sums can't decide: up to it every member held the same ops, or peers had the time to
 * object.
 */
function trustedSeq({ origin: own, state, openedAtSeq, stable }: SetAside, origin: string): number {
  if (origin !== own) return Number.POSITIVE_INFINITY;
  return state === 'sound' ? openedAtSeq : Math.min(openedAtSeq, seqOf(stable, origin));
}

/**
 * @returns the last seq at which both hold the same op; null if compaction has removed the rows that
 *   show it.
 */
async function forkBelow(
  theirs: Side,
  ours: Side,
  origin: string,
  upTo: number,
): Promise<number | 'none' | null> {
  const same = await areSame(theirs, ours, origin, upTo);
  if (same === true) return 'none';
  const from = Math.max(theirs.record(origin).reach, ours.record(origin).reach);
  if (same === null || (await areSame(theirs, ours, origin, from)) !== true) return null;
  let seq = from;
  for (;;) {
    const a = (await theirs.log?.opsAfter(origin, seq, PAGE)) ?? [];
    const b = (await ours.log?.opsAfter(origin, seq, PAGE)) ?? [];
    const length = Math.min(a.length, b.length);
    if (length === 0) return seq;
    for (const [index, op] of a.slice(0, length).entries()) {
      const other = b[index];
      // The hash is of the id as well.
      const isSame = other !== undefined && sameHash(carriedHash(op), carriedHash(other));
      if (op.seq !== seq + 1 || !isSame) return seq;
      seq++;
    }
  }
}

async function areSame(a: Side, b: Side, origin: string, seq: number): Promise<boolean | null> {
  const [one, other] = [await sumAt(a, origin, seq), await sumAt(b, origin, seq)];
  return one === null || other === null ? null : sameHash(one, other);
}

/** The sum of the origin's ops up to a seq; null if rows that it needs are gone. */
async function sumAt(side: Side, origin: string, seq: number): Promise<Hash | null> {
  const { log } = side;
  const { seq: last, sum, reach } = side.record(origin);
  if (seq > last || seq < reach) return null;
  if (seq === last) return sum;
  if (log === null) return null;
  const later = await log.sumBetween(origin, seq, last);
  // Compaction may have overtaken the read, and rows may be missing in the sum.
  return side.record(origin).reach > seq ? null : subtract(sum, later);
}
