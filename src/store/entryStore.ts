/**
 * The port of the entry store, which holds the map: key → entry, the greatest op of the key (rules 1,
 * 4 and 6).
 *
 * Invariants, which `test/conformance/entryStore.ts` holds every store to:
 * - The entry of a key is the greatest op that was folded since the key was last dropped, and it comes
 *   out with the very fields that went in, its value in the very characters; or without value and meta,
 *   and with the lsn that went in: then it is cold, and the row of that lsn has them.
 * - An entry turns cold only by compaction, only while the store takes more bytes than its bound, and
 *   warm again by `warm` or a new op. Warm or cold, it is the same entry: listed, dead, swept, dropped
 *   and summed alike.
 * - Compaction brings the store below its bound, unless it is full of keys.
 * - The store changes by `fold`, `drop` and `clear` alone. A sweep moves entries from the list to the
 *   dead; compaction moves bytes. Neither changes an entry.
 * - At every clock a list shows the entries that `live` shows, even if the clock is behind that of an
 *   earlier sweep. It is in the order of Unicode code points, which is that of the keys' UTF-8 bytes.
 * - Entries expire in the order of `(expiresAt, origin, seq)`, so that one mark says how far the sweeps
 *   have come. No entry is swept before its time.
 * - The map sum depends on the entries alone, and not on the history behind them.
 * - An image restores to the very entries that were there when it was captured.
 * - A walk meets every entry that is there from its beginning to its end, once, as it is when its turn
 *   comes, whatever changes meanwhile.
 *
 * Keys, values and metas must be texts that UTF-8 can hold: every way into a node refuses others.
 * A store has no clock, and nothing in it waits.
 */

import type { ExpiryMark } from '../words/expiryMark.ts';
import type { Hash } from '../words/hash.ts';
import type { ColdPut, Entry, EntryHead, InLog, KeyOp, Put, PutHead } from '../words/op.ts';
import type { LevelOf, LevelPage } from './level.ts';

/** The entries that one sweep took. */
export interface Swept {
  /** In the order in which they expired. */
  readonly expired: readonly PutHead[];
  /** Every entry that had expired by this mark has been taken. */
  readonly upTo: ExpiryMark;
}

export interface ListPage<E extends PutHead = Put | ColdPut> {
  readonly entries: readonly E[];
  /** The key that the next page starts after, or null at the end. */
  readonly next: string | null;
}

export interface ListLimit {
  /** The most entries, at least 1. */
  readonly entries: number;
  /**
   * The page ends with the entry that brings its keys, values and metas to this many bytes of UTF-8, cold
   * values included; no bound if it is left out.
   */
  readonly bytes?: number;
}

/** Entries as they were when they were kept, in a few bytes each, while the store goes on. */
export interface KeptEntries {
  readonly length: number;
  /** Keeps the present entry of the key, if it has one. */
  keep(key: string): void;
  /**
   * Takes out the entry that was kept last; undefined if there is none. If its value is not in memory,
   * or there is a bound of memory, only its row is given.
   */
  pop(): KeyOp | InLog | undefined;
}

/** The bytes that a store takes, as far as entries fill them or have left them. */
export interface StoreBytes {
  /** Bytes of entries. */
  readonly entries: number;
  /** Bytes that hold no entry any more and were not given back yet. */
  readonly holes: number;
  /** Bytes of both, and of the indexes. */
  readonly used: number;
}

/** A store as it was at one moment. */
export interface StoreCapture {
  /** Its image, in frames of bytes of at most 1 MiB. A frame must be used before the next one is taken. */
  readonly frames: Iterator<Uint8Array, void, undefined>;
  /** Ends the capture, whether all frames were taken or not. */
  end(): void;
}

export interface EntryStore {
  /** The number of entries, dead ones included. */
  readonly size: number;
  /** The number of dead entries that a sweep has come to, tombstones included. */
  readonly deadSize: number;
  /** The number of cold entries. */
  readonly coldSize: number;
  readonly bytes: StoreBytes;
  /** Whether it takes more bytes than its bound: compaction has something to do. */
  readonly isOverBound: boolean;
  /**
   * Whether keys alone fill their share of the bound, so that dropping values will not do. It takes new
   * keys all the same: who folds ops of clients must refuse them.
   */
  readonly isFullOfKeys: boolean;

  /** The entry, dead or alive. */
  get(key: string): Entry | undefined;
  /** The entry without its value, dead or alive: it costs the same however long the value is. */
  head(key: string): EntryHead | undefined;
  /**
   * The entry if it is alive. Its value counts as asked for, and so stays in memory for longer.
   *
   * @param nowMs UTC milliseconds, as everywhere here.
   */
  live(key: string, nowMs: number): Put | ColdPut | undefined;

  /** Tells the keys that are looked up next, which then costs less. It changes nothing, and no key need be looked up. */
  foresee(keys: readonly string[]): void;

  /** Walks all entries, dead ones included, in no particular order. */
  entries(): IterableIterator<Entry>;
  /** Walks all entries without their values. */
  heads(): IterableIterator<EntryHead>;
  /** An empty collection, for entries to be kept as they are now. */
  keeper(): KeptEntries;

  /**
   * Live entries whose keys begin with `prefix`, in the order of code points.
   *
   * @param after the key to go on after; null starts at the first.
   */
  list(prefix: string, after: string | null, limit: ListLimit, nowMs: number): ListPage;
  /** As `list`, without the values, and so without a bound on bytes. @param limit at least 1. */
  listHeads(prefix: string, after: string | null, limit: number, nowMs: number): ListPage<PutHead>;
  /**
   * One level of the tree of live keys. It costs a step for each key and each prefix that it shows, however
   * many keys a prefix stands for.
   *
   * @param limit the most keys and prefixes together, at least 1.
   */
  listLevel(level: LevelOf, limit: number, nowMs: number): LevelPage;

  /** The map sum over the entries that live past the minute `asOf`, counted from the epoch. */
  sumAt(asOf: number): Hash;

  /**
   * Rule 1: takes the op in if it is greater than the entry. @param lsn the row of the log that holds
   * the op. @returns whether it was.
   */
  fold(op: KeyOp, lsn: number): boolean;
  /** Takes the value back into memory, if the put is still the entry, and is cold. */
  warm(put: Put): void;
  /**
   * Takes expired entries out of the list; they stay entries until they are collected.
   *
   * @param limit the most entries, at least 1.
   */
  sweep(nowMs: number, limit: number): Swept;
  /** All entries that are dead at that time, whether a sweep has come to them or not. */
  deadAt(nowMs: number): EntryHead[];
  /**
   * Dead entries for collecting to look at, at most `limit`. Those that stay come last next time, so
   * that entries which can't go yet do not hide others.
   */
  examineDead(limit: number): EntryHead[];
  /** Collects: drops the entry, dead or alive; does nothing if there is none. */
  drop(key: string): void;
  clear(): void;
  /**
   * @param listener is told the key of each entry that comes, changes or is dropped, and null where all are
   *   dropped, before the call that does so returns. That an entry expires is no change.
   */
  onChange(listener: (key: string | null) => void): void;

  /**
   * Gives bytes back that overwritten and dropped entries have left, and those of the coldest values if
   * the store takes more than its bound, a slice at a time.
   *
   * @param budgetBytes looks at no more bytes of entries than this, and one entry, where each counts for
   *   256 bytes more than it has; so the time that a slice takes has a bound.
   * @returns the part of the budget that was used; 0 if so little is left that compaction would not pay.
   */
  compactSlice(budgetBytes: number): number;

  /**
   * Captures the store as it is now; the store goes on. Until the capture is ended no other may begin.
   */
  capture(): StoreCapture;
  /**
   * Takes the entries over from an image that a store of this kind made, in place of its own; entries
   * that a sweep had come to are listed again, as in a store that was folded anew.
   *
   * @returns the targets of the frames, in order; each must be filled before the next one is taken. Until
   *   the last one was, the store is not to be used, except for `clear`.
   * @throws ForeignImageError if another kind of store made the image, or another version.
   */
  restore(): Generator<Uint8Array, void, undefined>;
}
