/**
 * Folds the rows in order of lsn and compares each won bit with the fold: a row won if it was the
 * greatest of its key when it came.
 *
 * An entry that was dead and stable when the log was last written had been collected, or would have
 * been next. It is dropped here as from the map, so that memory grows with the live keys. A row that
 * lost to such an entry, to a compacted one, or at the sender of a snapshot, can't be judged; it passes.
 */

import { mayCollect, type StoredStable, storedStable } from '../../rules/stability.ts';
import { add, type Hash, hashKey, ZERO } from '../../words/hash.ts';
import { at } from '../../words/invariant.ts';
import { formatOpId, type KeyOp } from '../../words/op.ts';
import type { LogHeader, Row } from '../../words/row.ts';
import { MINUTE_MS } from '../../words/time.ts';
import { EntryTable } from './entryTable.ts';
import type { Findings } from './finding.ts';
import { whyBeaten } from './whyBeaten.ts';

/**
 * One bit for a set of keys tells whether an entry of one of them may have been dropped; at a million
 * keys, one bit in sixteen is set.
 */
const DROPPED_BITS = 24;

export class WonCheck {
  readonly #stable: StoredStable;
  /** Whether the rows to which others lost may be missing: compaction removed them, or a snapshot left them out. */
  readonly #lacksRows: boolean;
  readonly #findings: Findings;
  readonly #entries = new EntryTable();
  readonly #dropped = new Uint8Array(2 ** DROPPED_BITS / 8);

  constructor(
    header: Pick<LogHeader, 'stable' | 'stableClock' | 'facts'>,
    lacksRows: boolean,
    findings: Findings,
  ) {
    this.#stable = storedStable(header);
    this.#lacksRows = lacksRows;
    this.#findings = findings;
  }

  /** The number of entries that are left. */
  get size(): number {
    return this.#entries.size;
  }

  row({ lsn, won }: Pick<Row, 'lsn' | 'won'>, op: KeyOp): void {
    const slot = this.#entries.find(op.key);
    const wins = slot === undefined || this.#entries.isBeatenBy(slot, op);
    if (won !== wins) this.#tell(lsn, op, won, slot);
    if (!won) return;
    if (mayCollect(op, this.#stable)) this.#drop(op.key);
    else this.#entries.set(slot, op);
  }

  /** The map sum over the entries that live past the minute `asOf` (rule 11). */
  mapSum(asOf: number): Hash {
    let sum = ZERO;
    for (const put of this.#entries.puts())
      if (put.expiresAt > asOf * MINUTE_MS) sum = add(sum, put);
    return sum;
  }

  /** The numbers of live entries, and of dead ones that were not collected. */
  count(nowMs: number): { live: number; dead: number } {
    let live = 0;
    for (const { expiresAt } of this.#entries.puts()) if (expiresAt > nowMs) live++;
    return { live, dead: this.#entries.size - live };
  }

  #drop(key: string): void {
    this.#entries.delete(key);
    const bit = hashKey(key) >>> (32 - DROPPED_BITS);
    this.#dropped[bit >>> 3] = at(this.#dropped, bit >>> 3) | (1 << (bit & 7));
  }

  #tell(lsn: number, op: KeyOp, won: boolean, slot: number | undefined): void {
    const { origin, seq } = op;
    if (!won) {
      if (this.#lacksRows || this.#mayHaveDropped(op.key)) return;
      const text = 'is marked as beaten when it came, though nothing before it in the log beats it';
      this.#findings.add({ kind: 'won', lsn, origin, seq, text });
      return;
    }
    if (slot === undefined) return;
    const entry = this.#entries.ranked(slot);
    const text =
      `is marked as the winner when it came, though ${formatOpId(entry)}, which came before, beats it ` +
      `(${whyBeaten(op, entry)})`;
    this.#findings.add({ kind: 'won', lsn, origin, seq, text });
  }

  #mayHaveDropped(key: string): boolean {
    const bit = hashKey(key) >>> (32 - DROPPED_BITS);
    return (at(this.#dropped, bit >>> 3) & (1 << (bit & 7))) !== 0;
  }
}
