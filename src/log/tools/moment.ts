/**
 * The meaning of a point in one log: which of its rows had been committed by then, and at which time
 * entries count as live.
 *
 * A time means this node's clock at the commit. A cursor means the first state of this log that held
 * all ops for which the cursor stands: on the node that gave it, exactly the state that its holder was
 * told.
 */

import { HearsayError } from '../../words/errors.ts';
import { type ExpiryMark, expiredBy, markOfClock } from '../../words/expiryMark.ts';
import type { KeyOp } from '../../words/op.ts';
import { MINUTE_MS } from '../../words/time.ts';
import {
  includes,
  type MutableVector,
  missingOps,
  raise,
  seqOf,
  type Vector,
} from '../../words/vector.ts';
import type { LogFacts, LogSource } from './logSource.ts';
import type { Point } from './point.ts';
import { Walk } from './walk.ts';

export interface Moment {
  /** The rows of the moment: lsn ≤ `upToLsn`, committed at `byMs` at the latest. */
  readonly upToLsn: number;
  readonly byMs: number;
  /** Entries that had expired by this mark read as absent. */
  readonly expired: ExpiryMark;
  /** The time that people are told for it, UTC milliseconds. */
  readonly atMs: number;
}

/**
 * Compaction has removed rows that were dead or beaten before the cut, so the map before the cut is not
 * known.
 */
export class BeforeCutError extends HearsayError {
  constructor(place: string, cutAt: number) {
    const until = cutAt > 0 ? ` up to ${new Date(cutAt).toISOString()}` : '';
    super(
      `The log ${place} was compacted${until}: its earlier state is not known; name a later point.`,
    );
  }
}

/** The log has not come to the point yet, or is of another cluster. */
export class PointNotHeldError extends HearsayError {}

/** A person who says `now` may have a clock that is ahead of the log's. */
const CLOCK_LEEWAY_MS = MINUTE_MS;

/** The time up to which compaction has gone, UTC milliseconds; 0 if it never ran. */
export const cutOf = ({ header }: LogFacts): number => header.facts.cutAtMs ?? 0;

/**
 * @throws BeforeCutError if compaction has removed rows of that time, PointNotHeldError if the log does
 *   not reach the point.
 */
export async function momentOf(source: LogSource, facts: LogFacts, point: Point): Promise<Moment> {
  switch (point.kind) {
    case 'now':
      return momentNow(facts);
    case 'time':
      if (point.atMs > facts.nowMs + CLOCK_LEEWAY_MS)
        throw new PointNotHeldError(
          `The time ${new Date(point.atMs).toISOString()} is in the future: name a time up to now.`,
        );
      // Of a log that was never compacted every time is known, also one before 1970.
      if (point.atMs < (facts.header.facts.cutAtMs ?? Number.NEGATIVE_INFINITY))
        throw new BeforeCutError(source.place, cutOf(facts));
      return momentAt(facts.lastLsn, point.atMs, point.atMs);
    case 'lsn':
      return momentOfLsn(source, facts, point.lsn);
    case 'cursor': {
      const { cluster, vector, told } = point.cursor;
      if (facts.header.clusterId !== null && cluster !== facts.header.clusterId)
        throw new PointNotHeldError(
          `The cursor is of the cluster ${cluster}, but the log ${source.place} is of ${facts.header.clusterId}.`,
        );
      const moment = await momentOfLsn(source, facts, await lsnOfVector(source, facts, vector));
      // A write's token holds no mark of expiries.
      return told.untilMs > 0 ? { ...moment, expired: told, atMs: told.untilMs - 1 } : moment;
    }
  }
}

/** The present of the log. */
export const momentNow = (facts: LogFacts): Moment =>
  momentAt(facts.lastLsn, Number.POSITIVE_INFINITY, facts.nowMs);

const momentAt = (upToLsn: number, byMs: number, atMs: number): Moment => ({
  upToLsn,
  byMs,
  expired: markOfClock(atMs),
  atMs,
});

/** Whether the row had been committed by the moment. */
export const isOf = (
  { upToLsn, byMs }: Moment,
  row: { readonly lsn: number; readonly committedAt: number },
): boolean => row.lsn <= upToLsn && row.committedAt <= byMs;

/** Whether an entry reads as absent at the moment. */
export const isDeadAt = (
  { expired }: Moment,
  entry: Pick<KeyOp, 'kind' | 'expiresAt' | 'origin' | 'seq'>,
): boolean => entry.kind === 'delete' || expiredBy(expired, entry);

async function momentOfLsn(source: LogSource, facts: LogFacts, lsn: number): Promise<Moment> {
  if (lsn > facts.lastLsn)
    throw new PointNotHeldError(
      `The log ${source.place} ends at lsn ${facts.lastLsn}, before ${lsn}.`,
    );
  const cutAt = cutOf(facts);
  // The state lasted until the next row, so it is known if that row came after the cut.
  const [next] = (await source.heads(lsn, facts.lastLsn, 1)).items;
  if (next !== undefined && next.committedAt <= cutAt)
    throw new BeforeCutError(source.place, cutAt);
  const [last] = (await source.rowsBefore(lsn + 1, { maxRows: 1, maxBytes: 1 })).items;
  return momentAt(lsn, Number.POSITIVE_INFINITY, Math.max(cutAt, last?.committedAt ?? 0));
}

/** The first lsn at which the log holds all ops that the vector covers. */
async function lsnOfVector(source: LogSource, facts: LogFacts, vector: Vector): Promise<number> {
  const held = new Map(facts.records.map(({ origin, seq }) => [origin, seq]));
  const lacking = missingOps(held, vector);
  if (lacking > 0)
    throw new PointNotHeldError(
      `The log ${source.place} lacks ${lacking} ops that the cursor covers: ask a node that has them.`,
    );
  const reach: MutableVector = new Map();
  for (const record of facts.records) raise(reach, record.origin, record.reach);
  const wanted = new Map([...vector].filter(([origin, seq]) => seq > seqOf(reach, origin)));
  // Compacted rows came before the cut, and so before any known moment.
  const seen = new Map<string, number>();
  const walk = new Walk(0, facts.lastLsn);
  if (wanted.size === 0) {
    if ([...vector.keys()].length > 0) throw new BeforeCutError(source.place, cutOf(facts));
    return 0;
  }
  for await (const heads of walk.heads(source))
    for (const { lsn, origin, seq } of heads) {
      raise(seen, origin, seq);
      if (includes(seen, wanted)) return lsn;
    }
  throw new PointNotHeldError(
    `The log ${source.place} lacks rows that its records count; \`hearsay log verify\` names them.`,
  );
}
