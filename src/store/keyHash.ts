/**
 * HalfSipHash-1-3: a keyed hash with 32 bits of output, made of 32-bit words. Who does not know the seed
 * can't choose keys that collide (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the
 * variant is the one that Linux keeps its hash tables by).
 */

/** Two random unsigned 32-bit numbers that never leave the process. */
export interface HashSeed {
  readonly first: number;
  readonly second: number;
}

let v0 = 0;
let v1 = 0;
let v2 = 0;
let v3 = 0;

function round(): void {
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
}

function take(word: number): void {
  v3 ^= word;
  round();
  v0 ^= word;
}

/** @returns the unsigned 32-bit hash of the first `length` bytes. */
export function hashBytes(bytes: DataView, length: number, seed: HashSeed): number {
  v0 = seed.first;
  v1 = seed.second;
  v2 = 0x6c796765 ^ seed.first;
  v3 = 0x74656462 ^ seed.second;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) take(bytes.getUint32(at, true));
  let last = length << 24;
  for (let at = whole; at < length; at++) last |= bytes.getUint8(at) << (8 * (at & 3));
  take(last);
  v2 ^= 0xff;
  round();
  round();
  round();
  return (v1 ^ v3) >>> 0;
}
