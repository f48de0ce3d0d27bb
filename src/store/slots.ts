/**
 * A slot is the number of an entry, from when its key comes until the key is dropped. The indexes hold
 * slots, and only this table knows where the entry of a slot lies: compaction moves entries without the
 * indexes. Slots lie in chunks, so that the table grows without ever being copied.
 */
import { present } from '../words/invariant.ts';

const CHUNK_BITS = 12;
const CHUNK_SLOTS = 2 ** CHUNK_BITS;
/** An address and a state each. */
const CHUNK_BYTES = CHUNK_SLOTS * 9;
const PLACE_MASK = CHUNK_SLOTS - 1;
const NONE = -1;

/** States of a slot, as bits. */
export const USED = 1;
/** In the list. */
export const LISTED = 2;
/** In the index of expiries. */
export const EXPIRING = 4;
/** A tombstone, or expired and swept. */
export const DEAD = 8;
/** In the queue of the dead; a slot that is alive again, or free, is passed over there. */
export const QUEUED = 16;
/** Asked for since its entry was last moved; kept only if memory has a bound. */
export const REFERENCED = 32;

interface Chunk {
  /** The address of the entry; of a free slot, the next one that is free. */
  readonly addresses: Float64Array;
  readonly states: Uint8Array;
}

export class Slots {
  readonly #chunks: Chunk[] = [];
  #firstFree = NONE;
  /** Slots that were ever used: all others are above. */
  end = 0;

  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  /** Takes a free slot. Its bit QUEUED stays as it was. */
  take(): number {
    const slot = this.#firstFree;
    if (slot !== NONE) {
      this.#firstFree = this.addressOf(slot);
      this.set(slot, USED);
      return slot;
    }
    if (this.end % CHUNK_SLOTS === 0)
      this.#chunks.push({
        addresses: new Float64Array(CHUNK_SLOTS),
        states: new Uint8Array(CHUNK_SLOTS),
      });
    const next = this.end++;
    this.set(next, USED);
    return next;
  }

  giveBack(slot: number): void {
    this.unset(slot, USED | LISTED | EXPIRING | DEAD | REFERENCED);
    this.move(slot, this.#firstFree);
    this.#firstFree = slot;
  }

  addressOf(slot: number): number {
    return this.#chunkOf(slot).addresses[slot & PLACE_MASK] ?? NONE;
  }

  move(slot: number, address: number): void {
    this.#chunkOf(slot).addresses[slot & PLACE_MASK] = address;
  }

  /** Whether the slot has the state. */
  is(slot: number, state: number): boolean {
    return ((this.#chunkOf(slot).states[slot & PLACE_MASK] ?? 0) & state) !== 0;
  }

  set(slot: number, states: number): void {
    const chunk = this.#chunkOf(slot);
    const index = slot & PLACE_MASK;
    chunk.states[index] = (chunk.states[index] ?? 0) | states;
  }

  unset(slot: number, states: number): void {
    const chunk = this.#chunkOf(slot);
    const index = slot & PLACE_MASK;
    chunk.states[index] = (chunk.states[index] ?? 0) & ~states;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#firstFree = NONE;
    this.end = 0;
  }

  #chunkOf(slot: number): Chunk {
    return present(this.#chunks[slot >>> CHUNK_BITS], 'the chunk of a slot');
  }
}
