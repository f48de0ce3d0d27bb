/**
 * Foresees look-ups of many keys: what they will read in memory is read beforehand, one kind after another for all keys.
 * A look-up reads a cell of the table, then an address, then a record, and each tells where the next one lies. In a
 * large store none of them is in the processor's caches. The reads for one key wait for each other; those for many
 * keys don't, so the processor carries out several at a time: batches of gets take 0.95 of the processor time that
 * they took, and those of puts 0.93 (docs/performance.md).
 */
import { at } from '../words/invariant.ts';
import type { Records } from './records.ts';
import type { SlotTable } from './slotTable.ts';

/** Keys are foreseen in parts: more at once would push what the first ones need out of the caches again. */
const MOST_KEYS = 256;
/** Keys that come twice in a batch and are passed over between two look-ups, and one more. */
const LOOKED_AT = 4;
const NONE = -1;
const NO_KEYS: readonly string[] = [];

export class Foresight {
  readonly #hashOf: (key: string) => number;
  readonly #table: SlotTable;
  readonly #records: Records;
  readonly #hashes = new Uint32Array(MOST_KEYS);
  readonly #slots = new Int32Array(MOST_KEYS);
  readonly #addresses = new Float64Array(MOST_KEYS);
  /** The keys that are foreseen, and the index of the one that is looked up next. */
  #keys = NO_KEYS;
  #next = 0;
  /** The index of the first key of the part that was read. */
  #first = 0;
  /** Bytes that were read, so that no reading can be left out. */
  #read = 0;

  constructor(hashOf: (key: string) => number, table: SlotTable, records: Records) {
    this.#hashOf = hashOf;
    this.#table = table;
    this.#records = records;
  }

  /** Reads for the first part of them; for the next ones once the look-ups come there. */
  foresee(keys: readonly string[]): void {
    this.#keys = keys;
    this.#next = 0;
    this.#readPart(0);
  }

  /** Each step has a loop of its own: a processor looks only so many instructions ahead. */
  #readPart(first: number): void {
    const keys = this.#keys;
    const count = Math.min(keys.length - first, MOST_KEYS);
    this.#first = first;
    const [hashes, slots, addresses] = [this.#hashes, this.#slots, this.#addresses];
    for (let index = 0; index < count; index++)
      hashes[index] = this.#hashOf(at(keys, first + index));
    for (let index = 0; index < count; index++) {
      slots[index] = this.#table.slotWith(hashes[index] ?? 0);
    }
    for (let index = 0; index < count; index++) {
      const slot = slots[index] ?? NONE;
      addresses[index] = slot === NONE ? NONE : this.#records.slots.addressOf(slot);
    }
    for (let index = 0; index < count; index++) {
      const address = addresses[index] ?? NONE;
      if (address !== NONE) this.#read ^= this.#records.byteAt(address);
    }
  }

  /**
   * The hash of the key, if it comes next among those that are foreseen, or soon after; else -1. It may hash other keys,
   * so whatever `hashOf` leaves behind is lost.
   */
  hashOfNext(key: string): number {
    const keys = this.#keys;
    const end = Math.min(this.#next + LOOKED_AT, keys.length);
    for (let index = this.#next; index < end; index++) {
      if (keys[index] !== key) continue;
      if (index >= this.#first + MOST_KEYS) this.#readPart(index);
      this.#next = index + 1;
      const hash = this.#hashes[index - this.#first] ?? NONE;
      if (this.#next === keys.length) this.#keys = NO_KEYS;
      return hash;
    }
    return NONE;
  }

  /** Hashes are no longer those that were foreseen. */
  forget(): void {
    this.#keys = NO_KEYS;
  }
}
