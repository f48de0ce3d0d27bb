/**
 * Rule 7: finds the new ops of a peer's delta, all of an origin's or none. A different sum at the same
 * seq is the exact check for forks.
 */
import type { Delta, Range } from '../words/delta.ts';
import { add, carriedHash, sameHash } from '../words/hash.ts';
import type { Op } from '../words/op.ts';
import type { OriginRecord } from '../words/row.ts';

export type DeltaOutcome =
  /** The number of new ops. */
  | { readonly kind: 'applied'; readonly ops: number }
  /** A range starts above the ops held: a pull must fill the gap. */
  | { readonly kind: 'gap' }
  /**
   * Two different ops bear one op id, or an op was damaged: no op of these origins is taken. The number
   * is that of new ops of others.
   */
  | { readonly kind: 'fork'; readonly origins: readonly string[]; readonly ops: number }
  /**
   * There are as many origins here as there may be: ops of further ones are not taken. The number is that of
   * new ops of the others.
   */
  | { readonly kind: 'crowded'; readonly ops: number }
  /** It has ops of closed origins beyond their ends: none of those is taken. The number is that of new ops of others. */
  | { readonly kind: 'beyondEnds'; readonly ops: number }
  /** The delta lacks an op of one of its ranges, or has two ranges of one origin. */
  | { readonly kind: 'incomplete' }
  /** Its sender was retired meanwhile: nobody takes ops from it directly (rule 8). */
  | { readonly kind: 'sealed' }
  /** A snapshot is on its way into this log meanwhile (rule 10). */
  | { readonly kind: 'overtaken' };

export interface DecidedDelta {
  /** In the order in which they are to be appended. */
  readonly news: readonly Op[];
  readonly outcome: DeltaOutcome;
}

type Records = (origin: string) => OriginRecord;

/** @param records gives the record of each origin here. */
export function decideDelta({ ranges, ops }: Delta, records: Records): DecidedDelta {
  const none = (kind: 'gap' | 'incomplete'): DecidedDelta => ({ news: [], outcome: { kind } });
  // Two ranges of one origin would bring an op twice, but the log can't hold two rows of one op id.
  if (new Set(ranges.map(({ origin }) => origin)).size < ranges.length) return none('incomplete');
  if (ranges.some(({ origin, after }) => after > records(origin).seq)) return none('gap');
  const byOrigin = Map.groupBy(ops, ({ origin }) => origin);
  const news: Op[] = [];
  const forked: string[] = [];
  for (const range of ranges) {
    const record = records(range.origin);
    const taken = newOps(record, range, byOrigin.get(range.origin) ?? []);
    if (taken === undefined) return none('incomplete');
    if (!meetsSum(record, range, taken)) forked.push(range.origin);
    else for (const op of taken) news.push(op);
  }
  if (forked.length > 0)
    return { news, outcome: { kind: 'fork', origins: forked, ops: news.length } };
  return { news, outcome: { kind: 'applied', ops: news.length } };
}

/** The ops of the range above those held, which reach up to its beginning; undefined if one is missing. */
function newOps({ seq }: OriginRecord, { to }: Range, ops: readonly Op[]): Op[] | undefined {
  const news = ops.filter((op) => op.seq > seq && op.seq <= to);
  const isComplete = news.every((op, index) => op.seq === seq + 1 + index);
  return isComplete && news.length === Math.max(0, to - seq) ? news : undefined;
}

/** Whether the sender's sum at the end of the range is that of the held ops and the new ones. */
function meetsSum(record: OriginRecord, range: Range, news: readonly Op[]): boolean {
  if (range.to < record.seq) return true;
  let { sum } = record;
  for (const op of news) sum = add(sum, carriedHash(op));
  return sameHash(sum, range.sum);
}
