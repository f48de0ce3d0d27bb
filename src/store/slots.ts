/**
 * A slot is the number of an entry, from when its key comes until the key is dropped. The indexes hold
 * slots, and only this table knows where the entry of a slot lies: compaction moves entries without the
 * indexes. Slots lie in chunks, so that the table grows without ever being copied.
 */
import { present } from '../words/invariant.ts';
import { Captures } from './captures.ts';

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
  addresses: Float64Array;
  states: Uint8Array;
  /** The capture during which the arrays were made. */
  since: number;
}

/** The table as it was at one moment. */
export interface SlotsImage {
  readonly end: number;
  readonly firstFree: number;
  readonly addresses: readonly Float64Array[];
  readonly states: readonly Uint8Array[];
}

/** The arrays of an image for slots up to `end`, to be filled. */
export function newSlotsImage(end: number, firstFree: number): SlotsImage {
  const chunks = Math.ceil(end / CHUNK_SLOTS);
  return {
    end,
    firstFree,
    addresses: Array.from({ length: chunks }, () => new Float64Array(CHUNK_SLOTS)),
    states: Array.from({ length: chunks }, () => new Uint8Array(CHUNK_SLOTS)),
  };
}

export class Slots {
  readonly #captures: Captures;
  readonly #chunks: Chunk[] = [];
  #firstFree = NONE;
  /** Slots that were ever used: all others are above. */
  end = 0;

  constructor(captures = new Captures()) {
    this.#captures = captures;
  }

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
        since: this.#captures.underWay,
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
    this.#changedChunkOf(slot).addresses[slot & PLACE_MASK] = address;
  }

  /** Whether the slot has the state. */
  is(slot: number, state: number): boolean {
    return ((this.#chunkOf(slot).states[slot & PLACE_MASK] ?? 0) & state) !== 0;
  }

  /** Whether it is the slot of an entry. Any whole number may be asked about. */
  isUsed(slot: number): boolean {
    return slot >= 0 && slot < this.end && this.is(slot, USED);
  }

  set(slot: number, states: number): void {
    const chunk = this.#changedChunkOf(slot);
    const index = slot & PLACE_MASK;
    chunk.states[index] = (chunk.states[index] ?? 0) | states;
  }

  unset(slot: number, states: number): void {
    const chunk = this.#changedChunkOf(slot);
    const index = slot & PLACE_MASK;
    chunk.states[index] = (chunk.states[index] ?? 0) & ~states;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#firstFree = NONE;
    this.end = 0;
  }

  /** Only while a capture is under way. */
  image(): SlotsImage {
    return {
      end: this.end,
      firstFree: this.#firstFree,
      addresses: this.#chunks.map(({ addresses }) => addresses),
      states: this.#chunks.map(({ states }) => states),
    };
  }

  /** Takes the arrays of the image over. */
  restore({ end, firstFree, addresses, states }: SlotsImage): void {
    this.clear();
    this.end = end;
    this.#firstFree = firstFree;
    for (const [index, ofChunk] of addresses.entries())
      this.#chunks.push({
        addresses: ofChunk,
        states: present(states[index], 'the states of slots'),
        since: this.#captures.underWay,
      });
  }

  #changedChunkOf(slot: number): Chunk {
    const chunk = this.#chunkOf(slot);
    if (this.#captures.mustCopy(chunk.since)) {
      chunk.addresses = chunk.addresses.slice();
      chunk.states = chunk.states.slice();
      chunk.since = this.#captures.underWay;
    }
    return chunk;
  }

  #chunkOf(slot: number): Chunk {
    return present(this.#chunks[slot >>> CHUNK_BITS], 'the chunk of a slot');
  }
}
