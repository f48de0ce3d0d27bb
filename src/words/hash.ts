/**
 * The 64-bit hash of an op's content and sums of such hashes (rule 11).
 *
 * Sums are taken modulo 2^64, so that they do not depend on the order of the ops and an op can be taken
 * out again: an incremental multiset hash in the sense of Clarke et al., "Incremental Multiset Hash
 * Functions and Their Application to Memory Integrity Checking", 2003, section 5. It detects faults,
 * not forgery. Halves are kept as unsigned 32-bit numbers, since neither a double nor better-sqlite3
 * holds 64 bits exactly.
 */
import type { EntryHead, KeyOp, Op, OpId, Unhashed } from './op.ts';

export interface Hash {
  readonly high: number;
  readonly low: number;
}

export const ZERO: Hash = { high: 0, low: 0 };

const HIGH_SEED = 0x9e3779b9;
const LOW_SEED = 0x85ebca6b;
const HIGH_FACTOR = 0x9e3779b1;
const LOW_FACTOR = 0xc2b2ae35;

let high = 0;
let low = 0;

/** Takes one 32-bit word into both lanes. */
function mixWord(word: number): void {
  high = Math.imul(high ^ word, HIGH_FACTOR);
  high ^= high >>> 15;
  low = Math.imul(low ^ word, LOW_FACTOR);
  low ^= low >>> 13;
}

function mixNumber(value: number): void {
  mixWord(value >>> 0);
  mixWord(Math.floor(value / 2 ** 32) >>> 0);
}

/**
 * Mixes the length first, so that no two lists of fields read alike; then the UTF-16 code units, two in
 * each word.
 */
function mixText(text: string | null): void {
  if (text === null) {
    mixWord(0xffffffff);
    return;
  }
  mixWord(text.length);
  // In variables of its own, which stay in registers.
  let [upper, lower] = [high, low];
  const length = text.length;
  let index = 0;
  for (; index + 1 < length; index += 2) {
    const word = text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16);
    upper = Math.imul(upper ^ word, HIGH_FACTOR);
    upper ^= upper >>> 15;
    lower = Math.imul(lower ^ word, LOW_FACTOR);
    lower ^= lower >>> 13;
  }
  high = upper;
  low = lower;
  if (index < length) mixWord(text.charCodeAt(index));
}

/** Spreads the last words over all bits (the finalizer of MurmurHash3, by Appleby). */
function finish(lane: number, other: number): number {
  let bits = lane ^ Math.imul(other, 0x27d4eb2f);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * The hash of all fields of the op except the hash itself. PROTOCOL.md, "Hashes", gives it with
 * examples.
 */
export function hashOp(op: Unhashed): Hash {
  mixOp(op);
  return { high: finish(high, low), low: finish(low, high) };
}

/** Sets the hash of an op that nobody else has seen yet. */
export function giveHash(op: Op & { hashHigh: number; hashLow: number }): void {
  mixOp(op);
  op.hashHigh = finish(high, low);
  op.hashLow = finish(low, high);
}

/** The kind and the origin that were mixed last, and both lanes after them: nearly always the next op has the same. */
let lastKind = '';
let lastOrigin = '';
let highAfter = 0;
let lowAfter = 0;

function beginWith(kind: string, origin: string): void {
  if (kind !== lastKind || origin !== lastOrigin) {
    high = HIGH_SEED;
    low = LOW_SEED;
    mixText(kind);
    mixText(origin);
    lastKind = kind;
    lastOrigin = origin;
    highAfter = high;
    lowAfter = low;
  }
  high = highAfter;
  low = lowAfter;
}

function mixOp(op: Unhashed): void {
  beginWith(op.kind, op.origin);
  mixNumber(op.seq);
  mixNumber(op.hlc);
  mixText(op.key);
  mixNumber(op.generation);
  mixNumber(op.version);
  mixNumber(op.expiresAt ?? -1);
  mixText(op.value);
  mixText(op.meta);
}

/** The hash of an origin with its last seq, for the sum of those that are closed (rule 13). */
export function hashOpId({ origin, seq }: OpId): Hash {
  high = HIGH_SEED;
  low = LOW_SEED;
  mixText(origin);
  mixNumber(seq);
  return { high: finish(high, low), low: finish(low, high) };
}

/** The hash of a text, for two nodes that compare whether they would say the same. */
export function hashText(text: string): Hash {
  high = HIGH_SEED;
  low = LOW_SEED;
  mixText(text);
  return { high: finish(high, low), low: finish(low, high) };
}

/** A number from 0 to 2^32 − 1 that spreads keys evenly: nodes divide their maps by it (rule 11). */
export function hashKey(key: string): number {
  high = HIGH_SEED;
  low = LOW_SEED;
  mixText(key);
  return finish(low, high);
}

/** Whether the hash that the op carries is that of its content. */
export function hasTrueHash(op: Op): boolean {
  const { high: trueHigh, low: trueLow } = hashOp(op);
  return trueHigh === op.hashHigh && trueLow === op.hashLow;
}

/**
 * Whether the op of this head has that value, meta and expiry, as far as its hash tells: the head may be
 * all that is in memory.
 */
export const hasContent = (
  head: EntryHead,
  { value, meta, expiresAt }: Pick<KeyOp, 'value' | 'meta' | 'expiresAt'>,
): boolean => hasTrueHash({ ...head, value, meta, expiresAt } as Op);

export function add(a: Hash, b: Hash): Hash {
  const sumLow = a.low + b.low;
  return { high: (a.high + b.high + (sumLow > 0xffffffff ? 1 : 0)) >>> 0, low: sumLow >>> 0 };
}

export function subtract(a: Hash, b: Hash): Hash {
  return { high: (a.high - b.high - (a.low < b.low ? 1 : 0)) >>> 0, low: (a.low - b.low) >>> 0 };
}

/** A sum that changes in place: a new one for each op would cost more than the addition. */
export interface RunningSum {
  high: number;
  low: number;
}

/** Adds the hash that the op carries. */
export function addTo(sum: RunningSum, { hashHigh, hashLow }: Carrying): void {
  const sumLow = sum.low + hashLow;
  sum.high = (sum.high + hashHigh + (sumLow > 0xffffffff ? 1 : 0)) >>> 0;
  sum.low = sumLow >>> 0;
}

/** Takes the hash that the op carries out again. */
export function takeFrom(sum: RunningSum, { hashHigh, hashLow }: Carrying): void {
  sum.high = (sum.high - hashHigh - (sum.low < hashLow ? 1 : 0)) >>> 0;
  sum.low = (sum.low - hashLow) >>> 0;
}

export const sameHash = (a: Hash, b: Hash): boolean => a.high === b.high && a.low === b.low;

type Carrying = Pick<Op, 'hashHigh' | 'hashLow'>;

/** The hash that an op carries. */
export const carriedHash = (op: Carrying): Hash => ({
  high: op.hashHigh,
  low: op.hashLow,
});

export const HASH_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/**
 * Characters of a hash in text: 6 bits each (the base64url alphabet of RFC 4648, highest bits first).
 */
export const HASH_TEXT_LENGTH = 11;

export function formatHash({ high: upper, low: lower }: Hash): string {
  let text = '';
  for (let shift = 60; shift >= 0; shift -= 6)
    text += HASH_DIGITS[bitsAt(upper, lower, shift)] ?? '';
  return text;
}

/** Six bits of the 64, from `shift` up: the number of one of `HASH_DIGITS`. */
export function bitsAt(upper: number, lower: number, shift: number): number {
  if (shift >= 32) return (upper >>> (shift - 32)) & 63;
  const fromLower = lower >>> shift;
  return (shift > 26 ? fromLower | (upper << (32 - shift)) : fromLower) & 63;
}

/** @returns undefined if the text is not in the form of `formatHash`. */
export function parseHash(text: string): Hash | undefined {
  if (text.length !== HASH_TEXT_LENGTH) return undefined;
  let upper = 0;
  let lower = 0;
  for (let index = 0; index < HASH_TEXT_LENGTH; index++) {
    const digit = HASH_DIGITS.indexOf(text.charAt(index));
    if (digit < 0 || (index === 0 && digit > 15)) return undefined;
    upper = ((upper << 6) | (lower >>> 26)) >>> 0;
    lower = ((lower << 6) | digit) >>> 0;
  }
  return { high: upper, low: lower };
}
