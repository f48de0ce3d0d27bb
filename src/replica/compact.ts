/**
 * Compaction (rule 10): deletes rows from the log that are no longer needed.
 *
 * It takes two passes, which end at the same row. The first finds the row of each key that could be
 * seen at the cut (src/rules/compaction.ts). The second removes rows, in chunks that share the commits
 * of the write path.
 */

import type { Log } from '../log/log.ts';
import { type CompactionEnd, cutAtMs, isOld, showedAtCut } from '../rules/compaction.ts';
import { carriedHash, type Hash } from '../words/hash.ts';
import { sameOp } from '../words/op.ts';
import { isKeyHead, type RowHead } from '../words/row.ts';
import type { Replica } from './replica.ts';

/** The most rows removed in one commit, which holds the write path for a few milliseconds. */
const CHUNK_ROWS = 512;
const SCAN_ROWS = 4096;

export interface Compacted {
  readonly rows: number;
}

interface Going {
  readonly lsn: number;
  readonly seq: number;
  readonly hash: Hash;
}

/**
 * The rows that could be seen at the cut, as the first pass finds them. Rows that were entries then are
 * stored by lsn alone, 8 bytes each: by the second pass they may have been overwritten or collected.
 */
interface AtCut {
  /** Key → lsn, for keys that were changed before and after the cut. */
  readonly byKey: Map<string, number>;
  /** Lsns in order. */
  readonly entries: number[];
}

export class Compactor {
  readonly #replica: Replica;
  readonly #retentionMs: number;
  readonly #holdMs: number;
  #running = false;
  /** Rows removed since the start. */
  removedRows = 0;

  /** @param holdMs as for `cutAtMs`; 0 if no node can be on its way back. */
  constructor(replica: Replica, retentionMs: number, holdMs = 0) {
    this.#replica = replica;
    this.#retentionMs = retentionMs;
    this.#holdMs = holdMs;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /**
   * Removes the rows that may go; does nothing while an earlier run goes on.
   *
   * @param onPage called for each page of rows that was looked at, with the share of the work, from 0 to 1.
   */
  async run(
    retentionMs: number = this.#retentionMs,
    onPage: (rows: number, share: number) => void = () => {},
  ): Promise<Compacted> {
    if (this.#running) return { rows: 0 };
    this.#running = true;
    try {
      const { retiredAtMs } = this.#replica;
      const cutAt = cutAtMs(this.#replica.nowMs(), retentionMs, retiredAtMs, this.#holdMs);
      return await this.#compact(cutAt, new TwoPasses(this.#replica.lastLsn, onPage));
    } finally {
      this.#running = false;
    }
  }

  async #compact(cutAt: number, passes: TwoPasses): Promise<Compacted> {
    // Both passes end at one row: a key's last row must not go while the first pass has not seen it.
    // Otherwise an older row of the key, kept for the cut, would show again at the next replay.
    const { log, lastLsn, header } = this.#replica;
    const end = { cutAt, stable: header.stable, lastLsn };
    const atCut = await this.#entriesAt(log, end, passes);
    let removed = 0;
    let next = 0;
    for await (const heads of this.#oldPages(log, end, CHUNK_ROWS)) {
      // If another log has replaced this one meanwhile (rule 12), the lsns are of other rows.
      if (this.#replica.log !== log) break;
      const going = new Map<string, Going[]>();
      for (const head of heads) {
        while ((atCut.entries[next] ?? head.lsn) < head.lsn) next++;
        if (atCut.entries[next] === head.lsn || !this.#mayGo(head, cutAt, atCut)) continue;
        const ofOrigin = going.get(head.origin) ?? [];
        ofOrigin.push({ lsn: head.lsn, seq: head.seq, hash: carriedHash(head) });
        going.set(head.origin, ofOrigin);
        removed++;
      }
      if (going.size > 0)
        await this.#replica.forgetting.removeRows(going, { cutAtMs: this.#laterCut(cutAt) });
      for (const rows of going.values()) this.removedRows += rows.length;
      passes.page(1, heads);
    }
    return { rows: removed };
  }

  /** Rows that an earlier run with a shorter retention removed do not come back. */
  #laterCut(cutAt: number): number {
    return Math.max(cutAt, this.#replica.header.facts.cutAtMs ?? 0);
  }

  async #entriesAt(log: Log, end: CompactionEnd, passes: TwoPasses): Promise<AtCut> {
    const byKey = new Map<string, number>();
    const entries: number[] = [];
    for await (const heads of this.#oldPages(log, end, SCAN_ROWS)) {
      for (const head of heads) {
        if (!head.won || !isKeyHead(head)) continue;
        if (!showedAtCut(head, end.cutAt)) byKey.delete(head.key);
        else if (!this.#isEntry(head) || byKey.has(head.key)) byKey.set(head.key, head.lsn);
        else entries.push(head.lsn);
      }
      passes.page(0, heads);
    }
    return { byKey, entries };
  }

  async *#oldPages(log: Log, end: CompactionEnd, maxRows: number): AsyncGenerator<RowHead[]> {
    let lsn = 0;
    for (;;) {
      const heads = await log.headsAfter(lsn, maxRows);
      const young = heads.findIndex((head) => !isOld(head, end));
      yield young < 0 ? heads : heads.slice(0, young);
      const last = heads.at(-1);
      if (young >= 0 || last === undefined) return;
      lsn = last.lsn;
    }
  }

  /** The row was beaten before the cut, or was dead by then and has been collected since. */
  #mayGo(head: RowHead, cutAt: number, { byKey }: AtCut): boolean {
    if (!isKeyHead(head) || this.#isEntry(head)) return false;
    return !showedAtCut(head, cutAt) || byKey.get(head.key) !== head.lsn;
  }

  #isEntry(head: RowHead): boolean {
    const entry = this.#replica.map.head(head.key);
    return entry !== undefined && sameOp(entry, head);
  }
}

/** The progress over the rows, which are read twice. */
class TwoPasses {
  readonly #lastLsn: number;
  readonly #onPage: (rows: number, share: number) => void;
  #rows = 0;

  constructor(lastLsn: number, onPage: (rows: number, share: number) => void) {
    this.#lastLsn = lastLsn;
    this.#onPage = onPage;
  }

  page(pass: 0 | 1, heads: readonly RowHead[]): void {
    this.#rows += heads.length;
    const share = (heads.at(-1)?.lsn ?? 0) / Math.max(1, this.#lastLsn);
    this.#onPage(this.#rows, (pass + share) / 2);
  }
}
