/**
 * Slots in an order: sorted blocks of slots, split when they are full and joined when they are nearly
 * empty. To find a place, the blocks are searched by their first slots, and then the block.
 */
import { present } from '../words/invariant.ts';
import { Captures } from './captures.ts';

const BLOCK_SLOTS = 512;
const JOINED_SLOTS = BLOCK_SLOTS / 2;
const NONE = -1;

interface Block {
  slots: Uint32Array;
  length: number;
  /** The capture during which `slots` was made. */
  since: number;
}

/** Facts about the first slot of each block, so that a search need not look at its entry. */
export interface Firsts {
  readonly bytes: number;
  /** As `compareSought` of the first slot of that block; 0 where it can't tell. */
  compare(block: number): number;
  insert(block: number, slot: number): void;
  set(block: number, slot: number): void;
  remove(block: number): void;
  clear(): void;
}

/** The slots of each block, as they were at one moment. */
export type OrderImage = readonly Uint32Array[];

export class SlotOrder {
  readonly #captures: Captures;
  readonly #blocks: Block[] = [];
  readonly #compareSought: (slot: number) => number;
  readonly #firsts: Firsts | null;

  /**
   * @param compareSought compares that which is sought with the slot: negative if it comes before,
   *   positive if after, 0 only for the slot itself.
   * @param firsts empty; null, the default, if the order is to look at entries alone.
   */
  constructor(
    compareSought: (slot: number) => number,
    captures = new Captures(),
    firsts: Firsts | null = null,
  ) {
    this.#compareSought = compareSought;
    this.#captures = captures;
    this.#firsts = firsts;
  }

  get bytes(): number {
    const slots = this.#blocks.length * BLOCK_SLOTS * Uint32Array.BYTES_PER_ELEMENT;
    return slots + (this.#firsts?.bytes ?? 0);
  }

  /** The first slot; -1 if there is none. */
  get first(): number {
    return this.#blocks[0]?.slots[0] ?? NONE;
  }

  /** Adds the slot at the sought place. It must not be there yet. */
  add(slot: number): void {
    const index = this.#blockOfSought();
    const block = this.#blocks[index] ?? this.#newBlock();
    if (this.#blocks.length === 0) {
      this.#blocks.push(block);
      this.#firsts?.insert(0, slot);
    }
    const place = this.#placeIn(block, index >= this.#blocks.length - 1);
    if (place === 0) this.#firsts?.set(index, slot);
    this.#beforeChange(block);
    if (block.length < BLOCK_SLOTS) {
      insertAt(block, place, slot);
      return;
    }
    const next = this.#newBlock();
    this.#blocks.splice(index + 1, 0, next);
    // Slots that come in order fill their blocks.
    const kept =
      place === BLOCK_SLOTS && index + 2 === this.#blocks.length ? BLOCK_SLOTS : JOINED_SLOTS;
    next.slots.set(block.slots.subarray(kept));
    next.length = BLOCK_SLOTS - kept;
    block.length = kept;
    if (place > kept || kept === BLOCK_SLOTS) insertAt(next, place - kept, slot);
    else insertAt(block, place, slot);
    this.#firsts?.insert(index + 1, next.slots[0] ?? NONE);
  }

  /** Removes the sought slot, if it is there. */
  remove(slot: number): void {
    const index = this.#blockOfSought();
    const block = this.#blocks[index];
    if (block === undefined) return;
    const place = this.#placeIn(block, false);
    if (place < block.length && block.slots[place] === slot) this.#removeAt(index, block, place);
  }

  removeFirst(): void {
    const block = this.#blocks[0];
    if (block !== undefined) this.#removeAt(0, block, 0);
  }

  /** All slots. Nothing may be added or removed meanwhile. */
  *all(): Generator<number, void, undefined> {
    for (const { slots, length } of this.#blocks)
      for (let place = 0; place < length; place++) yield slots[place] ?? NONE;
  }

  /** The slots from the sought place on. Nothing may be added or removed meanwhile. */
  *fromSought(): Generator<number, void, undefined> {
    let index = this.#blockOfSought();
    let block = this.#blocks[index];
    let place = block === undefined ? 0 : this.#placeIn(block, false);
    while (block !== undefined) {
      for (; place < block.length; place++) yield block.slots[place] ?? NONE;
      block = this.#blocks[++index];
      place = 0;
    }
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#firsts?.clear();
  }

  /** Only while a capture is under way. */
  image(): OrderImage {
    return this.#blocks.map(({ slots, length }) => slots.subarray(0, length));
  }

  /** The entries of the slots must be there. */
  restore(image: OrderImage): void {
    this.clear();
    for (const slots of image) {
      const block = this.#newBlock();
      block.slots.set(slots);
      block.length = slots.length;
      this.#firsts?.insert(this.#blocks.length, block.slots[0] ?? NONE);
      this.#blocks.push(block);
    }
  }

  /** The last block whose first slot is not after that which is sought; else the first block. */
  #blockOfSought(): number {
    const last = this.#blocks.length - 1;
    if (last > 0 && this.#compareFirst(last) >= 0) return last;
    let [low, high] = [0, Math.max(0, last)];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#compareFirst(middle) >= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #compareFirst(block: number): number {
    const order = this.#firsts?.compare(block) ?? 0;
    if (order !== 0) return order;
    const { slots } = present(this.#blocks[block], 'a block of slots');
    return this.#compareSought(slots[0] ?? NONE);
  }

  /**
   * The place of the first slot that is not before that which is sought.
   *
   * @param isAtEnd whether it is looked for behind the last one first, where slots that come in order go.
   */
  #placeIn({ slots, length }: Block, isAtEnd: boolean): number {
    if (isAtEnd && length > 0 && this.#compareSought(slots[length - 1] ?? NONE) > 0) return length;
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareSought(slots[middle] ?? NONE) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #newBlock(): Block {
    return { slots: new Uint32Array(BLOCK_SLOTS), length: 0, since: this.#captures.underWay };
  }

  #beforeChange(block: Block): void {
    if (!this.#captures.mustCopy(block.since)) return;
    block.slots = block.slots.slice();
    block.since = this.#captures.underWay;
  }

  #removeAt(index: number, block: Block, place: number): void {
    this.#beforeChange(block);
    block.slots.copyWithin(place, place + 1, block.length);
    block.length--;
    if (place === 0 && block.length > 0) this.#firsts?.set(index, block.slots[0] ?? NONE);
    if (block.length > JOINED_SLOTS / 2) return;
    const next = this.#blocks[index + 1];
    if (block.length === 0) this.#removeBlock(index);
    else if (next !== undefined && block.length + next.length <= JOINED_SLOTS) {
      block.slots.set(next.slots.subarray(0, next.length), block.length);
      block.length += next.length;
      this.#removeBlock(index + 1);
    }
  }

  #removeBlock(index: number): void {
    this.#blocks.splice(index, 1);
    this.#firsts?.remove(index);
  }
}

function insertAt(block: Block, place: number, slot: number): void {
  block.slots.copyWithin(place + 1, place, block.length);
  block.slots[place] = slot;
  block.length++;
}
