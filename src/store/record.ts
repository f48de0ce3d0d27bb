/**
 * An entry as bytes. First comes what is looked at most:
 *
 *     flags 1 · slot 4 · hash 4 + 4 · HLC 7 · key's length · key · expiry 7 (if it expires)
 *     origin · seq · lsn · generation · version · value's length · meta's length (if there is one)
 *     value · meta (unless the entry is cold)
 *
 * Numbers without a size are written in groups of seven bits, the lowest first, and all but the last
 * with the high bit set (LEB128). `origin` is a number that `src/store/origins.ts` gives out. `lsn` is
 * the row of the log that holds the op, written as its distance from `seq`, because the two go up side
 * by side. The value and the meta are the bytes that came. A cold entry lacks them, and has their lengths
 * all the same.
 */
import type { ColdPut, Entry, EntryHead, KeyOp, PutHead } from '../words/op.ts';
import type { KeyBytes } from './keyHeads.ts';
import { Page } from './pages.ts';
import { copyBytes, type SoughtKey, viewOf } from './soughtKey.ts';
import { writeText } from './writeText.ts';

const IS_PUT = 1;
const EXPIRES = 2;
const HAS_META = 4;
/** The text is one byte a character, and so read faster. */
const ASCII_KEY = 8;
const ASCII_VALUE = 16;
const ASCII_META = 32;
/** The value and the meta are only in the log. */
const COLD = 64;

/** Groups of zeros that the last number may have more than it needs, so that a record fits where a longer one lay. */
export const MOST_PADDING_BYTES = 8;

/** Reading a shorter value again would cost more than it takes. */
const LEAST_DROPPED_BYTES = 64;

const SLOT_AT = 1;
const HASH_HIGH_AT = 5;
const HASH_LOW_AT = 9;
const HLC_AT = 13;
const KEY_AT = 20;
const WIDE_BYTES = 7;
const WORD = 2 ** 32;
const GROUP = 2 ** 7;
const SIGNED_GROUP = GROUP / 2;
/** Above this, groups of a number are split off by division, because shifts hold 32 bits. */
const MAX_SHIFTED = 2 ** 31;
/** The fixed fields, the expiry, eight numbers of at most eight bytes, and the padding. */
const MAX_FIELD_BYTES = KEY_AT + WIDE_BYTES + 8 * 8 + MOST_PADDING_BYTES;

/** @param value from 0 to below 2^56. */
function writeWide(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / WORD);
  view.setUint32(at, value >>> 0, true);
  view.setUint16(at + 4, high & 0xffff, true);
  view.setUint8(at + 6, high >>> 16);
}

const readWide = (view: DataView, at: number): number =>
  view.getUint32(at, true) +
  (view.getUint16(at + 4, true) + view.getUint8(at + 6) * 0x10000) * WORD;

/** @returns the place after it. */
function writeNumber(view: DataView, at: number, value: number): number {
  let [place, rest] = [at, value];
  while (rest >= GROUP) {
    view.setUint8(place++, (rest % GROUP) | GROUP);
    rest = rest < MAX_SHIFTED ? rest >>> 7 : Math.floor(rest / GROUP);
  }
  view.setUint8(place, rest);
  return place + 1;
}

/**
 * A number that may be negative: the lowest bit is its sign, and six bits of the number share its first
 * byte. @returns the place after it.
 */
function writeSigned(view: DataView, at: number, value: number): number {
  const size = Math.abs(value);
  const rest = Math.floor(size / SIGNED_GROUP);
  const first = 2 * (size % SIGNED_GROUP) + (value < 0 ? 1 : 0);
  view.setUint8(at, rest > 0 ? first | GROUP : first);
  return rest > 0 ? writeNumber(view, at + 1, rest) : at + 1;
}

/** Writes entries into pages. */
export class RecordWriter {
  /** All but the value and the meta. */
  #head = newHead(0);
  #headLength = 0;
  #valueLength = 0;
  #metaLength = 0;

  /** Bytes of the value and the meta of the op that was begun, if they may be dropped; else 0. */
  get droppableBytes(): number {
    return droppable(this.#valueLength + this.#metaLength);
  }

  /**
   * Makes everything but the texts.
   *
   * @param lsn the row of the log that holds the op.
   * @param key that of the op.
   * @returns the size of the record in bytes.
   */
  begin(op: KeyOp, lsn: number, slot: number, originId: number, key: SoughtKey): number {
    const { value, meta, expiresAt } = op;
    this.#valueLength = value === null ? 0 : Buffer.byteLength(value);
    this.#metaLength = meta === null ? 0 : Buffer.byteLength(meta);
    if (this.#head.byteLength < MAX_FIELD_BYTES + key.length) this.#head = newHead(key.length);
    const head = this.#head;
    head.setUint8(0, this.#flagsOf(op, key));
    head.setUint32(SLOT_AT, slot, true);
    head.setUint32(HASH_HIGH_AT, op.hashHigh, true);
    head.setUint32(HASH_LOW_AT, op.hashLow, true);
    writeWide(head, HLC_AT, op.hlc);
    let at = writeNumber(head, KEY_AT, key.length);
    key.copyTo(head, at);
    at += key.length;
    if (expiresAt !== null) {
      writeWide(head, at, expiresAt);
      at += WIDE_BYTES;
    }
    at = writeNumber(head, at, originId);
    at = writeNumber(head, at, op.seq);
    at = writeSigned(head, at, lsn - op.seq);
    at = writeNumber(head, at, op.generation);
    at = writeNumber(head, at, op.version);
    at = writeNumber(head, at, this.#valueLength);
    if (meta !== null) at = writeNumber(head, at, this.#metaLength);
    this.#headLength = at;
    return at + this.#valueLength + this.#metaLength;
  }

  /** Makes the record that was begun longer, by up to `MOST_PADDING_BYTES`. */
  pad(bytes: number): void {
    if (bytes === 0) return;
    const [head, last] = [this.#head, this.#headLength - 1];
    head.setUint8(last, head.getUint8(last) | GROUP);
    for (let at = last + 1; at < last + bytes; at++) head.setUint8(at, GROUP);
    head.setUint8(last + bytes, 0);
    this.#headLength += bytes;
  }

  /** Writes what was begun. */
  end({ bytes, view }: Page, from: number, { value, meta }: KeyOp): void {
    copyBytes(this.#head, this.#headLength, view, from);
    let at = from + this.#headLength;
    if (value !== null) at += writeText(bytes, value, at, this.#valueLength);
    if (meta !== null) writeText(bytes, meta, at, this.#metaLength);
  }

  #flagsOf({ kind, expiresAt, value, meta }: KeyOp, key: SoughtKey): number {
    let flags = kind === 'put' ? IS_PUT : 0;
    if (expiresAt !== null) flags |= EXPIRES;
    if (key.isAscii) flags |= ASCII_KEY;
    if (value?.length === this.#valueLength) flags |= ASCII_VALUE;
    if (meta !== null) flags |= HAS_META;
    if (meta?.length === this.#metaLength) flags |= ASCII_META;
    return flags;
  }
}

const newHead = (keyLength: number): DataView<ArrayBufferLike> =>
  viewOf(Buffer.allocUnsafeSlow(MAX_FIELD_BYTES + 2 * keyLength));

const droppable = (bytes: number): number => (bytes < LEAST_DROPPED_BYTES ? 0 : bytes);

/** Makes the copy of an entry cold. @param from its place. */
export function markCold(page: Page, from: number): void {
  page.view.setUint8(from, page.view.getUint8(from) | COLD);
}

export interface OriginNames {
  nameOf(id: number): string;
}

const NO_PAGE = new Page(Buffer.alloc(0), 0, false);

/** Reads one entry after the other; what it holds is that of the last one. */
export class RecordReader {
  readonly #origins: OriginNames;
  #page = NO_PAGE;
  #flags = 0;
  #from = 0;
  #keyAt = 0;
  #keyLength = 0;
  #backAt = 0;
  #valueAt = 0;
  #valueLength = 0;
  #metaLength = 0;
  /** The place of the number that `#number` reads next. */
  #at = 0;
  originId = 0;
  seq = 0;
  /** The row of the log that holds the op. */
  lsn = 0;
  generation = 0;
  version = 0;
  /** The bytes of the whole record. */
  size = 0;

  constructor(origins: OriginNames) {
    this.#origins = origins;
  }

  /** Reads the fields up to the key. */
  readKey(page: Page, from: number): void {
    this.#page = page;
    this.#flags = page.view.getUint8(from);
    this.#from = from;
    this.#at = from + KEY_AT;
    this.#keyLength = this.#number(page.view);
    this.#keyAt = this.#at;
    this.#backAt = this.#keyAt + this.#keyLength;
  }

  /** Reads all fields but the texts. */
  read(page: Page, from: number): void {
    this.readKey(page, from);
    this.readBack();
  }

  /** Reads the fields after the key. */
  readBack(): void {
    const { view } = this.#page;
    this.#at = this.#backAt + (this.expires ? WIDE_BYTES : 0);
    this.originId = this.#number(view);
    this.seq = this.#number(view);
    this.lsn = this.seq + this.#signed(view);
    this.generation = this.#number(view);
    this.version = this.#number(view);
    this.#valueLength = this.#number(view);
    this.#metaLength = (this.#flags & HAS_META) === 0 ? 0 : this.#number(view);
    this.#valueAt = this.#at;
    const texts = this.isCold ? 0 : this.#valueLength + this.#metaLength;
    this.size = this.#at + texts - this.#from;
  }

  /** The bytes of the record without the value and the meta. */
  get headSize(): number {
    return this.#valueAt - this.#from;
  }

  /** Bytes of the value and the meta, if they are here and may be dropped; else 0. */
  get droppableBytes(): number {
    return this.isCold ? 0 : droppable(this.#valueLength + this.#metaLength);
  }

  /** Whether the value and the meta are only in the log. */
  get isCold(): boolean {
    return (this.#flags & COLD) !== 0;
  }

  get slot(): number {
    return this.#page.view.getUint32(this.#from + SLOT_AT, true);
  }

  get isPut(): boolean {
    return (this.#flags & IS_PUT) !== 0;
  }

  get expires(): boolean {
    return (this.#flags & EXPIRES) !== 0;
  }

  /** UTC milliseconds, or null if it never expires. */
  get expiresAt(): number | null {
    return this.expires ? readWide(this.#page.view, this.#backAt) : null;
  }

  get hlc(): number {
    return readWide(this.#page.view, this.#from + HLC_AT);
  }

  get hashHigh(): number {
    return this.#page.view.getUint32(this.#from + HASH_HIGH_AT, true);
  }

  get hashLow(): number {
    return this.#page.view.getUint32(this.#from + HASH_LOW_AT, true);
  }

  get kind(): 'put' | 'delete' {
    return this.isPut ? 'put' : 'delete';
  }

  get origin(): string {
    return this.#origins.nameOf(this.originId);
  }

  /** The bytes of the key, the value and the meta. */
  get textBytes(): number {
    return this.#keyLength + this.#valueLength + this.#metaLength;
  }

  /** Whether it reads as absent (rule 4). */
  isDead(nowMs: number): boolean {
    const { expiresAt } = this;
    return !this.isPut || (expiresAt !== null && expiresAt <= nowMs);
  }

  /** @returns negative if the sought key comes before that of the entry, positive if after. */
  compareKey(sought: SoughtKey): number {
    return sought.compareTo(this.#page.view, this.#keyAt, this.#keyLength);
  }

  /** The bytes of the key. */
  get keyBytes(): KeyBytes {
    return { view: this.#page.view, at: this.#keyAt, length: this.#keyLength };
  }

  hasPrefix(prefix: SoughtKey): boolean {
    return prefix.isPrefixOf(this.#page.view, this.#keyAt, this.#keyLength);
  }

  get key(): string {
    return this.#text(this.#keyAt, this.#keyLength, ASCII_KEY);
  }

  get value(): string {
    return this.#text(this.#valueAt, this.#valueLength, ASCII_VALUE);
  }

  get meta(): string | null {
    if ((this.#flags & HAS_META) === 0) return null;
    return this.#text(this.#valueAt + this.#valueLength, this.#metaLength, ASCII_META);
  }

  /**
   * The fields in the order of `Op`, as all readers of ops write them; without the value if that is only
   * in the log. @param key that of the entry.
   */
  entry(key = this.key): Entry {
    return this.isCold ? this.#coldPut(key) : this.#op(key);
  }

  #coldPut(key: string): ColdPut {
    const { lsn, textBytes } = this;
    return { ...this.#putHead(key), lsn, textBytes };
  }

  #op(key: string): KeyOp {
    const { origin, seq, hlc, generation, version, hashHigh, hashLow } = this;
    if (!this.isPut)
      return {
        origin,
        seq,
        hlc,
        kind: 'delete',
        key,
        generation,
        version,
        expiresAt: null,
        value: null,
        meta: null,
        hashHigh,
        hashLow,
      };
    const { expiresAt, value, meta } = this;
    return {
      origin,
      seq,
      hlc,
      kind: 'put',
      key,
      generation,
      version,
      expiresAt,
      value,
      meta,
      hashHigh,
      hashLow,
    };
  }

  /** @param key that of the entry. */
  head(key = this.key): EntryHead {
    if (this.isPut) return this.#putHead(key);
    const { origin, seq, hlc, generation, version, hashHigh, hashLow } = this;
    return {
      origin,
      seq,
      hlc,
      kind: 'delete',
      key,
      generation,
      version,
      expiresAt: null,
      hashHigh,
      hashLow,
    };
  }

  /** Written out as above: a spread would make a second object at each look. */
  #putHead(key: string): PutHead {
    const { origin, seq, hlc, generation, version, expiresAt, hashHigh, hashLow } = this;
    return {
      origin,
      seq,
      hlc,
      kind: 'put',
      key,
      generation,
      version,
      expiresAt,
      hashHigh,
      hashLow,
    };
  }

  #text(at: number, length: number, asciiFlag: number): string {
    const encoding = (this.#flags & asciiFlag) === 0 ? 'utf8' : 'latin1';
    return this.#page.bytes.toString(encoding, at, at + length);
  }

  #signed(view: DataView): number {
    const first = view.getUint8(this.#at++);
    let size = (first % GROUP) >>> 1;
    if (first >= GROUP) size += SIGNED_GROUP * this.#number(view);
    return first % 2 === 0 ? size : -size;
  }

  #number(view: DataView): number {
    let byte = view.getUint8(this.#at++);
    if (byte < GROUP) return byte;
    let [value, factor] = [byte - GROUP, GROUP];
    do {
      byte = view.getUint8(this.#at++);
      value += (byte % GROUP) * factor;
      factor *= GROUP;
    } while (byte >= GROUP);
    return value;
  }
}
