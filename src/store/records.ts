/**
 * The entries as bytes, each by its slot.
 *
 * Invariant: the address of a used slot is that of its entry, and the entry holds the number of the slot.
 * So compaction moves entries without anybody's knowledge.
 *
 * Above the bound of memory, compaction empties the oldest page with droppable values, and moves its
 * entries without them. An entry that was asked for since it was last moved is moved whole once more.
 * That is the CLOCK algorithm (Corbató, "A paging experiment with the Multics system", 1968), whose hand
 * goes from page to page.
 */
import type { KeyOp, Put } from '../words/op.ts';
import { Captures } from './captures.ts';
import type { KeptEntries, StoreBytes } from './entryStore.ts';
import { KeptRecords } from './keptRecords.ts';
import { KeptRows } from './keptRows.ts';
import type { KeyBytes } from './keyHeads.ts';
import { Memory } from './memory.ts';
import { Origins } from './origins.ts';
import { type Page, type PageSizes, Pages } from './pages.ts';
import { MOST_PADDING_BYTES, markCold, RecordReader, RecordWriter } from './record.ts';
import { REFERENCED, Slots, USED } from './slots.ts';
import type { SoughtExpiry } from './soughtExpiry.ts';
import type { SoughtKey } from './soughtKey.ts';
import { ForeignImageError, type StoreImage } from './storeImage.ts';

/** Looking at an entry takes as long as copying this many bytes. */
const ENTRY_COST_BYTES = 256;

export type RecordsImage = Pick<
  StoreImage,
  'origins' | 'pages' | 'slots' | 'droppableBytes' | 'coldSize'
>;

export interface RecordsOptions {
  readonly sizes: PageSizes;
  /** As for `PagedEntries`; Infinity, the default: no bound. */
  readonly maxBytes?: number;
  readonly captures?: Captures;
}

export class Records {
  readonly slots: Slots;
  readonly memory: Memory;
  /** Entries whose values are only in the log. */
  coldSize = 0;
  readonly #origins = new Origins();
  /** The entry that is looked at. */
  readonly entry = new RecordReader(this.#origins);
  /** The entry that is compared with what is sought. */
  readonly #other = new RecordReader(this.#origins);
  readonly #writer = new RecordWriter();
  readonly #pages: Pages;
  /** The place of the next entry in the page that is being emptied. */
  #emptiedTo = 0;

  constructor({
    sizes,
    maxBytes = Number.POSITIVE_INFINITY,
    captures = new Captures(),
  }: RecordsOptions) {
    this.slots = new Slots(captures);
    this.#pages = new Pages(sizes, captures);
    this.memory = new Memory(maxBytes, this.#pages);
    this.memory.count(this.slots);
  }

  get bytes(): StoreBytes {
    const { bytes, liveBytes } = this.#pages;
    return { entries: liveBytes, holes: bytes - liveBytes, used: this.memory.usedBytes };
  }

  look(slot: number): void {
    const address = this.slots.addressOf(slot);
    const page = this.#pages.at(address);
    this.entry.read(page, address - page.base);
  }

  /** The first byte of the entry there. */
  byteAt(address: number): number {
    const page = this.#pages.at(address);
    return page.view.getUint8(address - page.base);
  }

  /** The slots of all entries, also while entries come and go. */
  *usedSlots(): Generator<number, void, undefined> {
    for (let slot = 0; slot < this.slots.end; slot++) if (this.slots.is(slot, USED)) yield slot;
  }

  /** @param slotOf the slot of a key; -1 if it has no entry. */
  keeper(slotOf: (key: string) => number): KeptEntries {
    if (this.memory.isBounded)
      return new KeptRows((key) => {
        const slot = slotOf(key);
        if (slot < 0) return null;
        this.look(slot);
        return this.entry.lsn;
      });
    return new KeptRecords(this.#origins, (key) => {
      const slot = slotOf(key);
      if (slot < 0) return null;
      const address = this.slots.addressOf(slot);
      const page = this.#pages.at(address);
      return { page, from: address - page.base };
    });
  }

  /** @returns negative if the sought key comes before that of the slot, positive if after. */
  compareKey(sought: SoughtKey, slot: number): number {
    this.#readKeyOf(slot);
    return this.#other.compareKey(sought);
  }

  /** Until another key is looked at. */
  keyOf(slot: number): KeyBytes {
    this.#readKeyOf(slot);
    return this.#other.keyBytes;
  }

  compareExpiry(sought: SoughtExpiry, slot: number): number {
    this.#readKeyOf(slot);
    const order = sought.expiresAt - (this.#other.expiresAt ?? 0);
    if (order !== 0) return order;
    this.#other.readBack();
    return sought.compareId(this.#other, slot);
  }

  /** The op of that row of the log becomes the entry of the slot. @param key that of the op. */
  write(op: KeyOp, lsn: number, slot: number, key: SoughtKey): void {
    this.#append(op, this.#begin(op, lsn, slot, key), slot);
  }

  /**
   * As `write`, in place of the entry that is looked at, of this slot: where that lies, if the new one fits and nobody
   * reads the old one as it was. Overwriting leaves no hole then.
   */
  replace(op: KeyOp, lsn: number, slot: number, key: SoughtKey): void {
    const size = this.#begin(op, lsn, slot, key);
    const { droppableBytes } = this.#writer;
    const { entry } = this;
    const address = this.slots.addressOf(slot);
    const page = this.#pages.at(address);
    const spareBytes = entry.size - size;
    const fits = !entry.isCold && spareBytes >= 0 && spareBytes <= MOST_PADDING_BYTES;
    const isOfPage = droppableBytes > 0 === entry.droppableBytes > 0;
    if (!fits || !isOfPage || !this.#pages.isWritable(page)) {
      this.release(slot);
      this.#append(op, size, slot);
      return;
    }
    this.#origins.release(entry.originId);
    this.#pages.wroteOver(droppableBytes - entry.droppableBytes);
    this.#writer.pad(spareBytes);
    this.#writer.end(page, address - page.base, op);
    if (this.memory.isBounded) this.slots.set(slot, REFERENCED);
  }

  /** The cold entry that is looked at, of this slot, gets its value back. @param key that of the put. */
  warm(put: Put, slot: number, key: SoughtKey): void {
    const { lsn } = this.entry;
    this.release(slot);
    this.write(put, lsn, slot, key);
  }

  /** The entry that is looked at, of this slot, is one no more. */
  release(slot: number): void {
    const { originId, size, droppableBytes, isCold } = this.entry;
    this.#origins.release(originId);
    this.#pages.release(this.#pages.at(this.slots.addressOf(slot)), size, droppableBytes);
    if (isCold) this.coldSize--;
  }

  clear(): void {
    this.#pages.clear();
    this.slots.clear();
    this.#origins.clear();
    this.#emptiedTo = 0;
    this.coldSize = 0;
  }

  image(): RecordsImage {
    return {
      origins: this.#origins.image(),
      pages: this.#pages.image(),
      slots: this.slots.image(),
      droppableBytes: this.#pages.droppableBytes,
      coldSize: this.coldSize,
    };
  }

  /** @throws ForeignImageError if values are only in the log, and this store keeps all of them. */
  restore({ origins, pages, slots, droppableBytes, coldSize }: RecordsImage): void {
    if (coldSize > 0 && !this.memory.isBounded)
      throw new ForeignImageError('it lacks values, and this node has no --max-memory any more');
    this.clear();
    this.#origins.restore(origins);
    this.#pages.restore(pages, droppableBytes);
    this.slots.restore(slots);
    this.coldSize = coldSize;
  }

  /** As `EntryStore.compactSlice`. */
  compactSlice(budgetBytes: number): number {
    let used = 0;
    while (used < budgetBytes) {
      const page = this.#toEmpty();
      if (page === null) break;
      if (this.#emptiedTo >= page.used || page.live === 0) {
        this.#emptiedTo = 0;
        this.#pages.emptied();
        continue;
      }
      this.entry.read(page, this.#emptiedTo);
      const { size, slot } = this.entry;
      if (this.#isAt(slot, page.base + this.#emptiedTo)) this.#move(page, this.#emptiedTo);
      this.#emptiedTo += size;
      used += size + ENTRY_COST_BYTES;
    }
    return used;
  }

  /** @returns the size of the record that `#append` writes. */
  #begin(op: KeyOp, lsn: number, slot: number, key: SoughtKey): number {
    return this.#writer.begin(op, lsn, slot, this.#origins.retain(op.origin), key);
  }

  #append(op: KeyOp, size: number, slot: number): void {
    const { droppableBytes } = this.#writer;
    const page = this.#pages.pageFor(size, droppableBytes > 0);
    this.#writer.end(page, page.used, op);
    this.slots.move(slot, this.#pages.took(page, size, droppableBytes));
  }

  #readKeyOf(slot: number): void {
    const address = this.slots.addressOf(slot);
    const page = this.#pages.at(address);
    this.#other.readKey(page, address - page.base);
  }

  #isAt(slot: number, address: number): boolean {
    return this.slots.is(slot, USED) && this.slots.addressOf(slot) === address;
  }

  /** Holes first: nobody has to read them again. */
  #toEmpty(): Page | null {
    const page = this.#pages.toEmpty();
    return page === null && this.memory.isOver ? this.#pages.oldestToEmpty() : page;
  }

  /** Moves the entry that is looked at to an open page. */
  #move(from: Page, at: number): void {
    const { slot, size, headSize, droppableBytes } = this.entry;
    const isDropped = droppableBytes > 0 && this.#isDropped(slot);
    const movedSize = isDropped ? headSize : size;
    const keptBytes = isDropped ? 0 : droppableBytes;
    const to = this.#pages.pageFor(movedSize, keptBytes > 0, true);
    from.bytes.copy(to.bytes, to.used, at, at + movedSize);
    if (isDropped) {
      markCold(to, to.used);
      this.coldSize++;
    }
    this.slots.move(slot, this.#pages.took(to, movedSize, keptBytes));
    this.#pages.release(from, size, droppableBytes);
  }

  /** Whether the value of the slot's entry is to be dropped now. */
  #isDropped(slot: number): boolean {
    if (!this.memory.isOver) return false;
    const wasAskedFor = this.slots.is(slot, REFERENCED);
    this.slots.unset(slot, REFERENCED);
    return !wasAskedFor || this.memory.isUrgent;
  }
}
