/** Entries as they were when they were kept: their places in pages that are never written again. */
import { at, present } from '../words/invariant.ts';
import type { KeyOp } from '../words/op.ts';
import type { KeptEntries } from './entryStore.ts';
import type { Origins } from './origins.ts';
import { PAGE_BYTES, type Page } from './pages.ts';
import { RecordReader } from './record.ts';

export interface Place {
  readonly page: Page;
  /** The place of the entry in the page. */
  readonly from: number;
}

const CHUNK_PLACES = 4096;

export class KeptRecords implements KeptEntries {
  length = 0;
  readonly #origins: Origins;
  readonly #placeOf: (key: string) => Place | null;
  readonly #pages: Page[] = [];
  readonly #pageNumbers = new Map<Page, number>();
  /** The origins of the kept entries: the store may forget them. */
  readonly #names = new Map<number, string>();
  readonly #reader = new RecordReader({
    nameOf: (id) => present(this.#names.get(id), 'the origin of a kept entry'),
  });
  /** Each a number of a page and a place in it. */
  readonly #chunks: Float64Array[] = [];

  /** @param placeOf the place of the present entry of a key; null if there is none. */
  constructor(origins: Origins, placeOf: (key: string) => Place | null) {
    this.#origins = origins;
    this.#placeOf = placeOf;
  }

  keep(key: string): void {
    const place = this.#placeOf(key);
    if (place === null) return;
    const { page, from } = place;
    this.#reader.read(page, from);
    const { originId } = this.#reader;
    if (!this.#names.has(originId)) this.#names.set(originId, this.#origins.nameOf(originId));
    const chunk = Math.floor(this.length / CHUNK_PLACES);
    if (chunk === this.#chunks.length) this.#chunks.push(new Float64Array(CHUNK_PLACES));
    const places = at(this.#chunks, chunk);
    places[this.length++ % CHUNK_PLACES] = this.#numberOf(page) * PAGE_BYTES + from;
  }

  pop(): KeyOp | undefined {
    if (this.length === 0) return undefined;
    this.length--;
    const chunk = Math.floor(this.length / CHUNK_PLACES);
    const place = at(at(this.#chunks, chunk), this.length % CHUNK_PLACES);
    this.#chunks.length = chunk + 1;
    this.#reader.read(at(this.#pages, Math.floor(place / PAGE_BYTES)), place % PAGE_BYTES);
    return this.#reader.op();
  }

  #numberOf(page: Page): number {
    const known = this.#pageNumbers.get(page);
    if (known !== undefined) return known;
    page.isKept = true;
    this.#pageNumbers.set(page, this.#pages.length);
    return this.#pages.push(page) - 1;
  }
}
