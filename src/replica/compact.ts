/**
 * Compaction (rule 10): deletes rows from the log that nothing needs any more.
 *
 * A row may go once it has been beaten, deleted or expired for the retention: its own age does not
 * count, or a point in time within the retention would show what never was. Rows are looked at in
 * order of lsn, up to the first that is younger than the retention or above the stable vector; member
 * ops, entries and the last row stay. Two passes: the first finds which row of each key was the entry when
 * the retention began; the second removes, in chunks that share the commits of the write path.
 */

import type { Log } from '../log/log.ts';
import { carriedHash, type Hash } from '../words/hash.ts';
import { isDead, sameOp } from '../words/op.ts';
import { isKeyHead, type RowHead } from '../words/row.ts';
import { covers, type Vector } from '../words/vector.ts';
import type { Replica } from './replica.ts';

/** Rows removed in one commit, at most: it holds the write path for a few milliseconds. */
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
 * The rows that could be seen at the cut, as the first pass finds them. Those that were entries then are
 * told by lsn alone, 8 bytes each: by the second pass they may have been written over or collected.
 */
interface AtCut {
  /** Key → lsn, of keys that were changed before and after the cut. */
  readonly byKey: Map<string, number>;
  /** In order. */
  readonly entries: number[];
}

/** Where the rows that are looked at end. */
interface End {
  readonly log: Log;
  readonly cutAt: number;
  readonly stable: Vector;
  /** This row stays: it carries the last lsn. */
  readonly lastLsn: number;
}

export class Compactor {
  readonly #replica: Replica;
  readonly #retentionMs: number;
  #running = false;
  /** Rows removed since the start. */
  removedRows = 0;

  constructor(replica: Replica, retentionMs: number) {
    this.#replica = replica;
    this.#retentionMs = retentionMs;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Removes what may go; does nothing while an earlier run goes on. */
  async run(retentionMs: number = this.#retentionMs): Promise<Compacted> {
    if (this.#running) return { rows: 0 };
    this.#running = true;
    try {
      return await this.#compact(this.#replica.nowMs() - retentionMs);
    } finally {
      this.#running = false;
    }
  }

  async #compact(cutAt: number): Promise<Compacted> {
    // Both passes end at one row: a key's last row must not go while the first pass has not seen it, or
    // an older row of the key, kept for the cut, would show again at the next replay.
    const { log, lastLsn, header } = this.#replica;
    const end = { log, cutAt, stable: header.stable, lastLsn };
    const atCut = await this.#entriesAt(end);
    let removed = 0;
    let next = 0;
    for await (const heads of this.#oldPages(end, CHUNK_ROWS)) {
      // In a log that has taken this one's place meanwhile (rule 12), the lsns are of other rows.
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
    }
    return { rows: removed };
  }

  /** Rows that an earlier run with a shorter retention removed do not come back. */
  #laterCut(cutAt: number): number {
    return Math.max(cutAt, this.#replica.header.facts.cutAtMs ?? 0);
  }

  async #entriesAt(end: End): Promise<AtCut> {
    const byKey = new Map<string, number>();
    const entries: number[] = [];
    for await (const heads of this.#oldPages(end, SCAN_ROWS)) {
      for (const head of heads) {
        if (!head.won || !isKeyHead(head)) continue;
        if (isDead(head, end.cutAt)) byKey.delete(head.key);
        else if (!this.#isEntry(head) || byKey.has(head.key)) byKey.set(head.key, head.lsn);
        else entries.push(head.lsn);
      }
    }
    return { byKey, entries };
  }

  /** Rows up to the first that is younger than the cut or above the stable vector. */
  async *#oldPages(
    { log, cutAt, stable, lastLsn }: End,
    maxRows: number,
  ): AsyncGenerator<RowHead[]> {
    let lsn = 0;
    for (;;) {
      const heads = await log.headsAfter(lsn, maxRows);
      const end = heads.findIndex(
        (head) => head.committedAt > cutAt || !covers(stable, head) || head.lsn >= lastLsn,
      );
      yield end < 0 ? heads : heads.slice(0, end);
      const last = heads.at(-1);
      if (end >= 0 || last === undefined) return;
      lsn = last.lsn;
    }
  }

  /** Beaten before the cut, or dead by then and collected since. */
  #mayGo(head: RowHead, cutAt: number, { byKey }: AtCut): boolean {
    if (!isKeyHead(head) || this.#isEntry(head)) return false;
    return !head.won || isDead(head, cutAt) || byKey.get(head.key) !== head.lsn;
  }

  #isEntry(head: RowHead): boolean {
    const entry = this.#replica.map.get(head.key);
    return entry !== undefined && sameOp(entry, head);
  }
}
