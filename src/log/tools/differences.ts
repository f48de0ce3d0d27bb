/**
 * Compares two logs: first the ops that each holds, then the keys whose live values differ, with the
 * reason for each.
 *
 * The entry of a key is the greatest op that a log holds on it. If the entries of two logs differ,
 * there are two cases. Either one log lacks the other's op, which explains the difference. Or it holds
 * that op and shows another, and then one of the logs is damaged.
 */
import { mayCollect, type StoredStable, storedStable } from '../../rules/stability.ts';
import { type Hash, sameHash } from '../../words/hash.ts';
import { compareKeys } from '../../words/keyOrder.ts';
import { compareOps, formatOpId, isDead, sameOp } from '../../words/op.ts';
import { isKeyHead, type KeyHead, type OriginRecord } from '../../words/row.ts';
import { covers, includes, type Vector } from '../../words/vector.ts';
import type { Head, LogFacts } from './logSource.ts';
import { whyBeaten } from './whyBeaten.ts';

export interface OriginDifference {
  readonly origin: string;
  readonly seqs: readonly [a: number, b: number];
  /** Null if the two hold different numbers of ops, which can't be compared. */
  readonly sameSums: boolean | null;
}

export function compareVectors(a: LogFacts, b: LogFacts): OriginDifference[] {
  const [recordsA, recordsB] = [byOrigin(a.records), byOrigin(b.records)];
  const origins = [...new Set([...recordsA.keys(), ...recordsB.keys()])].sort();
  return origins.map((origin) => {
    const [recordA, recordB] = [recordsA.get(origin), recordsB.get(origin)];
    const seqs = [recordA?.seq ?? 0, recordB?.seq ?? 0] as const;
    const sameSums = seqs[0] === seqs[1] ? sameHash(sumOf(recordA), sumOf(recordB)) : null;
    return { origin, seqs, sameSums };
  });
}

const byOrigin = (records: readonly OriginRecord[]): Map<string, OriginRecord> =>
  new Map(records.map((record) => [record.origin, record]));
const sumOf = (record: OriginRecord | undefined): Hash => record?.sum ?? { high: 0, low: 0 };

/** The entries of one log, dead ones included until they were collected. */
export class EntryFold {
  readonly entries = new Map<string, KeyHead>();
  readonly vector: Vector;
  readonly #stable: StoredStable;

  constructor({ header, records }: LogFacts) {
    this.#stable = storedStable(header);
    this.vector = new Map(records.map(({ origin, seq }) => [origin, seq]));
  }

  take(head: Head): void {
    if (!head.won || !isKeyHead(head)) return;
    if (mayCollect(head, this.#stable)) this.entries.delete(head.key);
    else this.entries.set(head.key, head);
  }
}

export type Side = 'a' | 'b';
export type Reason =
  /** The side lacks the other's op. */
  | 'not-received'
  /**
   * The shown op was beaten by an op that its side lacks and that the other side has collected since.
   */
  | 'superseded'
  /** Two different ops bear one op id. */
  | 'forked'
  /** The side holds the other's op, which is greater, and shows another op. */
  | 'damaged';

export interface KeyDifference {
  readonly key: string;
  /** Each side's live entry, or null. */
  readonly a: KeyHead | null;
  readonly b: KeyHead | null;
  readonly reason: Reason;
  /** The side that is behind, or damaged; null if that is unknown. */
  readonly side: Side | null;
  /** A phrase for people. */
  readonly why: string;
}

/** The differences in the order of keys. @param names the two logs as people call them. */
export function* compareEntries(
  a: EntryFold,
  b: EntryFold,
  nowMs: number,
  names: readonly [string, string],
): Generator<KeyDifference> {
  const keys = [...new Set([...a.entries.keys(), ...b.entries.keys()])].sort(compareKeys);
  for (const key of keys) {
    const [entryA, entryB] = [a.entries.get(key), b.entries.get(key)];
    const [liveA, liveB] = [liveOf(entryA, nowMs), liveOf(entryB, nowMs)];
    // Two dead entries read alike, even if one of them is collected.
    if (liveA === null && liveB === null) continue;
    if (isSame(liveA, liveB)) continue;
    yield { key, a: liveA, b: liveB, ...explainDifference(a, b, entryA, entryB, names) };
  }
}

type Why = Pick<KeyDifference, 'reason' | 'side' | 'why'>;

function explainDifference(
  a: EntryFold,
  b: EntryFold,
  entryA: KeyHead | undefined,
  entryB: KeyHead | undefined,
  [nameA, nameB]: readonly [string, string],
): Why {
  if (entryA !== undefined && entryB !== undefined && sameOp(entryA, entryB))
    return {
      reason: 'forked',
      side: null,
      why: `two different ops are called ${formatOpId(entryA)}`,
    };
  const aWins = entryB === undefined || (entryA !== undefined && compareOps(entryA, entryB) > 0);
  const [winner, loser] = aWins ? [entryA, entryB] : [entryB, entryA];
  const [behind, behindName, side] = aWins
    ? ([b, nameB, 'b'] as const)
    : ([a, nameA, 'a'] as const);
  if (winner === undefined) return { reason: 'damaged', side: null, why: 'neither holds the key' };
  const id = formatOpId(winner);
  const beats = loser === undefined ? '' : `, where ${whyBeaten(loser, winner)}`;
  if (!covers(behind.vector, winner))
    return { reason: 'not-received', side, why: `${behindName} has not received ${id}${beats}` };
  const [ahead, aheadName] = aWins ? [a, nameA] : [b, nameB];
  if (loser === undefined && !includes(ahead.vector, behind.vector)) {
    const why = `${behindName} has dropped ${id}: it was beaten by an op that ${aheadName} has not received`;
    return { reason: 'superseded', side: aWins ? 'a' : 'b', why };
  }
  return {
    reason: 'damaged',
    side,
    why: `${behindName} holds ${id} by its vector, and does not show it${beats}`,
  };
}

const liveOf = (entry: KeyHead | undefined, nowMs: number): KeyHead | null =>
  entry === undefined || isDead(entry, nowMs) ? null : entry;

const isSame = (a: KeyHead | null, b: KeyHead | null): boolean =>
  a !== null && b !== null && sameOp(a, b) && a.hashHigh === b.hashHigh && a.hashLow === b.hashLow;
