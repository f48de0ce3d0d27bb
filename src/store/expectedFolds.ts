/**
 * The slots of keys whose ops are folded next, in that order. An op is decided by a look at the entry of its key, and
 * folded once it is in the log, hundreds of ops later: by then the processor's caches have lost where the entry lies.
 * So its slot is kept, and the entries of many folds are read beforehand, as `src/store/foresight.ts` does for looks.
 *
 * A slot here is a guess: the op may have been refused, or decided anew, and the slot may have gone to another key. So
 * the key of its entry is compared each time.
 */
import type { Records } from './records.ts';

/** Eight batches of a thousand ops, as are decided while one is committed: a power of two. */
const MOST_SLOTS = 8192;
/** Folds whose entries are read at once. */
const READ_AT_ONCE = 64;
/** Refused ops that are passed over between two folds, and one more. */
const LOOKED_AT = 2;
/** Folds in a row that are not expected, after which all slots are forgotten. */
const MOST_MISSES = 4;
const NONE = -1;

export class ExpectedFolds {
  readonly #records: Records;
  readonly #isSought: (slot: number) => boolean;
  readonly #slots = new Int32Array(MOST_SLOTS);
  readonly #addresses = new Float64Array(READ_AT_ONCE);
  /** The slots count up for ever; each lies at its count modulo `MOST_SLOTS`. */
  #next = 0;
  #end = 0;
  /** The entries of all slots before it were read. */
  #readTo = 0;
  #misses = 0;
  /** Bytes that were read, so that no reading can be left out. */
  #read = 0;

  /** @param isSought whether the key of the slot, which is used, is the one that is sought. */
  constructor(records: Records, isSought: (slot: number) => boolean) {
    this.#records = records;
    this.#isSought = isSought;
  }

  get length(): number {
    return this.#end - this.#next;
  }

  /** @param slot that of the key that was looked at; -1 if it has no entry yet. */
  push(slot: number): void {
    if (this.length === MOST_SLOTS) this.forget();
    this.#slots[this.#end++ % MOST_SLOTS] = slot;
  }

  /** @returns the slot of the sought key if it is expected; else -1, and it may have one all the same. */
  take(): number {
    for (let ahead = 0; ahead < LOOKED_AT && ahead < this.length; ahead++) {
      const index = this.#next + ahead;
      if (index >= this.#readTo) this.#readFrom(index);
      const slot = this.#slots[index % MOST_SLOTS] ?? NONE;
      const isNew = slot === NONE;
      if (!isNew && !(this.#records.slots.isUsed(slot) && this.#isSought(slot))) continue;
      this.#next = index + 1;
      this.#misses = 0;
      return slot;
    }
    if (this.length > 0 && ++this.#misses === MOST_MISSES) this.forget();
    return NONE;
  }

  forget(): void {
    this.#next = this.#end;
    this.#misses = 0;
  }

  /** Each step has a loop of its own: a processor looks only so many instructions ahead. */
  #readFrom(first: number): void {
    const { slots } = this.#records;
    const count = Math.min(this.#end - first, READ_AT_ONCE);
    for (let index = 0; index < count; index++) {
      const slot = this.#slots[(first + index) % MOST_SLOTS] ?? NONE;
      this.#addresses[index] = slots.isUsed(slot) ? slots.addressOf(slot) : NONE;
    }
    for (let index = 0; index < count; index++) {
      const address = this.#addresses[index] ?? NONE;
      if (address !== NONE) this.#read ^= this.#records.byteAt(address);
    }
    this.#readTo = first + count;
  }
}
