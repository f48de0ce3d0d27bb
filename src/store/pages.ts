/**
 * Pages of bytes: records are appended to the page that is open, and never changed. A record that is
 * no longer an entry leaves a hole; `src/store/pagedEntries.ts` moves what is left in a page to the open
 * one, and then gives the page back.
 *
 * Records with a value that may be dropped have pages of their own, in the order in which those were
 * opened. So the oldest of them is where coldness is looked for (`src/store/records.ts`), and dropping
 * its values empties it.
 *
 * Invariants: an address names one record for as long as that is an entry; `live` of a page counts the
 * bytes of its entries. A page that somebody keeps is never written again, even after it was given back.
 */
import { present } from '../words/invariant.ts';
import { KIB, MIB } from '../words/size.ts';
import { Captures } from './captures.ts';
import { viewOf } from './soughtKey.ts';

/** Addresses count in pages of this size. A longer record has a page of its own. */
export const PAGE_BYTES = MIB;
/** Empty pages that are used again; more are given back. */
const MAX_SPARE_PAGES = 4;
/** Holes are worth a compaction from this share of all bytes on. */
const HOLES_SHARE = 1 / 5;
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

export class Pages {
  readonly #captures: Captures;
  readonly #pages: (Page | undefined)[] = [];
  /** Indexes of `#pages` that are free. */
  readonly #free: number[] = [];
  readonly #spare: Buffer[] = [];
  /** The pages that are written to: one for records with droppable values, one for the others. */
  #openValues: Page | null = null;
  #openRest: Page | null = null;
  /** Pages with droppable values, the oldest first: a set keeps its order. */
  readonly #values = new Set<Page>();
  /** The page that is being emptied. */
  #emptying: Page | null = null;
  readonly #sizes: PageSizes;
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
   * @param hasValue whether the record has a value that may be dropped. @returns a page with room for a
   * record of that size, at `used`.
   */
  pageFor(size: number, hasValue: boolean): Page {
    const { firstBytes, bytes } = this.#sizes;
    if (size > bytes * LARGE_RECORD_SHARE)
      return this.#newPage(Buffer.allocUnsafeSlow(size), hasValue);
    const open = hasValue ? this.#openValues : this.#openRest;
    if (open !== null && open.used + size <= open.bytes.length) return open;
    const length = Math.min(bytes, Math.max(firstBytes, this.#bytes, size));
    const spare = length === bytes ? this.#spare.pop() : undefined;
    const page = this.#newPage(spare ?? Buffer.allocUnsafeSlow(length), hasValue);
    if (hasValue) this.#openValues = page;
    else this.#openRest = page;
    if (open?.live === 0) this.#giveBack(open);
    return page;
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

  /** The record is no longer an entry. */
  release(page: Page, size: number, droppableBytes: number): void {
    page.live -= size;
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
      if (page === this.#openValues) this.#openValues = null;
      this.#emptying = page;
      return page;
    }
    return null;
  }

  /**
   * The page that is to be emptied, the same one until it is `emptied`; null if holes are too few. Bytes
   * that were never used at the end of a page count as holes.
   */
  toEmpty(): Page | null {
    if (this.#emptying !== null) return this.#emptying;
    const openBytes = (this.#openValues?.bytes.length ?? 0) + (this.#openRest?.bytes.length ?? 0);
    const holes = this.#bytes - this.#liveBytes - openBytes;
    if (holes < this.#bytes * HOLES_SHARE || holes < this.#sizes.firstBytes) return null;
    let [chosen, most] = [null as Page | null, 0];
    for (const page of this.#pages) {
      if (page === undefined || this.#isOpen(page)) continue;
      const share = 1 - page.live / page.bytes.length;
      if (share <= most) continue;
      [chosen, most] = [page, share];
    }
    this.#emptying = chosen;
    return chosen;
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
    this.#openValues = null;
    this.#openRest = null;
    this.#values.clear();
    this.#emptying = null;
    this.#liveBytes = 0;
    this.#droppableBytes = 0;
    this.#bytes = 0;
  }

  /** Only while a capture is under way: records are not changed, and pages not used again meanwhile. */
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
    return page === this.#openValues || page === this.#openRest;
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
    const isRead = page.isKept || this.#captures.underWay !== 0;
    const isUsable = page.bytes.length === this.#sizes.bytes && !isRead;
    if (isUsable && this.#spare.length < MAX_SPARE_PAGES) this.#spare.push(page.bytes);
  }
}
