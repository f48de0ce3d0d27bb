/**
 * Ops straight from the bytes of a body, in one walk: no text of the whole, no object for each op that JSON would
 * parse into, and no second walk for the texts of values. A batch so read takes a third of the time of JSON.parse,
 * the check and the walk (bench/README.md).
 *
 * It reads bodies of ASCII whose ops are puts, gets and deletes of the known fields, each given once, with values in
 * bounds: nearly all bodies. All else is left to `src/http/request/body.ts` and the schemas, which also name the
 * faults.
 *
 * Invariant: whatever is read here, they accept, and make the same requests of; a test compares the two.
 */
import { MAX_TTL_MS } from '../../words/op.ts';
import type { PutRequest, Request } from '../../words/requests.ts';
import { deleteRequest } from './writes.ts';

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const SMALL_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const FIRST_BEYOND_ASCII = 0x80;
/** The bit in which capital and small letters differ. */
const LETTER_CASE = 0x20;
const SMALL_A = 0x61;
const SMALL_E = 0x65;
const SMALL_F = 0x66;

/** The characters after a backslash, but for `u` and its digits. */
const ESCAPED = new Set([...'"\\/bfnrt'].map((character) => character.charCodeAt(0)));
/** Digits of an integer that a double holds exactly, whatever they are. */
const MAX_DIGITS = 15;
/** The levels of a value, one bit each; deeper ones are left to the parser. */
const MAX_DEPTH = 30;

/** Part of a body: the index of its first byte and the one after its last. Nothing begins at 0. */
interface Part {
  start: number;
  end: number;
}

const NO_BYTES = Buffer.alloc(0);
const NOTHING = 0;
/** Stand for versions that are no number. */
const NO_VERSION = -1;
const NEXT_VERSION = -2;

export class PlainOps {
  readonly #maxKeyBytes: number;
  readonly #maxOps: number;
  #bytes: Buffer = NO_BYTES;
  /** The index of the next byte. */
  #at = 0;
  /** The index after the last byte: others may follow it. */
  #end = 0;
  // The fields of the op that is being read.
  readonly #op: Part = { start: 0, end: 0 };
  readonly #key: Part = { start: 0, end: 0 };
  readonly #value: Part = { start: 0, end: 0 };
  readonly #meta: Part = { start: 0, end: 0 };
  #version = NO_VERSION;
  #ttlMs: number | null | undefined;

  /** @param maxKeyBytes the longest key, in bytes. @param maxOps the most ops of a batch. */
  constructor({ maxKeyBytes, maxBatchOps }: { maxKeyBytes: number; maxBatchOps: number }) {
    this.#maxKeyBytes = maxKeyBytes;
    this.#maxOps = maxBatchOps;
  }

  /** The requests of a batch's body; null if it is left to others. */
  batch(bytes: Buffer): Request[] | null {
    this.#begin(bytes, 0, bytes.length);
    return this.#wholly(this.#batch());
  }

  /**
   * The request of a body, or of a line of it, that is one op; null if it is left to others.
   *
   * @param start the index of its first byte. @param end the index after its last.
   */
  single(bytes: Buffer, start = 0, end = bytes.length): Request | null {
    this.#begin(bytes, start, end);
    return this.#wholly(this.#request());
  }

  /** The request of a PUT's body, which names no key; null if it is left to others. */
  put(key: string, bytes: Buffer): PutRequest | null {
    this.#begin(bytes, 0, bytes.length);
    return this.#wholly(this.#takesPutBody() ? this.#put(key) : null);
  }

  #begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** @returns what was read, if all up to the end was, and nothing beyond it. */
  #wholly<T>(found: T | null): T | null {
    const isWhole = this.#isAtEnd();
    // A body may be long, and must not stay in memory.
    this.#bytes = NO_BYTES;
    return isWhole ? found : null;
  }

  #batch(): Request[] | null {
    const requests: Request[] = [];
    if (!this.#takes(OPEN_OBJECT) || !this.#takesWord('"ops"')) return null;
    if (!this.#takes(COLON) || !this.#takes(OPEN_ARRAY)) return null;
    if (!this.#takes(CLOSE_ARRAY)) {
      do {
        const request = this.#request();
        if (request === null || requests.length === this.#maxOps) return null;
        requests.push(request);
      } while (this.#takes(COMMA));
      if (!this.#takes(CLOSE_ARRAY)) return null;
    }
    return this.#takes(CLOSE_OBJECT) ? requests : null;
  }

  // ---- ops

  #request(): Request | null {
    if (!this.#takesFields() || this.#key.start === NOTHING) return null;
    if (this.#isText(this.#op, 'put')) return this.#put(this.#textOf(this.#key));
    // No other op has these fields.
    if (this.#value.start !== NOTHING || this.#meta.start !== NOTHING) return null;
    if (this.#ttlMs !== undefined) return null;
    if (this.#isText(this.#op, 'get'))
      return this.#version === NO_VERSION ? { kind: 'get', key: this.#textOf(this.#key) } : null;
    if (!this.#isText(this.#op, 'delete') || this.#version === NEXT_VERSION) return null;
    const upToVersion = this.#version === NO_VERSION ? undefined : this.#version;
    return deleteRequest(this.#textOf(this.#key), upToVersion);
  }

  #takesPutBody(): boolean {
    return this.#takesFields() && this.#op.start === NOTHING && this.#key.start === NOTHING;
  }

  #put(key: string): PutRequest | null {
    if (this.#value.start === NOTHING || this.#version === NO_VERSION) return null;
    return {
      kind: 'put',
      key,
      version: this.#version === NEXT_VERSION ? 'next' : this.#version,
      ttlMs: this.#ttlMs ?? null,
      value: this.#textOf(this.#value),
      meta: this.#meta.start === NOTHING ? null : this.#textOf(this.#meta),
    };
  }

  /** Takes an object of known fields, none of them twice. */
  #takesFields(): boolean {
    this.#op.start = NOTHING;
    this.#key.start = NOTHING;
    this.#value.start = NOTHING;
    this.#meta.start = NOTHING;
    this.#version = NO_VERSION;
    this.#ttlMs = undefined;
    if (!this.#takes(OPEN_OBJECT)) return false;
    do if (!this.#takesField()) return false;
    while (this.#takes(COMMA));
    return this.#takes(CLOSE_OBJECT);
  }

  /** Takes a field that was not given before, with its value. */
  #takesField(): boolean {
    this.#skipSpace();
    const start = this.#at + 1;
    if (!this.#takesPlainText() || !this.#takes(COLON)) return false;
    this.#skipSpace();
    // All names differ in their first letter, or in the next one.
    if (this.#isAt(start, 'op"')) return this.#takesTextOf(this.#op);
    if (this.#isAt(start, 'key"')) return this.#takesKey();
    if (this.#isAt(start, 'value"')) return this.#takesPart(this.#value);
    if (this.#isAt(start, 'version"')) return this.#takesVersion();
    if (this.#isAt(start, 'ttl_ms"')) return this.#takesTtl();
    if (this.#isAt(start, 'meta"')) return this.#takesMeta();
    return false;
  }

  #takesKey(): boolean {
    const key = this.#key;
    if (!this.#takesTextOf(key)) return false;
    const length = key.end - key.start;
    return length > 0 && length <= this.#maxKeyBytes;
  }

  #takesVersion(): boolean {
    if (this.#version !== NO_VERSION) return false;
    if (this.#takesWord('"next"')) {
      this.#version = NEXT_VERSION;
      return true;
    }
    this.#version = this.#takesInteger();
    return this.#version !== NO_VERSION;
  }

  #takesTtl(): boolean {
    if (this.#ttlMs !== undefined) return false;
    if (this.#takesWord('null')) {
      this.#ttlMs = null;
      return true;
    }
    this.#ttlMs = this.#takesInteger();
    return this.#ttlMs >= 1 && this.#ttlMs <= MAX_TTL_MS;
  }

  /** Null stands for none, and so it must not be given once more. */
  #takesMeta(): boolean {
    if (this.#bytes[this.#at] !== OPEN_OBJECT) return false;
    return this.#takesPart(this.#meta);
  }

  // ---- parts

  #textOf({ start, end }: Part): string {
    return this.#bytes.toString('latin1', start, end);
  }

  #isText({ start, end }: Part, text: string): boolean {
    return start !== NOTHING && end - start === text.length && this.#isAt(start, text);
  }

  /** Takes the characters of a text without escapes. */
  #takesTextOf(part: Part): boolean {
    if (part.start !== NOTHING) return false;
    const start = this.#at + 1;
    if (!this.#takesPlainText()) return false;
    part.start = start;
    part.end = this.#at - 1;
    return true;
  }

  /** Takes any value. */
  #takesPart(part: Part): boolean {
    if (part.start !== NOTHING) return false;
    part.start = this.#at;
    if (!this.#takesValue()) return false;
    part.end = this.#at;
    return true;
  }

  // ---- JSON (RFC 8259)

  #skipSpace(): void {
    while (isSpace(this.#bytes[this.#at])) this.#at++;
  }

  /** Beyond the end of a line others may follow, which may begin with space. */
  #isAtEnd(): boolean {
    while (this.#at < this.#end && isSpace(this.#bytes[this.#at])) this.#at++;
    return this.#at === this.#end;
  }

  /** Takes the byte, after space. */
  #takes(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) {
      this.#skipSpace();
      if (this.#bytes[this.#at] !== byte) return false;
    }
    this.#at++;
    return true;
  }

  #isAt(start: number, word: string): boolean {
    for (let index = 0; index < word.length; index++)
      if (this.#bytes[start + index] !== word.charCodeAt(index)) return false;
    return true;
  }

  /** Takes the word, after space. */
  #takesWord(word: string): boolean {
    this.#skipSpace();
    if (!this.#isAt(this.#at, word)) return false;
    this.#at += word.length;
    return true;
  }

  /** @returns a whole number without a sign; -1 if there is none. */
  #takesInteger(): number {
    const start = this.#at;
    let value = 0;
    for (;;) {
      const byte = this.#bytes[this.#at] ?? 0;
      if (byte < ZERO || byte > NINE) break;
      value = 10 * value + byte - ZERO;
      this.#at++;
    }
    const digits = this.#at - start;
    const hasLeadingZero = digits > 1 && this.#bytes[start] === ZERO;
    return digits === 0 || digits > MAX_DIGITS || hasLeadingZero ? -1 : value;
  }

  /** Takes a text that has no escapes, so that its bytes are its characters. */
  #takesPlainText(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    if (bytes[at] !== QUOTE) return false;
    for (;;) {
      const byte = bytes[++at] ?? 0;
      if (byte === QUOTE) break;
      if (byte < 0x20 || byte >= FIRST_BEYOND_ASCII || byte === BACKSLASH) return false;
    }
    this.#at = at + 1;
    return true;
  }

  #takesText(): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    if (bytes[at] !== QUOTE) return false;
    for (;;) {
      const byte = bytes[++at] ?? 0;
      if (byte === QUOTE) break;
      if (byte < 0x20 || byte >= FIRST_BEYOND_ASCII) return false;
      if (byte !== BACKSLASH) continue;
      const escaped = bytes[++at] ?? 0;
      if (escaped === SMALL_U) {
        for (let digit = 0; digit < 4; digit++) if (!isHexDigit(bytes[++at] ?? 0)) return false;
      } else if (!ESCAPED.has(escaped)) return false;
    }
    this.#at = at + 1;
    return true;
  }

  #takesNumber(): boolean {
    if (this.#bytes[this.#at] === MINUS) this.#at++;
    const first = this.#bytes[this.#at];
    const digits = this.#takesDigits();
    if (digits === 0 || (digits > 1 && first === ZERO)) return false;
    if (this.#bytes[this.#at] === POINT) {
      this.#at++;
      if (this.#takesDigits() === 0) return false;
    }
    if (((this.#bytes[this.#at] ?? 0) | LETTER_CASE) !== SMALL_E) return true;
    const sign = this.#bytes[this.#at + 1];
    this.#at += sign === PLUS || sign === MINUS ? 2 : 1;
    return this.#takesDigits() > 0;
  }

  /** @returns the number of them. */
  #takesDigits(): number {
    const start = this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at] ?? 0;
      if (byte < ZERO || byte > NINE) return this.#at - start;
      this.#at++;
    }
  }

  /** Takes the name of a member, and its colon. */
  #takesName(): boolean {
    this.#skipSpace();
    return this.#takesText() && this.#takes(COLON);
  }

  /** Takes a value without recursion, so that nothing that is sent costs stack. */
  #takesValue(): boolean {
    let depth = 0;
    /** A bit for each level: whether it is an array. */
    let arrays = 0;
    for (;;) {
      this.#skipSpace();
      const byte = this.#bytes[this.#at];
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.#at++;
        const isArray = byte === OPEN_ARRAY;
        if (!this.#takes(isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) {
          if (++depth > MAX_DEPTH) return false;
          arrays = isArray ? arrays | (1 << depth) : arrays & ~(1 << depth);
          if (!isArray && !this.#takesName()) return false;
          continue;
        }
      } else if (!this.#takesScalar(byte)) return false;
      for (;;) {
        if (depth === 0) return true;
        const isArray = (arrays & (1 << depth)) !== 0;
        if (this.#takes(COMMA)) {
          if (!isArray && !this.#takesName()) return false;
          break;
        }
        if (!this.#takes(isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) return false;
        depth--;
      }
    }
  }

  #takesScalar(first: number | undefined): boolean {
    if (first === QUOTE) return this.#takesText();
    if (first === MINUS || (first !== undefined && first >= ZERO && first <= NINE))
      return this.#takesNumber();
    return this.#takesWord('true') || this.#takesWord('false') || this.#takesWord('null');
  }
}

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

const isHexDigit = (byte: number): boolean => {
  const letter = byte | LETTER_CASE;
  return (byte >= ZERO && byte <= NINE) || (letter >= SMALL_A && letter <= SMALL_F);
};
