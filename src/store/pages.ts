/**
 * Pages of bytes: records are appended to a page that is open, and written over only by one of the same key that fits
 * there (`src/store/records.ts`). Any other that is no longer an entry leaves a hole; what is left in a page is
 * moved to an open one, and then the page is given back. Records that were moved stay longer than new ones, so they have
 * an open page of their own: its holes come late, and those of the others soon make a page empty without a move.
 *
 * Records with a value that may be dropped have pages of their own, in the order in which those were
 * opened. So the oldest of them is where coldness is looked for (`src/store/records.ts`), and dropping
 * its values empties it.
 *
 * Invariants: an address names one record for as long as that is an entry; `live` of a page counts the
 * bytes of its entries. Records of a page that somebody keeps, or of any while a capture is under way, are never written
 * over, even after the page was given back.
 */
import { present } from '../words/invariant.ts';
import { KIB, MIB } from '../words/size.ts';
import { Captures } from './captures.ts';
import { pageToEmpty } from './pageToEmpty.ts';
import { viewOf } from './soughtKey.ts';

/** Addresses count in pages of this size. A longer record has a page of its own. */
export const PAGE_BYTES = MIB;
/** Empty pages that are used again; more are given back. */
const MAX_SPARE_PAGES = 4;
/** Holes are worth a compaction from this share of all bytes on. */
const HOLES_SHARE = 1 / 5;
/** Pages from which on moved records have an open page of their own: in a smaller store it would stand for too much. */
const LEAST_PAGES_APART = 16;
/** A record of more than this part of a page gets a page of its own, so that no page ends half empty. */
const LARGE_RECORD_SHARE = 1 / 8;

export interface PageSizes {
  /** Pages grow with the store, from this size on. */
  readonly firstBytes: number;
  /** At most `PAGE_BYTES`. */
  readonly bytes: number;
}

export const PAGE_SIZES: PageSizes = { firstBytes: 64 * KIB, bytes: PAGE_BYTES };

export class Page {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** The address of its first byte. */
  readonly base: number;
  /** Bytes of records, holes among them. */
  used = 0;
  /** Bytes of records that are entries. */
  live = 0;
  /** Bytes that had been released in all pages when a record was last released here. */
  releasedAt = 0;
  /** Whether somebody reads records here that may no longer be entries. */
  isKept = false;
  /** Whether its records have values that may be dropped. */
  readonly hasValues: boolean;

  constructor(bytes: Buffer, base: number, hasValues: boolean) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.base = base;
    this.hasValues = hasValues;
  }
}

/** A page as it was at one moment. */
export interface PageImage {
  readonly base: number;
  readonly hasValues: boolean;
  /** Bytes of records that were entries. */
  readonly live: number;
  /** Its records, holes among them. */
  readonly bytes: Buffer;
}

/** New records with droppable values, those that were moved, and all others. */
type Kind = 'values' | 'movedValues' | 'rest';
const KINDS: readonly Kind[] = ['values', 'movedValues', 'rest'];

export class Pages {
  readonly #captures: Captures;
  readonly #pages: (Page | undefined)[] = [];
  /** Indexes of `#pages` that are free. */
  readonly #free: number[] = [];
  readonly #spare: Buffer[] = [];
  /** The pages that are written to, each for its kind of records. */
  readonly #open: Record<Kind, Page | null> = { values: null, movedValues: null, rest: null };
  /** Pages with droppable values, the oldest first: a set keeps its order. */
  readonly #values = new Set<Page>();
  /** The page that is being emptied. */
  #emptying: Page | null = null;
  readonly #sizes: PageSizes;
  #releasedBytes = 0;
  #liveBytes = 0;
  #droppableBytes = 0;
  #bytes = 0;

  constructor(sizes: PageSizes, captures = new Captures()) {
    this.#sizes = sizes;
    this.#captures = captures;
  }

  /** Bytes of entries. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes of values that may be dropped. */
  get droppableBytes(): number {
    return this.#droppableBytes;
  }

  /** Bytes of all pages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The page of the address. */
  at(address: number): Page {
    return present(this.#pages[Math.floor(address / PAGE_BYTES)], 'the page of an entry');
  }

  /**
   * @param hasValue whether the record has a value that may be dropped.
   * @param isMoved whether it was in a page before. @returns a page with room for a record of that size, at `used`.
   */
  pageFor(size: number, hasValue: boolean, isMoved = false): Page {
    const { firstBytes, bytes } = this.#sizes;
    if (size > bytes * LARGE_RECORD_SHARE)
      return this.#newPage(Buffer.allocUnsafeSlow(size), hasValue);
    const isApart = isMoved && this.#bytes >= LEAST_PAGES_APART * bytes;
    const kind: Kind = !hasValue ? 'rest' : isApart ? 'movedValues' : 'values';
    const open = this.#open[kind];
    if (open !== null && open.used + size <= open.bytes.length) return open;
    const length = Math.min(bytes, Math.max(firstBytes, this.#bytes, size));
    const spare = length === bytes ? this.#spare.pop() : undefined;
    const page = this.#newPage(spare ?? Buffer.allocUnsafeSlow(length), hasValue);
    this.#open[kind] = page;
    if (open?.live === 0) this.#giveBack(open);
    return page;
  }

  /** Whether the bytes of the page's records may change: nobody reads them as they were. */
  isWritable(page: Page): boolean {
    return !page.isKept && this.#captures.underWay === 0;
  }

  /** A record was written to the page, at `used`. @returns its address. */
  took(page: Page, size: number, droppableBytes: number): number {
    const address = page.base + page.used;
    page.used += size;
    page.live += size;
    this.#liveBytes += size;
    this.#droppableBytes += droppableBytes;
    return address;
  }

  /** A record was written over another. @param droppableBytes how many more of them it has. */
  wroteOver(droppableBytes: number): void {
    this.#droppableBytes += droppableBytes;
  }

  /** The record is no longer an entry. */
  release(page: Page, size: number, droppableBytes: number): void {
    page.live -= size;
    this.#releasedBytes += size;
    page.releasedAt = this.#releasedBytes;
    this.#liveBytes -= size;
    this.#droppableBytes -= droppableBytes;
    if (page.live === 0 && !this.#isOpen(page) && page !== this.#emptying) this.#giveBack(page);
  }

  /**
   * The oldest page with droppable values, which is to be emptied next; null if there is none. While
   * another page is being emptied, it is that one.
   */
  oldestToEmpty(): Page | null {
    if (this.#emptying !== null) return this.#emptying;
    for (const page of this.#values) {
      for (const kind of KINDS) if (page === this.#open[kind]) this.#open[kind] = null;
      this.#emptying = page;
      return page;
    }
    return null;
  }

  /**
   * The page that is to be emptied, the same one until it is `emptied`; null if holes are too few. Bytes
   * that were never used at the end of a page count as holes, unless it is open.
   */
  toEmpty(): Page | null {
    if (this.#emptying !== null) return this.#emptying;
    let holes = this.#bytes - this.#liveBytes;
    for (const kind of KINDS) {
      const open = this.#open[kind];
      if (open !== null) holes -= open.bytes.length - open.used;
    }
    if (holes < this.#bytes * HOLES_SHARE || holes < this.#sizes.firstBytes) return null;
    const closed: Page[] = [];
    for (const page of this.#pages)
      if (page !== undefined && !this.#isOpen(page)) closed.push(page);
    this.#emptying = pageToEmpty(closed, this.#releasedBytes);
    return this.#emptying;
  }

  /** The page of `toEmpty` holds no entry any more. */
  emptied(): void {
    const page = this.#emptying;
    this.#emptying = null;
    if (page !== null && page.live === 0) this.#giveBack(page);
  }

  clear(): void {
    this.#pages.length = 0;
    this.#free.length = 0;
    this.#spare.length = 0;
    for (const kind of KINDS) this.#open[kind] = null;
    this.#values.clear();
    this.#emptying = null;
    this.#liveBytes = 0;
    this.#droppableBytes = 0;
    this.#bytes = 0;
  }

  /** Only while a capture is under way: records are not written over, and pages not used again meanwhile. */
  image(): PageImage[] {
    const images: PageImage[] = [];
    for (const page of this.#pages)
      if (page !== undefined && page.live > 0)
        images.push({
          base: page.base,
          hasValues: page.hasValues,
          live: page.live,
          bytes: page.bytes.subarray(0, page.used),
        });
    return images;
  }

  /** Takes the bytes of the image over. */
  restore(images: readonly PageImage[], droppableBytes: number): void {
    this.clear();
    this.#droppableBytes = droppableBytes;
    for (const { base, hasValues, live, bytes } of images) {
      const page = new Page(bytes, base, hasValues);
      if (hasValues) this.#values.add(page);
      page.used = bytes.length;
      page.live = live;
      this.#pages[base / PAGE_BYTES] = page;
      this.#bytes += bytes.length;
      this.#liveBytes += live;
    }
    for (let index = 0; index < this.#pages.length; index++)
      if (this.#pages[index] === undefined) this.#free.push(index);
  }

  #isOpen(page: Page): boolean {
    const { values, movedValues, rest } = this.#open;
    return page === values || page === movedValues || page === rest;
  }

  #newPage(bytes: Buffer, hasValues: boolean): Page {
    const index = this.#free.pop() ?? this.#pages.length;
    const page = new Page(bytes, index * PAGE_BYTES, hasValues);
    this.#pages[index] = page;
    if (hasValues) this.#values.add(page);
    this.#bytes += bytes.length;
    return page;
  }

  #giveBack(page: Page): void {
    const index = page.base / PAGE_BYTES;
    this.#pages[index] = undefined;
    this.#values.delete(page);
    this.#free.push(index);
    this.#bytes -= page.bytes.length;
    const isUsable = page.bytes.length === this.#sizes.bytes && this.isWritable(page);
    if (isUsable && this.#spare.length < MAX_SPARE_PAGES) this.#spare.push(page.bytes);
  }
}
