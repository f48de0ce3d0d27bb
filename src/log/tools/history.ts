/** The history of one key in one log: its ops, and the time in which readers could see each. */

import { isOnKey, type KeyOp } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import type { LogSource } from './logSource.ts';
import type { Walk } from './walk.ts';
import { whyBeaten } from './whyBeaten.ts';

/** The way in which an op ended for a reader of this node; `open`: it has not ended. */
export type Ending = 'open' | 'overwritten' | 'deleted' | 'expired';

export interface Visible {
  /** UTC milliseconds, by this node's clock. */
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly ending: Ending;
}

export interface Happening {
  readonly lsn: number;
  readonly committedAt: number;
  readonly won: boolean;
  readonly op: KeyOp;
  /** The time from which a reader saw its value; null: never. */
  readonly visible: Visible | null;
  /** For an op that was never seen, the reason; else null. */
  readonly whyNot: string | null;
  /** The op that beat it, when it came or later; null if none did. */
  readonly beatenBy: KeyOp | null;
}

/** @param nowMs UTC milliseconds: an entry that expires later has not expired yet. */
export async function* historyOf(
  source: LogSource,
  walk: Walk,
  key: string,
  nowMs: number,
): AsyncGenerator<readonly Happening[]> {
  const fold = new HistoryFold(nowMs);
  for await (const page of walk.rowsOn(source, key)) {
    const known = page.flatMap(({ op, ...row }) => (isOnKey(op) ? fold.take({ ...row, op }) : []));
    if (known.length > 0) yield known;
  }
  yield fold.end();
}

type KeyRow = Omit<Row, 'op'> & { readonly op: KeyOp };

/** Takes the rows of one key in order; holds back those whose end is not known yet. */
export class HistoryFold {
  readonly #nowMs: number;
  /** The last row that won. */
  #winner: KeyRow | undefined;
  /** The ops that came after it and lost to it. */
  #losers: KeyRow[] = [];

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** @returns the ops whose end is known by now, in order. */
  take(row: KeyRow): Happening[] {
    if (!row.won) {
      this.#losers.push(row);
      return [];
    }
    const known = this.#flush(row);
    this.#winner = row;
    return known;
  }

  /** The rest: the last winner, and the ops that lost to it. */
  end(): Happening[] {
    return this.#flush(undefined);
  }

  #flush(next: KeyRow | undefined): Happening[] {
    const winner = this.#winner;
    const known = winner === undefined ? [] : [ofWinner(winner, next, this.#nowMs)];
    for (const loser of this.#losers) known.push(ofLoser(loser, winner));
    this.#losers = [];
    this.#winner = undefined;
    return known;
  }
}

function ofLoser({ lsn, committedAt, won, op }: KeyRow, before: KeyRow | undefined): Happening {
  const whyNot =
    before === undefined ? 'lost to an op that was compacted since' : whyBeaten(op, before.op);
  return { lsn, committedAt, won, op, visible: null, whyNot, beatenBy: before?.op ?? null };
}

function ofWinner(row: KeyRow, next: KeyRow | undefined, nowMs: number): Happening {
  const { op, committedAt } = row;
  const base = { ...row, beatenBy: next?.op ?? null };
  if (op.kind === 'delete') return { ...base, visible: null, whyNot: 'it is a delete' };
  if (op.expiresAt !== null && op.expiresAt <= committedAt)
    return { ...base, visible: null, whyNot: 'it had expired when it came' };
  return { ...base, visible: visibleOf(op, row, next, nowMs), whyNot: null };
}

function visibleOf(op: KeyOp, row: KeyRow, next: KeyRow | undefined, nowMs: number): Visible {
  const fromMs = row.committedAt;
  const nextMs = next?.committedAt ?? Number.POSITIVE_INFINITY;
  if (op.expiresAt !== null && op.expiresAt <= Math.min(nextMs, nowMs))
    return { fromMs, untilMs: op.expiresAt, ending: 'expired' };
  if (next === undefined) return { fromMs, untilMs: null, ending: 'open' };
  return { fromMs, untilMs: nextMs, ending: next.op.kind === 'delete' ? 'deleted' : 'overwritten' };
}
