/**
 * Rule 6: the map is the log's fold. Reads the log in bounded pages, folds the rows that won, and
 * checks that no row was changed, lost or doubled since it was written.
 */

import type { Log, PageLimit } from '../log/log.ts';
import { SeqCheck } from '../rules/seqCheck.ts';
import { mayCollect, storedStable } from '../rules/stability.ts';
import type { EntryStore } from '../store/entryStore.ts';
import { DamagedLogError } from '../words/errors.ts';
import { hasTrueHash } from '../words/hash.ts';
import { followedHlc } from '../words/hlc.ts';
import { type EntryHead, formatOpId, horizonAbove, isOnKey } from '../words/op.ts';
import { faultOfOp } from '../words/opRules.ts';
import type { Row } from '../words/row.ts';
import { MIB } from '../words/size.ts';

const PAGE: PageLimit = { maxRows: 4096, maxBytes: 4 * MIB };
/** The map's compaction keeps up with a log whose rows all overwrite one another. */
const COMPACTED_A_PAGE = 4 * PAGE.maxBytes;

export interface Replayed {
  /** The last HLC that this node gave or followed. */
  readonly hlc: number;
  /** A number above the generation of every dropped entry. */
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
  map: EntryStore,
  place: string,
  onRow: (row: Row) => void,
  onDropped: (entry: EntryHead) => void = () => {},
): Promise<Replayed> {
  const check = checkOf(log, place);
  let hlc = 0;
  let lsn = 0;
  for (;;) {
    const rows = await log.rowsAfter(lsn, PAGE);
    for (const row of rows) {
      check.row(row);
      const { op, committedAt } = row;
      // As at the commit: this node's own stamps count, and others' unless they come from a wrong
      // clock.
      hlc =
        op.origin === log.header.origin
          ? Math.max(hlc, op.hlc)
          : followedHlc(hlc, op.hlc, committedAt);
      if (row.won && isOnKey(row.op)) map.fold(row.op, row.lsn);
      onRow(row);
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    lsn = last.lsn;
    map.compactSlice(COMPACTED_A_PAGE);
  }
  check.end(lsn);
  return { hlc, horizon: dropCollected(log, map, onDropped) };
}

/**
 * Rule 6: an entry that was dead and stable when the log was last written had been collected, or would
 * have been next. @returns the horizon, above the generations of all of these.
 */
function dropCollected(log: Log, map: EntryStore, onDropped: (entry: EntryHead) => void): number {
  const stable = storedStable(log.header);
  let { horizon } = log.header;
  if (stable.vector.size === 0) return horizon;
  for (const entry of map.heads()) {
    if (!mayCollect(entry, stable)) continue;
    horizon = horizonAbove(horizon, entry.generation);
    map.drop(entry.key);
    onDropped(entry);
  }
  return horizon;
}

/** Each row must have its own hash and be a possible op, and the rows must match the records. */
function checkOf(log: Log, place: string): { row(row: Row): void; end(lsn: number): void } {
  const seqs = new SeqCheck(
    log.origins,
    ({ origin, seq, text, lsn }) => {
      const subject = seq === null ? `${origin}:` : formatOpId({ origin, seq });
      throw new DamagedLogError(place, `${subject} ${text}`, lsn);
    },
    () => false,
  );
  return {
    row: ({ lsn, op }) => {
      const id = formatOpId(op);
      if (!hasTrueHash(op))
        throw new DamagedLogError(place, `the hash of ${id} is not that of its content`, lsn);
      const fault = faultOfOp(op);
      if (fault !== null) throw new DamagedLogError(place, `${id} can't be: ${fault}`, lsn);
      seqs.row(lsn, op);
    },
    end: (lsn) => {
      seqs.end();
      if (lsn !== log.lastLsn)
        throw new DamagedLogError(
          place,
          `it ends at lsn ${lsn}, not at ${log.lastLsn}`,
          log.lastLsn,
        );
    },
  };
}
