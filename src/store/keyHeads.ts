/**
 * The first bytes of keys, side by side, for a search among the blocks of a list (`slotOrder.ts`). Without them each step
 * of it waits for memory three times: for a block, an address and an entry. Among ten million keys it has fifteen steps
 * (docs/performance.md).
 */
import { type SoughtKey, viewOf } from './soughtKey.ts';

/** Of each key. */
const HEAD_BYTES = 31;
/** A head, and before it the number of its bytes; one more than there are if the key is longer. */
const CELL_BYTES = 1 + HEAD_BYTES;
const LONGER = HEAD_BYTES + 1;
const FIRST_CELLS = 16;

/** The bytes of a key. */
export interface KeyBytes {
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
}

export class KeyHeads {
  readonly #sought: SoughtKey;
  readonly #keyOf: (slot: number) => KeyBytes;
  #cells = Buffer.allocUnsafeSlow(FIRST_CELLS * CELL_BYTES);
  #view = viewOf(this.#cells);
  #length = 0;

  /** @param sought what `compare` compares with. @param keyOf the key of a slot, until it is called again. */
  constructor(sought: SoughtKey, keyOf: (slot: number) => KeyBytes) {
    this.#sought = sought;
    this.#keyOf = keyOf;
  }

  get bytes(): number {
    return this.#cells.length;
  }

  /** @returns negative if the sought key comes before that of this index, positive if after, 0 if its head does not tell. */
  compare(index: number): number {
    const at = index * CELL_BYTES;
    const length = this.#view.getUint8(at);
    const sought = this.#sought;
    const shorter = Math.min(sought.length, length, HEAD_BYTES);
    const order = sought.compareStart(this.#view, at + 1, shorter);
    if (order !== 0) return order;
    return Math.min(sought.length, LONGER) - length;
  }

  /** The key of the slot gets this index; those from there on, the next one. */
  insert(index: number, slot: number): void {
    if ((this.#length + 1) * CELL_BYTES > this.#cells.length) this.#grow();
    const at = index * CELL_BYTES;
    this.#cells.copyWithin(at + CELL_BYTES, at, this.#length * CELL_BYTES);
    this.#length++;
    this.set(index, slot);
  }

  /** The key of the slot takes the place of the one of this index. */
  set(index: number, slot: number): void {
    const { view, at: keyAt, length } = this.#keyOf(slot);
    const at = index * CELL_BYTES;
    this.#view.setUint8(at, Math.min(length, LONGER));
    const count = Math.min(length, HEAD_BYTES);
    for (let byte = 0; byte < count; byte++)
      this.#view.setUint8(at + 1 + byte, view.getUint8(keyAt + byte));
  }

  /** Those behind this index get the one before their own. */
  remove(index: number): void {
    const at = index * CELL_BYTES;
    this.#cells.copyWithin(at, at + CELL_BYTES, this.#length * CELL_BYTES);
    this.#length--;
  }

  clear(): void {
    this.#cells = Buffer.allocUnsafeSlow(FIRST_CELLS * CELL_BYTES);
    this.#view = viewOf(this.#cells);
    this.#length = 0;
  }

  #grow(): void {
    const cells = Buffer.allocUnsafeSlow(2 * this.#cells.length);
    this.#cells.copy(cells, 0, 0, this.#length * CELL_BYTES);
    this.#cells = cells;
    this.#view = viewOf(cells);
  }
}
