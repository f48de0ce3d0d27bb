/**
 * A watcher is a position, not a queue. The position holds the lsn up to which it has read this node's
 * log, the vector that it covers, the mark up to which it was told expiries, and, while it is being
 * told the state, the last key. So a watcher costs the same however slow it is, and catching up, going
 * on from a cursor and skipping superseded ops are one path.
 *
 * Invariants:
 * - For every op that the vector covers, the watcher has been told the op or a greater one of the key,
 *   or will be told a greater one that it reads later. So a row is skipped only if a greater op of its
 *   key is known here: the row did not win when it came, or a later row wins, whose op may have been collected since.
 * - For every entry that the vector covers and that had expired by the mark, the watcher has been told
 *   that it is gone, or a later op of the key. So an op that it reads after its time is told as
 *   `expire`.
 * - A key after the place in the state is told with the state, and not before.
 * - The vector includes the reach of the log before every read; otherwise rows may be missing.
 */

import type { FollowedVector } from '../rules/closings.ts';
import type { StatePlace } from '../words/cursor.ts';
import { type ExpiryMark, expiredBy, laterMark } from '../words/expiryMark.ts';
import { compareKeys } from '../words/keyOrder.ts';
import { compareOps, type EntryHead, isOnKey, type KeyOp, sameOp } from '../words/op.ts';
import type { Row } from '../words/row.ts';
import { covers, raise, seqOf } from '../words/vector.ts';
import type { Expiry } from './expiryRecord.ts';

/** `touch`: the entry has another expiry, and nothing else of it has changed. */
export type KeyEventType = 'put' | 'touch' | 'delete' | 'expire';

/** The map of this node, as of its last commit, which a position is read against. */
export interface WatchView {
  readonly entry: (key: string) => EntryHead | undefined;
  /** Whether the map may have dropped the op because it had died: its time has passed by a clock that all members had reached. */
  readonly mayBeCollected: (op: KeyOp) => boolean;
}

/** The place at which a watcher begins. */
export interface Beginning {
  readonly vector: FollowedVector;
  /** The mark up to which it was told expiries. */
  readonly told: ExpiryMark;
  /** The place in the state up to which it was told; null once all of it was told. */
  readonly state: StatePlace | null;
}

export class Position {
  readonly prefix: string;
  /** Every row up to this lsn has been read. */
  lsn: number;
  readonly vector: FollowedVector;
  told: ExpiryMark;
  /** The place in the state up to which the watcher was told; null once all of it was told. */
  state: StatePlace | null;

  constructor(prefix: string, lsn: number, { vector, told, state }: Beginning) {
    this.prefix = prefix;
    this.lsn = lsn;
    this.vector = vector.copy();
    this.told = told;
    this.state = state;
  }

  /**
   * Passes a row, the next of the log.
   *
   * @returns the type of the event for the watcher, or null if there is none.
   * @throws MissingRowError if rows before it are missing because they are being compacted; the
   *   position has not changed then.
   */
  passRow({ lsn, op, won }: Row, view: WatchView): KeyEventType | null {
    const seq = seqOf(this.vector, op.origin);
    if (op.seq > seq + 1) throw new MissingRowError();
    this.lsn = lsn;
    if (op.seq <= seq) return null;
    raise(this.vector, op.origin, op.seq);
    if (!isOnKey(op) || !won || !this.#isTold(op.key)) return null;
    return judge(op, view, this.told);
  }

  /**
   * Passes an expiry, the next of the record after its mark. @returns whether the watcher is to be
   * told.
   */
  passExpiry(expiry: Expiry, { entry }: WatchView): boolean {
    this.told = laterMark(this.told, expiry.mark);
    // An op that the vector does not cover is read later, after its time, and then told as expired.
    if (expiry.isBeaten || !covers(this.vector, expiry) || !this.#isTold(expiry.key)) return false;
    const now = entry(expiry.key);
    return now === undefined || sameOp(now, expiry);
  }

  /**
   * Passes an entry of the state, the next in the order of keys. @returns whether the watcher is to be
   * told.
   */
  passEntry(entry: EntryHead): boolean {
    this.state = { after: entry.key };
    // An entry that the vector does not cover is told when its row is read.
    return covers(this.vector, entry) && !expiredBy(this.told, entry);
  }

  /** Whether the key is the watcher's, and not one that the state will tell. */
  #isTold(key: string): boolean {
    if (!key.startsWith(this.prefix)) return false;
    if (this.state === null) return true;
    return this.state.after !== null && compareKeys(key, this.state.after) <= 0;
  }
}

/** Rows are missing from a page, because they were compacted while it was read. */
export class MissingRowError extends Error {}

/**
 * The event of a row that won when it came.
 *
 * @param told the mark up to which the watcher was told expiries.
 */
export function judge(op: KeyOp, view: WatchView, told: ExpiryMark): KeyEventType | null {
  const entry = view.entry(op.key);
  if (entry !== undefined && compareOps(entry, op) > 0) return null;
  if (op.kind === 'delete') return 'delete';
  if (expiredBy(told, op)) return 'expire';
  if (entry !== undefined) return 'put';
  // It was collected when all clocks stood higher. Or a later op had beaten it, and was collected: it is told when its
  // row is read, if the watcher does not know it.
  return view.mayBeCollected(op) ? 'delete' : null;
}
