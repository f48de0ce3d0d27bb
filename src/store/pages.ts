/**
 * Pages of bytes: records are appended to the page that is open, and never changed. A record that is
 * no longer an entry leaves a hole; `src/store/pagedEntries.ts` moves what is left in a page to the open
 * one, and then gives the page back.
 *
 * Invariants: an address names one record for as long as that is an entry; `live` of a page counts the
 * bytes of its entries. A page that somebody keeps is never written again, even after it was given back.
 */
import { present } from '../words/invariant.ts';
import { KIB, MIB } from '../words/size.ts';
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

  constructor(bytes: Buffer, base: number) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.base = base;
  }
}

export class Pages {
  readonly #pages: (Page | undefined)[] = [];
  /** Indexes of `#pages` that are free. */
  readonly #free: number[] = [];
  readonly #spare: Buffer[] = [];
  #open: Page | null = null;
  /** The page that is being emptied. */
  #emptying: Page | null = null;
  readonly #sizes: PageSizes;
  #liveBytes = 0;
  #bytes = 0;

  constructor(sizes: PageSizes) {
    this.#sizes = sizes;
  }

  /** Bytes of entries. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes of all pages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The page of the address. */
  at(address: number): Page {
    return present(this.#pages[Math.floor(address / PAGE_BYTES)], 'the page of an entry');
  }

  /** @returns a page with room for a record of that size, at `used`. */
  pageFor(size: number): Page {
    const { firstBytes, bytes } = this.#sizes;
    if (size > bytes * LARGE_RECORD_SHARE) return this.#newPage(Buffer.allocUnsafeSlow(size));
    const open = this.#open;
    if (open !== null && open.used + size <= open.bytes.length) return open;
    const length = Math.min(bytes, Math.max(firstBytes, this.#bytes, size));
    const spare = length === bytes ? this.#spare.pop() : undefined;
    this.#open = this.#newPage(spare ?? Buffer.allocUnsafeSlow(length));
    if (open?.live === 0) this.#giveBack(open);
    return this.#open;
  }

  /** A record was written to the page, at `used`. @returns its address. */
  took(page: Page, size: number): number {
    const address = page.base + page.used;
    page.used += size;
    page.live += size;
    this.#liveBytes += size;
    return address;
  }

  /** The record is no longer an entry. */
  release(page: Page, size: number): void {
    page.live -= size;
    this.#liveBytes -= size;
    if (page.live === 0 && page !== this.#open && page !== this.#emptying) this.#giveBack(page);
  }

  /**
   * The page that is to be emptied, the same one until it is `emptied`; null if holes are too few. Bytes
   * that were never used at the end of a page count as holes.
   */
  toEmpty(): Page | null {
    if (this.#emptying !== null) return this.#emptying;
    const openBytes = this.#open?.bytes.length ?? 0;
    const holes = this.#bytes - this.#liveBytes - openBytes;
    if (holes < this.#bytes * HOLES_SHARE || holes < this.#sizes.firstBytes) return null;
    let [chosen, most] = [null as Page | null, 0];
    for (const page of this.#pages) {
      if (page === undefined || page === this.#open) continue;
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
    this.#open = null;
    this.#emptying = null;
    this.#liveBytes = 0;
    this.#bytes = 0;
  }

  #newPage(bytes: Buffer): Page {
    const index = this.#free.pop() ?? this.#pages.length;
    const page = new Page(bytes, index * PAGE_BYTES);
    this.#pages[index] = page;
    this.#bytes += bytes.length;
    return page;
  }

  #giveBack(page: Page): void {
    const index = page.base / PAGE_BYTES;
    this.#pages[index] = undefined;
    this.#free.push(index);
    this.#bytes -= page.bytes.length;
    const isUsable = page.bytes.length === this.#sizes.bytes && !page.isKept;
    if (isUsable && this.#spare.length < MAX_SPARE_PAGES) this.#spare.push(page.bytes);
  }
}
