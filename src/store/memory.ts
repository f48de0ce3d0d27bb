/**
 * The memory that a store takes, and its bound. Keys, versions and indexes always stay; values may be
 * dropped, because the log has them.
 *
 * Invariant: while keys leave the share of the bound that is theirs to nobody else, dropping values and
 * compaction bring the store below the bound: holes take at most the rest.
 */

/** Keys, versions and indexes may fill this share of the bound; the rest is for values and holes. */
const KEYS_SHARE = 4 / 5;
/** From this share of the bound on, values are dropped even if they were asked for lately. */
const URGENT_SHARE = 17 / 16;

/** Some part of a store. */
export interface Sized {
  /** Bytes of its arrays. */
  readonly bytes: number;
}

/** The pages, as far as they count here. */
export interface PagesInMemory extends Sized {
  /** Bytes of entries. */
  readonly liveBytes: number;
  /** Those of them that may be dropped. */
  readonly droppableBytes: number;
}

export class Memory {
  /** Bytes; infinite if there is no bound. */
  readonly maxBytes: number;
  readonly #pages: PagesInMemory;
  readonly #indexes: Sized[] = [];

  constructor(maxBytes: number, pages: PagesInMemory) {
    this.maxBytes = maxBytes;
    this.#pages = pages;
  }

  /** From now on the index counts as well. */
  count(index: Sized): void {
    this.#indexes.push(index);
  }

  get isBounded(): boolean {
    return this.maxBytes !== Number.POSITIVE_INFINITY;
  }

  /** Bytes of all pages and indexes. */
  get usedBytes(): number {
    return this.#pages.bytes + this.#indexBytes;
  }

  /** Whether values are to be dropped, if there are any. */
  get isOver(): boolean {
    return this.isBounded && this.usedBytes > this.maxBytes;
  }

  /** Whether values are to be dropped however often they are asked for. */
  get isUrgent(): boolean {
    return this.isBounded && this.usedBytes > this.maxBytes * URGENT_SHARE;
  }

  /** Whether keys fill their share, so that no new key should come. */
  get isFullOfKeys(): boolean {
    // Asked for with every put of a new key: without a bound nothing need be summed up.
    if (!this.isBounded) return false;
    const { liveBytes, droppableBytes } = this.#pages;
    return liveBytes - droppableBytes + this.#indexBytes > this.maxBytes * KEYS_SHARE;
  }

  get #indexBytes(): number {
    let bytes = 0;
    for (const index of this.#indexes) bytes += index.bytes;
    return bytes;
  }
}
