/**
 * Rule 6: the map is the log's fold. Reads the log in bounded pages, folds the rows that won, and
 * checks that no row was changed, lost or doubled since it was written.
 */

import type { Log, PageLimit } from '../log/log.ts';
import { SeqCheck } from '../rules/seqCheck.ts';
import { mayCollect, type Stable, type StoredStable, storedStable } from '../rules/stability.ts';
import type { EntryStore } from '../store/entryStore.ts';
import { foldWinner } from '../store/foldWinner.ts';
import { DamagedLogError } from '../words/errors.ts';
import { hasTrueHash } from '../words/hash.ts';
import { followedHlc } from '../words/hlc.ts';
import { type EntryHead, formatOpId, horizonAbove, isOnKey } from '../words/op.ts';
import { faultOfOp } from '../words/opRules.ts';
import type { OriginRecord, Row } from '../words/row.ts';
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

export interface ReplayOptions {
  /** The log's name in errors. */
  readonly place: string;
  /** The checkpoint that the map was restored from; null folds all rows. */
  readonly from: ReplayStart | null;
  /** Called with each row after it is folded. */
  readonly onRow: (row: Row) => void;
  /** Called with each entry that had been collected and whose row is still there. */
  readonly onDropped: (entry: EntryHead) => void;
  /** Called after each page. @param lsn that of its last row. */
  readonly onPage: (lsn: number) => void;
}

/** The state at a checkpoint that is believed, as far as a replay goes on from it. */
export interface ReplayStart {
  readonly lsn: number;
  readonly hlc: number;
  readonly horizon: number;
  /** The records that the rows after the checkpoint must meet. */
  readonly records: readonly OriginRecord[];
}

/** @throws DamagedLogError at the first row that can't be as it was written. */
export async function replay(
  log: Log,
  map: EntryStore,
  { place, from, onRow, onDropped, onPage }: ReplayOptions,
): Promise<Replayed> {
  const check = new RowCheck(from?.records ?? log.origins, place, from?.lsn ?? null);
  let hlc = from?.hlc ?? 0;
  let lsn = from?.lsn ?? 0;
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
      if (row.won && isOnKey(row.op)) foldWinner(map, row.op, row.lsn, onDropped);
      onRow(row);
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    lsn = last.lsn;
    onPage(lsn);
    map.compactSlice(COMPACTED_A_PAGE);
  }
  check.end(lsn, log.lastLsn);
  return { hlc, horizon: dropCollected(log, map, from?.horizon ?? 0, onDropped) };
}

/**
 * Rule 6: an entry that was dead and stable when the log was last written had been collected, or would
 * have been next. @returns the horizon, above the generations of all of these.
 */
function dropCollected(
  log: Log,
  map: EntryStore,
  before: number,
  onDropped: (entry: EntryHead) => void,
): number {
  const stable = storedStable(log.header);
  let horizon = Math.max(before, log.header.horizon);
  if (stable.vector.size === 0) return horizon;
  for (const entry of map.deadAt(latestClock(stable))) {
    if (!mayCollect(entry, stable)) continue;
    horizon = horizonAbove(horizon, entry.generation);
    map.drop(entry.key);
    onDropped(entry);
  }
  return horizon;
}

/** No entry that lives at this time may be collected. */
const latestClock = ({ clock, reached }: StoredStable): number =>
  [...reached].reduce((latest, one: Stable) => Math.max(latest, one.clock), clock);

/** Each row must have its own hash and be a possible op, and the rows must match the records. */
export class RowCheck {
  readonly #place: string;
  readonly #seqs: SeqCheck;
  /** The lsn that the next row must follow; null if rows may have been compacted away. */
  #after: number | null;

  /** @param after the lsn that the first row must follow, and so on; null if lsns may have holes. */
  constructor(records: readonly OriginRecord[], place: string, after: number | null = null) {
    this.#place = place;
    this.#after = after;
    this.#seqs = new SeqCheck(
      records,
      ({ origin, seq, text, lsn }) => {
        const subject = seq === null ? `${origin}:` : formatOpId({ origin, seq });
        throw new DamagedLogError(place, `${subject} ${text}`, lsn);
      },
      () => false,
    );
  }

  /** @throws DamagedLogError */
  row({ lsn, op }: Row): void {
    if (this.#after !== null && lsn !== this.#after + 1)
      throw this.#damage(`the rows after lsn ${this.#after} were compacted away`, lsn);
    if (this.#after !== null) this.#after = lsn;
    const id = formatOpId(op);
    if (!hasTrueHash(op)) throw this.#damage(`the hash of ${id} is not that of its content`, lsn);
    const fault = faultOfOp(op);
    if (fault !== null) throw this.#damage(`${id} can't be: ${fault}`, lsn);
    this.#seqs.row(lsn, op);
  }

  /**
   * Called after the last row. @param lsn that of the last row. @param lastLsn that of the log.
   *
   * @throws DamagedLogError
   */
  end(lsn: number, lastLsn: number): void {
    this.#seqs.end();
    if (lsn !== lastLsn) throw this.#damage(`it ends at lsn ${lsn}, not at ${lastLsn}`, lastLsn);
  }

  #damage(fault: string, lsn: number): DamagedLogError {
    return new DamagedLogError(this.#place, fault, lsn);
  }
}
