/**
 * The content of a log: ops and bytes by origin and kind, live and dead keys, the biggest and the
 * busiest, and the rows that compaction would free. One walk over the heads gathers it.
 *
 * For each key it keeps the facts that compaction asks for (`src/rules/compaction.ts`): the number of
 * its old rows, the row of its entry, and the row of its entry at the cut. A key that was dead at the
 * cut and has been collected is counted at once and forgotten, so that memory grows with the live keys.
 */
import { type CompactionEnd, isOld, showedAtCut } from '../../rules/compaction.ts';
import { mayCollect, type StoredStable, storedStable } from '../../rules/stability.ts';
import type { Kind } from '../../words/op.ts';
import { isKeyHead, type KeyHead } from '../../words/row.ts';
import type { Head, LogFacts } from './logSource.ts';
import { Prefixes, type PrefixTally } from './prefixes.ts';

export interface OriginTally {
  readonly origin: string;
  ops: number;
  bytes: number;
  /** UTC milliseconds of the first and the last commit of its ops here. */
  firstMs: number;
  lastMs: number;
}

export interface BigKey {
  readonly key: string;
  readonly bytes: number;
}

export interface Statistics {
  readonly ops: number;
  readonly kinds: Readonly<Record<Kind, number>>;
  readonly won: number;
  /** Bytes of keys, values and metas. */
  readonly textBytes: number;
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
  readonly keys: { readonly live: number; readonly dead: number };
  readonly liveBytes: number;
  readonly origins: readonly OriginTally[];
  /** The rows that compaction would remove now. */
  readonly compactable: {
    readonly rows: number;
    readonly textBytes: number;
    readonly cutAt: number;
  };
  readonly biggest: readonly BigKey[];
  readonly busiest: readonly PrefixTally[];
}

interface KeyTally {
  /** Lsn of the entry; 0 before any row has won. */
  entryLsn: number;
  isDelete: boolean;
  /** Infinity if the entry never expires. */
  expiresAt: number;
  entryBytes: number;
  isCollected: boolean;
  /** The number of rows that compaction looks at. */
  oldRows: number;
  oldBytes: number;
  /** Lsn of the row that could be seen at the cut; 0 if none could. */
  cutLsn: number;
  cutBytes: number;
  readonly prefix: PrefixTally;
}

const SHOWN = 10;

export class StatisticsFold {
  readonly #facts: LogFacts;
  readonly #stable: StoredStable;
  readonly #end: CompactionEnd;
  readonly #keys = new Map<string, KeyTally>();
  readonly #origins = new Map<string, OriginTally>();
  readonly #prefixes = new Prefixes();
  readonly #kinds: Record<Kind, number> = { put: 0, delete: 0, join: 0, retire: 0 };
  #won = 0;
  #textBytes = 0;
  #oldestMs: number | null = null;
  #newestMs: number | null = null;
  /** Whether compaction, which goes in order of lsn, has not stopped yet. */
  #isOld = true;
  #oldEndLsn = 0;
  #freeRows = 0;
  #freeBytes = 0;

  constructor(facts: LogFacts, retentionMs: number) {
    this.#facts = facts;
    this.#stable = storedStable(facts.header);
    const { header, lastLsn } = facts;
    this.#end = { cutAt: facts.nowMs - retentionMs, stable: header.stable, lastLsn };
  }

  take(head: Head): void {
    this.#kinds[head.kind]++;
    this.#textBytes += head.textBytes;
    this.#oldestMs = Math.min(this.#oldestMs ?? head.committedAt, head.committedAt);
    this.#newestMs = Math.max(this.#newestMs ?? head.committedAt, head.committedAt);
    this.#takeOrigin(head);
    if (this.#isOld) this.#isOld = isOld(head, this.#end);
    if (this.#isOld) this.#oldEndLsn = head.lsn;
    if (isKeyHead(head)) this.#takeKey(head);
  }

  end(): Statistics {
    const biggest: BigKey[] = [];
    let live = 0;
    let dead = 0;
    let liveBytes = 0;
    for (const [key, tally] of this.#keys) {
      this.#free(tally);
      if (tally.entryLsn === 0 || tally.isCollected) continue;
      if (tally.isDelete || tally.expiresAt <= this.#facts.nowMs) {
        dead++;
        continue;
      }
      live++;
      liveBytes += tally.entryBytes;
      keepBiggest(biggest, { key, bytes: tally.entryBytes });
    }
    return {
      ops: this.#kinds.put + this.#kinds.delete + this.#kinds.join + this.#kinds.retire,
      kinds: this.#kinds,
      won: this.#won,
      textBytes: this.#textBytes,
      oldestMs: this.#oldestMs,
      newestMs: this.#newestMs,
      keys: { live, dead },
      liveBytes,
      origins: [...this.#origins.values()].sort((a, b) => b.ops - a.ops),
      compactable: { rows: this.#freeRows, textBytes: this.#freeBytes, cutAt: this.#end.cutAt },
      biggest,
      busiest: this.#prefixes.busiest(SHOWN),
    };
  }

  #takeOrigin({ origin, committedAt, textBytes }: Head): void {
    let tally = this.#origins.get(origin);
    if (tally === undefined) {
      tally = { origin, ops: 0, bytes: 0, firstMs: committedAt, lastMs: committedAt };
      this.#origins.set(origin, tally);
    }
    tally.ops++;
    tally.bytes += textBytes;
    tally.lastMs = committedAt;
  }

  #takeKey(head: KeyHead<Head>): void {
    let tally = this.#keys.get(head.key);
    if (tally === undefined) {
      tally = newTally(this.#prefixes.tallyOf(head.key));
      this.#keys.set(head.key, tally);
    }
    tally.prefix.ops++;
    tally.prefix.bytes += head.textBytes;
    if (this.#isOld) {
      tally.oldRows++;
      tally.oldBytes += head.textBytes;
    }
    if (!head.won) return;
    this.#won++;
    this.#takeEntry(tally, head);
    const isForgotten = tally.isCollected && (!this.#isOld || tally.cutLsn === 0);
    if (!isForgotten) return;
    this.#free(tally);
    this.#keys.delete(head.key);
  }

  #takeEntry(tally: KeyTally, head: KeyHead<Head>): void {
    tally.entryLsn = head.lsn;
    tally.isDelete = head.kind === 'delete';
    tally.expiresAt = head.expiresAt ?? Number.POSITIVE_INFINITY;
    tally.entryBytes = head.textBytes;
    tally.isCollected = mayCollect(head, this.#stable);
    if (!this.#isOld) return;
    const showed = showedAtCut(head, this.#end.cutAt);
    tally.cutLsn = showed ? head.lsn : 0;
    tally.cutBytes = showed ? head.textBytes : 0;
  }

  /** The old rows of the key that may go. */
  #free({
    oldRows,
    oldBytes,
    entryLsn,
    entryBytes,
    isCollected: isGone,
    cutLsn,
    cutBytes,
  }: KeyTally): void {
    const staysAsEntry = !isGone && entryLsn > 0 && entryLsn <= this.#oldEndLsn && oldRows > 0;
    const staysForCut = cutLsn > 0 && !(staysAsEntry && cutLsn === entryLsn);
    this.#freeRows += oldRows - (staysAsEntry ? 1 : 0) - (staysForCut ? 1 : 0);
    this.#freeBytes += oldBytes - (staysAsEntry ? entryBytes : 0) - (staysForCut ? cutBytes : 0);
  }
}

const newTally = (prefix: PrefixTally): KeyTally => ({
  entryLsn: 0,
  isDelete: false,
  expiresAt: Number.POSITIVE_INFINITY,
  entryBytes: 0,
  isCollected: false,
  oldRows: 0,
  oldBytes: 0,
  cutLsn: 0,
  cutBytes: 0,
  prefix,
});

function keepBiggest(biggest: BigKey[], key: BigKey): void {
  const smallest = biggest.at(-1);
  if (biggest.length >= SHOWN && smallest !== undefined && smallest.bytes >= key.bytes) return;
  const at = biggest.findIndex(({ bytes }) => bytes < key.bytes);
  biggest.splice(at === -1 ? biggest.length : at, 0, key);
  if (biggest.length > SHOWN) biggest.pop();
}
