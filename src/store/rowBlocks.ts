/**
 * A queue of rows as bytes. Rows that wait as objects outlive young collections and fill the old space of the
 * heap, whose collections stop a node for 5 to 15 ms each (docs/performance.md). To those, bytes are nothing.
 *
 * Invariants: each row lies whole in one block, at the place that its number in the queue names; a block is
 * given back when the last of its rows has left.
 */
import { BrokenInvariantError } from '../words/errors.ts';
import type { Hash } from '../words/hash.ts';
import { at, present } from '../words/invariant.ts';
import { NumberQueue } from '../words/numberQueue.ts';
import { formatOpId, isOp, KINDS, type OpParts } from '../words/op.ts';
import type { Row } from '../words/row.ts';
import { KIB } from '../words/size.ts';
import { writeText } from './writeText.ts';

const BLOCK_BYTES = 256 * KIB;
/** A row of more than this part of a block gets a block of its own, so that no block ends half empty. */
const LARGE_ROW_SHARE = 1 / 8;

/** The numbers of a row: first those of eight bytes, then those of four. */
const LSN = 0;
const COMMITTED_AT = 1;
const SEQ = 2;
const HLC = 3;
const GENERATION = 4;
const VERSION = 5;
const EXPIRES_AT = 6;
const NUMBERS = 7;

const HASH_HIGH = 2 * NUMBERS;
const HASH_LOW = HASH_HIGH + 1;
const FLAGS = HASH_HIGH + 2;
const ORIGIN_ID = HASH_HIGH + 3;
const KEY_BYTES = HASH_HIGH + 4;
const VALUE_BYTES = HASH_HIGH + 5;
const META_BYTES = HASH_HIGH + 6;

const NUMBER_BYTES = 8;
const WORD_BYTES = 4;
/** Rows begin at whole numbers, so the head and the texts take whole ones. */
const HEAD_BYTES = NUMBER_BYTES * Math.ceil((META_BYTES + 1) / 2);

/** The lowest bits of the flags are the index of the kind. */
const KIND_BITS = 3;
const WON = 4;
const HAS_VALUE = 8;
const HAS_META = 16;

interface Block {
  readonly bytes: Buffer;
  /** The same bytes, as the numbers of rows. */
  readonly numbers: Float64Array;
  readonly words: Uint32Array;
  used: number;
  /** Rows that have not left. */
  rows: number;
}

function blockOf(size: number): Block {
  const bytes = Buffer.allocUnsafeSlow(size);
  const { buffer } = bytes;
  return {
    bytes,
    numbers: new Float64Array(buffer),
    words: new Uint32Array(buffer),
    used: 0,
    rows: 0,
  };
}

export class RowBlocks {
  /** The places of the rows: the number of the block and the offset in it, as one number. */
  readonly #places = new NumberQueue();
  readonly #blocks = new Map<number, Block>();
  #nextBlock = 0;
  /** The number of the block that rows are added to; it may have gone. */
  #open = -1;
  /** A block that has gone, for the next one. */
  #spare: Block | null = null;
  /** The block of the oldest row as it was last looked for: rows that leave ask for it again and again. */
  #oldest: Block | null = null;
  #oldestNumber = -1;

  get length(): number {
    return this.#places.length;
  }

  /** @param originId stands for the origin, and is given back for it. @returns what `textBytes` tells of the row. */
  push({ lsn, committedAt, won, op }: Row, originId: number): number {
    const { key, value, meta } = op;
    const keyBytes = Buffer.byteLength(key);
    const valueBytes = value === null ? 0 : Buffer.byteLength(value);
    const metaBytes = meta === null ? 0 : Buffer.byteLength(meta);
    const textsBytes = keyBytes + valueBytes + metaBytes;
    const size = HEAD_BYTES + NUMBER_BYTES * Math.ceil(textsBytes / NUMBER_BYTES);
    const number = this.#blockFor(size);
    const block = present(this.#blocks.get(number), 'the block of a row');
    const { bytes, numbers, words, used } = block;

    const first = used / NUMBER_BYTES;
    numbers[first + LSN] = lsn;
    numbers[first + COMMITTED_AT] = committedAt;
    numbers[first + SEQ] = op.seq;
    numbers[first + HLC] = op.hlc;
    numbers[first + GENERATION] = op.generation;
    numbers[first + VERSION] = op.version;
    // NaN stands for null, which an array of numbers can't hold.
    numbers[first + EXPIRES_AT] = op.expiresAt ?? Number.NaN;
    const word = used / WORD_BYTES;
    words[word + HASH_HIGH] = op.hashHigh;
    words[word + HASH_LOW] = op.hashLow;
    words[word + FLAGS] =
      KINDS.indexOf(op.kind) |
      (won ? WON : 0) |
      (value === null ? 0 : HAS_VALUE) |
      (meta === null ? 0 : HAS_META);
    words[word + ORIGIN_ID] = originId;
    words[word + KEY_BYTES] = keyBytes;
    words[word + VALUE_BYTES] = valueBytes;
    words[word + META_BYTES] = metaBytes;
    let place = used + HEAD_BYTES;
    place += writeText(bytes, key, place, keyBytes);
    if (value !== null) place += writeText(bytes, value, place, valueBytes);
    if (meta !== null) writeText(bytes, meta, place, metaBytes);

    this.#places.push(number * BLOCK_BYTES + used);
    block.used += size;
    block.rows++;
    return textsBytes;
  }

  /** The oldest row leaves. @throws BrokenInvariantError if there is none. */
  shift(): void {
    const { block } = this.#find(0);
    this.#places.shift();
    block.rows--;
    if (block.rows > 0) return;
    this.#blocks.delete(this.#oldestNumber);
    this.#oldest = null;
    this.#oldestNumber = -1;
    if (block.bytes.length === BLOCK_BYTES) this.#spare = block;
  }

  /**
   * @param index from 0 to below the length, the oldest first.
   * @param originOf gives the origin that an id stands for.
   */
  row(index: number, originOf: (id: number) => string): Row {
    const { block, from } = this.#find(index);
    const { bytes, numbers, words } = block;
    const first = from / NUMBER_BYTES;
    const word = from / WORD_BYTES;
    const flags = at(words, word + FLAGS);
    const keyAt = from + HEAD_BYTES;
    const valueAt = keyAt + at(words, word + KEY_BYTES);
    const metaAt = valueAt + at(words, word + VALUE_BYTES);
    const expiresAt = at(numbers, first + EXPIRES_AT);
    // In the order of `Op`, as all readers of ops write them.
    const parts: OpParts = {
      origin: originOf(at(words, word + ORIGIN_ID)),
      seq: at(numbers, first + SEQ),
      hlc: at(numbers, first + HLC),
      kind: at(KINDS, flags & KIND_BITS),
      key: bytes.toString('utf8', keyAt, valueAt),
      generation: at(numbers, first + GENERATION),
      version: at(numbers, first + VERSION),
      expiresAt: Number.isNaN(expiresAt) ? null : expiresAt,
      value: (flags & HAS_VALUE) === 0 ? null : bytes.toString('utf8', valueAt, metaAt),
      meta:
        (flags & HAS_META) === 0
          ? null
          : bytes.toString('utf8', metaAt, metaAt + at(words, word + META_BYTES)),
      hashHigh: at(words, word + HASH_HIGH),
      hashLow: at(words, word + HASH_LOW),
    };
    if (!isOp(parts))
      throw new BrokenInvariantError(
        `the kept row of the ${parts.kind} ${formatOpId(parts)} is no such op`,
      );
    return {
      lsn: at(numbers, first + LSN),
      committedAt: at(numbers, first + COMMITTED_AT),
      won: (flags & WON) !== 0,
      op: parts,
    };
  }

  originId(index: number): number {
    const { block, from } = this.#find(index);
    return at(block.words, from / WORD_BYTES + ORIGIN_ID);
  }

  hash(index: number): Hash {
    const { block, from } = this.#find(index);
    const word = from / WORD_BYTES;
    return { high: at(block.words, word + HASH_HIGH), low: at(block.words, word + HASH_LOW) };
  }

  /** Bytes of the key, the value and the meta. */
  textBytes(index: number): number {
    const { block, from } = this.#find(index);
    const word = from / WORD_BYTES;
    const { words } = block;
    return (
      at(words, word + KEY_BYTES) + at(words, word + VALUE_BYTES) + at(words, word + META_BYTES)
    );
  }

  clear(): void {
    while (this.length > 0) this.shift();
  }

  #find(index: number): { readonly block: Block; readonly from: number } {
    const place = this.#places.at(index);
    const number = Math.floor(place / BLOCK_BYTES);
    const from = place - number * BLOCK_BYTES;
    if (this.#oldest !== null && number === this.#oldestNumber)
      return { block: this.#oldest, from };
    const block = present(this.#blocks.get(number), 'the block of a row');
    if (index === 0) {
      this.#oldest = block;
      this.#oldestNumber = number;
    }
    return { block, from };
  }

  /** @returns the number of a block with room for a row of that size. */
  #blockFor(size: number): number {
    if (size > BLOCK_BYTES * LARGE_ROW_SHARE) return this.#add(blockOf(size));
    const open = this.#blocks.get(this.#open);
    if (open !== undefined && open.used + size <= BLOCK_BYTES) return this.#open;
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null) spare.used = 0;
    this.#open = this.#add(spare ?? blockOf(BLOCK_BYTES));
    return this.#open;
  }

  #add(block: Block): number {
    this.#blocks.set(this.#nextBlock, block);
    return this.#nextBlock++;
  }
}
