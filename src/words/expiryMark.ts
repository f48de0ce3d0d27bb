/**
 * A place in the order in which entries expire: `(expiresAt, origin, seq)`. It is the same on every
 * node, so that "expiries were told up to here" means the same on each.
 */
import type { KeyOp, OpId } from './op.ts';

/** The fields of an entry that place its expiry. */
export type Expiring = Pick<KeyOp, 'expiresAt' | 'origin' | 'seq'>;

/** Stands for every expiry before `untilMs`, and for those at `untilMs` up to the op `upTo`. */
export interface ExpiryMark {
  /** UTC milliseconds. */
  readonly untilMs: number;
  /** Null: no expiry at `untilMs`. */
  readonly upTo: OpId | null;
}

/** Before every expiry. */
export const NO_EXPIRIES: ExpiryMark = { untilMs: 0, upTo: null };

/** Every expiry that has happened by the clock, UTC milliseconds. */
export const markOfClock = (nowMs: number): ExpiryMark => ({ untilMs: nowMs + 1, upTo: null });

/** The expiry of the entry, and all before it. The entry must be one that expires. */
export const markOfEntry = ({ expiresAt, origin, seq }: Expiring): ExpiryMark => ({
  untilMs: expiresAt ?? Number.MAX_SAFE_INTEGER,
  upTo: { origin, seq },
});

const compareIds = (a: OpId, b: OpId): number =>
  a.origin === b.origin ? a.seq - b.seq : a.origin < b.origin ? -1 : 1;

/** @returns negative if `a` stands for fewer expiries than `b`, positive if for more. */
export function compareMarks(a: ExpiryMark, b: ExpiryMark): number {
  if (a.untilMs !== b.untilMs) return a.untilMs - b.untilMs;
  if (a.upTo === null || b.upTo === null)
    return (a.upTo === null ? 0 : 1) - (b.upTo === null ? 0 : 1);
  return compareIds(a.upTo, b.upTo);
}

export const laterMark = (a: ExpiryMark, b: ExpiryMark): ExpiryMark =>
  compareMarks(a, b) >= 0 ? a : b;

export const earlierMark = (a: ExpiryMark, b: ExpiryMark): ExpiryMark =>
  compareMarks(a, b) <= 0 ? a : b;

/** The order in which entries expire; both must have an expiry. */
export function compareExpiry(a: Expiring, b: Expiring): number {
  if (a.expiresAt !== b.expiresAt) return (a.expiresAt ?? 0) - (b.expiresAt ?? 0);
  return compareIds(a, b);
}

/** Whether the entry's expiry is among those that the mark stands for. */
export function expiredBy(mark: ExpiryMark, op: Expiring): boolean {
  if (op.expiresAt === null || op.expiresAt > mark.untilMs) return false;
  if (op.expiresAt < mark.untilMs) return true;
  return mark.upTo !== null && compareIds(op, mark.upTo) <= 0;
}
