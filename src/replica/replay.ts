/**
 * Rule 6: the map is the log's fold. Reads the log in bounded pages, folds the rows that won, and
 * checks on the way that nothing in it was changed, lost or doubled since it was written.
 */

import type { Log, PageLimit } from '../log/log.ts';
import type { EntryMap } from '../rules/map.ts';
import { mayCollect, storedStable } from '../rules/stability.ts';
import { DamagedLogError } from '../words/errors.ts';
import {
  add,
  carriedHash,
  type Hash,
  hasTrueHash,
  sameHash,
  subtract,
  ZERO,
} from '../words/hash.ts';
import { followedHlc } from '../words/hlc.ts';
import { horizonAbove, isOnKey, type KeyOp } from '../words/op.ts';
import { faultOfOp } from '../words/opRules.ts';
import type { OriginRecord, Row } from '../words/row.ts';
import { MIB } from '../words/size.ts';

const PAGE: PageLimit = { maxRows: 4096, maxBytes: 4 * MIB };

export interface Replayed {
  /** The last HLC that this node gave or followed. */
  readonly hlc: number;
  /** A number above the generation of everything that was dropped. */
  readonly horizon: number;
}

/**
 * @param place the log's name in errors.
 * @param onRow called with each row after it is folded.
 * @param onDropped called with each entry that had been collected and whose row is still there.
 * @throws DamagedLogError at the first row that can't be as it was written.
 */
export async function replay(
  log: Log,
  map: EntryMap,
  place: string,
  onRow: (row: Row) => void,
  onDropped: (entry: KeyOp) => void = () => {},
): Promise<Replayed> {
  const check = new RowCheck(log.origins, place);
  let hlc = 0;
  let lsn = 0;
  for (;;) {
    const rows = await log.rowsAfter(lsn, PAGE);
    for (const row of rows) {
      check.row(row);
      const { op, committedAt } = row;
      // As when it was committed: this node's own stamps, and others' but for those of a wrong clock.
      hlc =
        op.origin === log.header.origin
          ? Math.max(hlc, op.hlc)
          : followedHlc(hlc, op.hlc, committedAt);
      if (row.won && isOnKey(row.op)) map.fold(row.op);
      onRow(row);
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    lsn = last.lsn;
  }
  check.end(log.lastLsn, lsn);
  return { hlc, horizon: dropCollected(log, map, onDropped) };
}

/**
 * Rule 6: what was dead and stable when the log was last written had been collected, or would have
 * been next. @returns the horizon, above all of it.
 */
function dropCollected(log: Log, map: EntryMap, onDropped: (entry: KeyOp) => void): number {
  const stable = storedStable(log.header);
  let { horizon } = log.header;
  if (stable.vector.size === 0) return horizon;
  for (const entry of map.entries()) {
    if (!mayCollect(entry, stable)) continue;
    horizon = horizonAbove(horizon, entry.generation);
    map.drop(entry.key);
    onDropped(entry);
  }
  return horizon;
}

/**
 * Holds each row against the record of its origin: true hashes, seqs without gaps above the reach
 * (below it compaction and snapshots leave what they leave), and sums that meet.
 */
class RowCheck {
  readonly #place: string;
  readonly #records: ReadonlyMap<string, OriginRecord>;
  readonly #seen = new Map<string, { seq: number; sum: Hash }>();

  constructor(records: readonly OriginRecord[], place: string) {
    this.#place = place;
    this.#records = new Map(records.map((record) => [record.origin, record]));
  }

  row({ lsn, op }: Row): void {
    if (!hasTrueHash(op))
      throw this.#damage(`the hash of ${op.origin}/${op.seq} is not that of its content`, lsn);
    const fault = faultOfOp(op);
    if (fault !== null) throw this.#damage(`${op.origin}/${op.seq} can't be: ${fault}`, lsn);
    const record = this.#records.get(op.origin);
    if (record === undefined || op.seq > record.seq)
      throw this.#damage(`${op.origin}/${op.seq} is above what the log says it holds`, lsn);
    const seen = this.#seen.get(op.origin) ?? { seq: record.reach, sum: ZERO };
    if (op.seq > record.reach && op.seq !== seen.seq + 1)
      throw this.#damage(`${op.origin}/${op.seq} follows ${op.origin}/${seen.seq}`, lsn);
    const seq = Math.max(seen.seq, op.seq);
    this.#seen.set(op.origin, { seq, sum: add(seen.sum, carriedHash(op)) });
  }

  end(lastLsn: number, lsn: number): void {
    if (lsn !== lastLsn) throw this.#damage(`it ends at lsn ${lsn}, not at ${lastLsn}`, lastLsn);
    for (const record of this.#records.values()) {
      const kept = subtract(record.sum, record.compactedSum);
      if (!sameHash(kept, this.#seen.get(record.origin)?.sum ?? ZERO))
        throw this.#damage(`the rows of ${record.origin} do not add up to its recorded sum`, null);
    }
  }

  #damage(fault: string, lsn: number | null): DamagedLogError {
    return new DamagedLogError(this.#place, fault, lsn);
  }
}
