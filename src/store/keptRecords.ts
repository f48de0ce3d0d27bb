/** Entries as they were when they were kept: their places in pages whose records are not written over from then on. */
import { at, present } from '../words/invariant.ts';
import type { Entry } from '../words/op.ts';
import type { KeptEntries } from './entryStore.ts';
import { NumberStack } from './numberStack.ts';
import type { Origins } from './origins.ts';
import { PAGE_BYTES, type Page } from './pages.ts';
import { RecordReader } from './record.ts';

export interface Place {
  readonly page: Page;
  /** The place of the entry in the page. */
  readonly from: number;
}

export class KeptRecords implements KeptEntries {
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
  readonly #places = new NumberStack();

  /** @param placeOf the place of the present entry of a key; null if there is none. */
  constructor(origins: Origins, placeOf: (key: string) => Place | null) {
    this.#origins = origins;
    this.#placeOf = placeOf;
  }

  get length(): number {
    return this.#places.length;
  }

  keep(key: string): void {
    const place = this.#placeOf(key);
    if (place === null) return;
    const { page, from } = place;
    this.#reader.read(page, from);
    const { originId } = this.#reader;
    if (!this.#names.has(originId)) this.#names.set(originId, this.#origins.nameOf(originId));
    this.#places.push(this.#numberOf(page) * PAGE_BYTES + from);
  }

  pop(): Entry | undefined {
    const place = this.#places.pop();
    if (place === undefined) return undefined;
    this.#reader.read(at(this.#pages, Math.floor(place / PAGE_BYTES)), place % PAGE_BYTES);
    return this.#reader.entry();
  }

  #numberOf(page: Page): number {
    const known = this.#pageNumbers.get(page);
    if (known !== undefined) return known;
    page.isKept = true;
    this.#pageNumbers.set(page, this.#pages.length);
    return this.#pages.push(page) - 1;
  }
}
