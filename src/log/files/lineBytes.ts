/**
 * Lines of rows and heads as bytes: those of the texts that `src/log/tools/rowLine.ts` writes, in half the time and without
 * an object or a text for each. A page of them leaves the thread that reads as it is.
 */
import { bitsAt, HASH_DIGITS } from '../../words/hash.ts';
import type { Kind } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { MIB } from '../../words/size.ts';
import type { Head } from '../tools/logSource.ts';

const FIRST_BYTES = MIB / 2;
/** More is given back after a page: few pages are longer. */
const MOST_KEPT_BYTES = MIB;
/** A longer text is escaped as a whole. */
const SHORT_TEXT = 256;
/** Of a short text, in UTF-8, escaped. */
const MAX_BYTES_A_UNIT = 6;
/** All of a line but its texts, and a short text: names, numbers, the hash. */
const LINE_ROOM = 512 + MAX_BYTES_A_UNIT * SHORT_TEXT;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DELETE = 0x7f;
const ZERO = 0x30;
/** Numbers are written in parts that 32 bits hold. */
const PART = 1e8;
const PART_DIGITS = 8;

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const LSN = ascii('{"lsn":');
const COMMITTED_AT = ascii(',"committed_at":');
const WON = ascii(',"won":true,"origin":');
const LOST = ascii(',"won":false,"origin":');
const SEQ = ascii(',"seq":');
const HLC = ascii(',"hlc":');
const KINDS: Readonly<Record<Kind, Uint8Array>> = {
  put: ascii(',"kind":"put","key":'),
  delete: ascii(',"kind":"delete","key":'),
  join: ascii(',"kind":"join","key":'),
  retire: ascii(',"kind":"retire","key":'),
};
const GENERATION = ascii(',"generation":');
const VERSION = ascii(',"version":');
const EXPIRES_AT = ascii(',"expires_at":');
const TEXT_BYTES = ascii(',"text_bytes":');
const VALUE = ascii(',"value":');
const META = ascii(',"meta":');
const HASH = ascii(',"hash":"');
const END = ascii('"}\n');
const NULL = ascii('null');
const DIGITS = ascii(HASH_DIGITS);

/** The fields that a row and a head share. */
type Start = Pick<Head, 'lsn' | 'committedAt' | 'won'>;
type Birth = Omit<Head, keyof Start | 'textBytes'>;

export class LineBytes {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** Bytes of the lines so far. */
  get length(): number {
    return this.#at;
  }

  /** Bytes of memory that are kept for lines, whether there are any or not. */
  get keptBytes(): number {
    return this.#bytes.length;
  }

  row(row: Row): void {
    const { op } = row;
    this.#start(row, op);
    this.#name(VALUE);
    this.#textOrNull(op.value);
    this.#name(META);
    this.#textOrNull(op.meta);
    this.#hash(op);
  }

  head(head: Head): void {
    this.#start(head, head);
    this.#name(TEXT_BYTES);
    this.#number(head.textBytes);
    this.#hash(head);
  }

  /** The lines so far, in memory of their own that can be handed to another thread; the next line begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const lines = new Uint8Array(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    if (this.#bytes.length > MOST_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    return lines;
  }

  #start({ lsn, committedAt, won }: Start, op: Birth): void {
    this.#need(LINE_ROOM);
    this.#name(LSN);
    this.#number(lsn);
    this.#name(COMMITTED_AT);
    this.#number(committedAt);
    this.#name(won ? WON : LOST);
    this.#text(op.origin);
    this.#name(SEQ);
    this.#number(op.seq);
    this.#name(HLC);
    this.#number(op.hlc);
    this.#name(KINDS[op.kind]);
    this.#text(op.key);
    this.#name(GENERATION);
    this.#number(op.generation);
    this.#name(VERSION);
    this.#number(op.version);
    this.#name(EXPIRES_AT);
    if (op.expiresAt === null) this.#name(NULL);
    else this.#number(op.expiresAt);
  }

  #need(room: number): void {
    const least = this.#at + room;
    if (least <= this.#bytes.length) return;
    const longer = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.#bytes.length));
    this.#bytes.copy(longer, 0, 0, this.#at);
    this.#bytes = longer;
  }

  #name(name: Uint8Array): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < name.length; index++) bytes[at++] = name[index] ?? 0;
    this.#at = at;
  }

  /** @param value a whole number from 0 to below 2^53. */
  #number(value: number): void {
    if (value < PART) {
      this.#digits(value, digitsOf(value));
      return;
    }
    const high = Math.floor(value / PART);
    this.#digits(high, digitsOf(high));
    this.#digits(value - high * PART, PART_DIGITS);
  }

  #digits(value: number, count: number): void {
    const bytes = this.#bytes;
    let rest = value | 0;
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const upper = (rest / 10) | 0;
      bytes[at] = ZERO + rest - 10 * upper;
      rest = upper;
    }
    this.#at += count;
  }

  #textOrNull(text: string | null): void {
    if (text === null) this.#name(NULL);
    else this.#text(text);
  }

  /** As `JSON.stringify` writes it, with room for the rest of the line behind it. */
  #text(text: string): void {
    const start = this.#at;
    if (text.length <= SHORT_TEXT) {
      this.#need(LINE_ROOM);
      if (this.#plainText(text)) return;
    }
    const quoted = JSON.stringify(text);
    const length = Buffer.byteLength(quoted);
    this.#need(length + LINE_ROOM);
    this.#at = start + this.#bytes.write(quoted, start, length);
  }

  /** @returns whether it is all of ASCII without control characters; else nothing counts as written. */
  #plainText(text: string): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = QUOTE;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit < SPACE || unit >= DELETE) return false;
      if (unit === QUOTE || unit === BACKSLASH) bytes[at++] = BACKSLASH;
      bytes[at++] = unit;
    }
    bytes[at++] = QUOTE;
    this.#at = at;
    return true;
  }

  #hash({ hashHigh, hashLow }: Pick<Head, 'hashHigh' | 'hashLow'>): void {
    this.#name(HASH);
    const bytes = this.#bytes;
    for (let shift = 60; shift >= 0; shift -= 6)
      bytes[this.#at++] = DIGITS[bitsAt(hashHigh, hashLow, shift)] ?? 0;
    this.#name(END);
  }
}

function digitsOf(value: number): number {
  let count = 1;
  for (let least = 10; least <= value; least *= 10) count++;
  return count;
}
