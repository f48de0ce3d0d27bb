/**
 * The entries of a fold, in one array of numbers: a look at an entry is then one miss of
 * the processor's cache, where an object of boxed numbers costs six. Of a fold over two million rows
 * that is a third.
 */
import type { KeyOp, Ranked } from '../../words/op.ts';

const GENERATION = 0;
const VERSION = 1;
/** Twice the index of the origin, and one more for a delete. */
const ORIGIN_AND_KIND = 2;
const HLC = 3;
const SEQ = 4;
/** Infinity where the entry never expires. */
const EXPIRES_AT = 5;
const HASH_HIGH = 6;
const HASH_LOW = 7;
const WIDTH = 8;

const FIRST_SLOTS = 1024;

export interface Hashed {
  readonly high: number;
  readonly low: number;
  /** UTC milliseconds; Infinity for an entry that never expires. */
  readonly expiresAt: number;
}

export class EntryTable {
  readonly #slots = new Map<string, number>();
  #numbers = new Float64Array(FIRST_SLOTS * WIDTH);
  /** Slots that were given up. */
  readonly #free: number[] = [];
  #used = 0;
  readonly #origins: string[] = [];
  readonly #originIndexes = new Map<string, number>();

  get size(): number {
    return this.#slots.size;
  }

  /** Where the entry of the key is; undefined where there is none. Good until the next change. */
  find(key: string): number | undefined {
    return this.#slots.get(key);
  }

  /** Whether the op is greater than the entry in the slot (rule 1). */
  isBeatenBy(slot: number, op: KeyOp): boolean {
    const numbers = this.#numbers;
    const at = slot * WIDTH;
    const generation = numbers[at + GENERATION] ?? 0;
    if (op.generation !== generation) return op.generation > generation;
    const version = numbers[at + VERSION] ?? 0;
    if (op.version !== version) return op.version > version;
    const originAndKind = numbers[at + ORIGIN_AND_KIND] ?? 0;
    const isDelete = originAndKind % 2 === 1;
    if ((op.kind === 'delete') !== isDelete) return op.kind === 'delete';
    const hlc = numbers[at + HLC] ?? 0;
    if (op.hlc !== hlc) return op.hlc > hlc;
    const origin = this.#origins[(originAndKind - (isDelete ? 1 : 0)) / 2] ?? '';
    if (op.origin !== origin) return op.origin > origin;
    return op.seq > (numbers[at + SEQ] ?? 0);
  }

  /** The entry, as far as rule 1 looks at it. */
  ranked(slot: number): Ranked {
    const [generation = 0, version = 0, originAndKind = 0, hlc = 0, seq = 0] =
      this.#numbers.subarray(slot * WIDTH);
    const kind = originAndKind % 2 === 1 ? 'delete' : 'put';
    return {
      generation,
      version,
      kind,
      hlc,
      origin: this.#origins[Math.floor(originAndKind / 2)] ?? '',
      seq,
    };
  }

  /** @param slot that of the key's entry, or undefined where it has none. */
  set(slot: number | undefined, op: KeyOp): void {
    const at = (slot ?? this.#newSlot(op.key)) * WIDTH;
    const numbers = this.#numbers;
    numbers[at + GENERATION] = op.generation;
    numbers[at + VERSION] = op.version;
    numbers[at + ORIGIN_AND_KIND] =
      this.#originIndex(op.origin) * 2 + (op.kind === 'delete' ? 1 : 0);
    numbers[at + HLC] = op.hlc;
    numbers[at + SEQ] = op.seq;
    numbers[at + EXPIRES_AT] = op.expiresAt ?? Number.POSITIVE_INFINITY;
    numbers[at + HASH_HIGH] = op.hashHigh;
    numbers[at + HASH_LOW] = op.hashLow;
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#free.push(slot);
  }

  /** The entries that are puts. */
  *puts(): Generator<Hashed> {
    const numbers = this.#numbers;
    for (const slot of this.#slots.values()) {
      const at = slot * WIDTH;
      if ((numbers[at + ORIGIN_AND_KIND] ?? 0) % 2 === 1) continue;
      yield {
        high: numbers[at + HASH_HIGH] ?? 0,
        low: numbers[at + HASH_LOW] ?? 0,
        expiresAt: numbers[at + EXPIRES_AT] ?? 0,
      };
    }
  }

  #newSlot(key: string): number {
    const slot = this.#free.pop() ?? this.#used++;
    this.#slots.set(key, slot);
    if (slot * WIDTH >= this.#numbers.length) {
      const wider = new Float64Array(this.#numbers.length * 2);
      wider.set(this.#numbers);
      this.#numbers = wider;
    }
    return slot;
  }

  #originIndex(origin: string): number {
    const known = this.#originIndexes.get(origin);
    if (known !== undefined) return known;
    const index = this.#origins.push(origin) - 1;
    this.#originIndexes.set(origin, index);
    return index;
  }
}
