/** The history of one key, as the logs of several nodes hold it. Pure. */
import { isTouchOf, whyBeaten } from '../../log/tools/whyBeaten.ts';
import { compareOps, decidingClause, formatOpId, isOnKey, type KeyOp } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';

/** When a node took the op into its log. */
export interface Sighting {
  readonly node: string;
  readonly atMs: number;
  /** Whether it won when it came there. */
  readonly won: boolean;
}

export interface HistoryOp {
  readonly op: KeyOp;
  readonly id: string;
  /** The first sighting first. */
  readonly seen: readonly Sighting[];
  readonly isEntry: boolean;
  /** Whether it only gave the op that it beats another time to live. */
  readonly isTouch: boolean;
  /** Why a greater op beats it; null for the greatest. */
  readonly beatenBy: { readonly id: string; readonly why: string } | null;
}

/** @param logs the rows on the key of each node. @returns the ops by when they were first seen. */
export function historyOf(
  logs: readonly { readonly node: string; readonly rows: readonly Row[] }[],
): HistoryOp[] {
  const found = new Map<string, { readonly op: KeyOp; readonly seen: Sighting[] }>();
  for (const { node, rows } of logs)
    for (const { op, committedAt, won } of rows) {
      if (!isOnKey(op)) continue;
      const id = formatOpId(op);
      const known = found.get(id) ?? { op, seen: [] };
      known.seen.push({ node, atMs: committedAt, won });
      found.set(id, known);
    }
  const ranked = [...found.values()].sort((a, b) => compareOps(a.op, b.op));
  return ranked
    .map(({ op, seen }, index) => {
      const next = ranked[index + 1]?.op;
      const last = ranked[index - 1]?.op;
      return {
        op,
        id: formatOpId(op),
        seen: seen.sort((a, b) => a.atMs - b.atMs),
        isEntry: next === undefined,
        isTouch: last !== undefined && decidingClause(op, last) === 'hlc' && isTouchOf(last, op),
        beatenBy: next === undefined ? null : { id: formatOpId(next), why: whyBeaten(op, next) },
      };
    })
    .sort((a, b) => (a.seen[0]?.atMs ?? 0) - (b.seen[0]?.atMs ?? 0));
}

export interface KeyMoment {
  readonly atMs: number;
  /** The op that was the entry then; null before the first. */
  readonly op: KeyOp | null;
  /** An expiry, and no op, made this moment. */
  readonly isExpiry: boolean;
}

/** Every change of the key's entry at one node: by its ops, and by expiries. */
export function momentsOf(rows: readonly Row[], nowMs: number): KeyMoment[] {
  const moments: KeyMoment[] = [];
  let live: KeyOp | null = null;
  const expireBy = (atMs: number): void => {
    if (live?.kind === 'put' && live.expiresAt !== null && live.expiresAt <= atMs) {
      moments.push({ atMs: live.expiresAt, op: live, isExpiry: true });
      live = null;
    }
  };
  for (const { op, committedAt, won } of rows) {
    if (!won || !isOnKey(op)) continue;
    expireBy(committedAt);
    moments.push({ atMs: committedAt, op, isExpiry: false });
    live = op;
  }
  expireBy(nowMs);
  return moments;
}

/** @returns the change that made what the key was at that time; null before the first. */
export function momentAt(moments: readonly KeyMoment[], atMs: number): KeyMoment | null {
  return moments.findLast((moment) => moment.atMs <= atMs) ?? null;
}
