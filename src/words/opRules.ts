/**
 * The bounds that every op keeps, from a client, a peer, a file or an export. Each way in checks its
 * ops against them once, and the code behind it trusts them.
 */
import { LAST_VERSION, MAX_COUNTER, MAX_PUT_VERSION, type OpId, type Unhashed } from './op.ts';
import { KIB } from './size.ts';

/**
 * The form of an origin: a node id, a dot and random characters. An ETag and the name of a folder can
 * hold it, and it never looks like an array index, whose place in an object is not kept.
 */
export const ORIGIN_PATTERN = /^[A-Za-z0-9_-]{1,64}\.[a-z0-9]{1,32}$/;

export const isOrigin = (value: unknown): value is string =>
  typeof value === 'string' && ORIGIN_PATTERN.test(value);

/** The longest key that a node may be set to take, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 64 * KIB;
/** The longest URL of a member, in characters. */
export const MAX_URL_LENGTH = 2048;
/** The longest value of a `join`, in characters: its URL, and room for fields of later versions. */
export const MAX_MEMBER_VALUE_LENGTH = 4 * KIB;

/** A whole number from `least` to `most`. */
const isBetween = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most;

/** An HLC, a generation or a horizon: max + 1 must stay a safe integer for ever. */
export const isCounter = (value: number): boolean => isBetween(value, 0, MAX_COUNTER);

/**
 * Scheme, host and port of a member, as peers dial it: no path, no query, no user.
 *
 * @returns the URL in the one form that all nodes write; null if nobody could dial it.
 */
export function memberUrl(text: string): string | null {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) return null;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? url.origin : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * @returns the bound that the op id breaks, as the end of a sentence about it; null if it keeps them
 *   all.
 */
export function faultOfOpId({ origin, seq }: OpId): string | null {
  if (!isOrigin(origin)) return 'its origin is not one';
  if (!isBetween(seq, 1, Number.MAX_SAFE_INTEGER)) return 'its seq is out of range';
  return null;
}

/**
 * Checks all fields of an op except its hash and its shape (`isOp`).
 *
 * @returns the bound that it breaks, as the end of a sentence about it; null if it keeps them all.
 */
export function faultOfOp(op: Unhashed): string | null {
  const fault = faultOfOpId(op);
  if (fault !== null) return fault;
  if (!isCounter(op.hlc)) return 'its HLC is out of range';
  if (!isCounter(op.generation)) return 'its generation is out of range';
  switch (op.kind) {
    case 'put':
      return faultOfKey(op.key) ?? faultOfPut(op);
    case 'delete':
      if (!isBetween(op.version, 0, LAST_VERSION)) return 'its version is out of range';
      return faultOfKey(op.key);
    case 'join':
    case 'retire':
      if (op.generation !== 0 || op.version !== 0) return 'it has a generation or a version';
      if (!isOrigin(op.key)) return 'it names no origin';
      return op.kind === 'join' ? faultOfMemberValue(op.value) : null;
  }
}

function faultOfKey(key: string): string | null {
  if (key === '') return 'its key is empty';
  if (!key.isWellFormed()) return 'its key holds half of a surrogate pair';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    return `its key is longer than ${MAX_KEY_BYTES} bytes`;
  return null;
}

function faultOfPut({
  version,
  expiresAt,
  value,
  meta,
}: Extract<Unhashed, { kind: 'put' }>): string | null {
  if (!isBetween(version, 0, MAX_PUT_VERSION)) return 'its version is out of range';
  if (expiresAt !== null && !isBetween(expiresAt, 0, Number.MAX_SAFE_INTEGER))
    return 'its expiry is out of range';
  if (!value.isWellFormed() || !isJson(value)) return 'its value is not JSON';
  if (meta !== null && (!meta.isWellFormed() || !isJson(meta))) return 'its meta is not JSON';
  return null;
}

/**
 * Admits every value: logs of 0.1.0 hold URLs that nobody can dial, which count as null (`Members`),
 * and another version may write more fields.
 */
function faultOfMemberValue(value: string | null): string | null {
  if (value === null) return null;
  if (value.length > MAX_MEMBER_VALUE_LENGTH) return 'it says too much of its member';
  if (!value.isWellFormed() || !isJson(value)) return 'its facts about the member are not JSON';
  return null;
}
