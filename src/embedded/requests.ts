/**
 * Turns calls of the program around an embedded node into requests to its replica.
 *
 * Invariant: it refuses every request that a client could not send over HTTP, because every other node
 * has to take the op in.
 */
import { InvalidRequestError as UnfitValueError } from '../client/errors.ts';
import { encodeValue } from '../client/values/values.ts';
import { hasLoneSurrogate } from '../words/json.ts';
import type { Limits } from '../words/limits.ts';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../words/op.ts';
import { RAW_MARK, rawParts, rawValueFrom } from '../words/rawValue.ts';
import type { DeleteRequest, PutRequest, TouchRequest } from '../words/requests.ts';
import { InvalidRequestError } from './errors.ts';

export interface PutOptions {
  /**
   * From 0 to 2^53 − 2: the value is stored only if the live version is lower, or the key is absent; 0
   * stores only if the key is absent. Default `next`: the present version + 1.
   */
  readonly version?: number | 'next' | undefined;
  /** From 1 to 10^13 milliseconds; null, the default: the entry never expires. */
  readonly ttlMs?: number | null | undefined;
}

export interface DeleteOptions {
  /** Deletes only a live entry of at most this version, 0 to 2^53 − 2. Default: any version. */
  readonly upToVersion?: number | undefined;
}

export interface ListOptions {
  /** Only the keys that begin with this text. Default: all. */
  readonly prefix?: string | undefined;
  /** Only the keys after this one. Default: from the first. */
  readonly startAfter?: string | undefined;
  /** At most this number of entries, 1 or more. Default: all. */
  readonly limit?: number | undefined;
}

export interface WatchOptions {
  /** Only the keys that begin with this text. Default: all. */
  readonly prefix?: string | undefined;
  /** The cursor of an event, from any node: the watch goes on after it. Default: it begins now. */
  readonly cursor?: string | undefined;
  /** Whether a watch without a cursor tells the present entries first, as puts. Default false. */
  readonly initial?: boolean | undefined;
  /** Whether puts carry the value. Default true. */
  readonly values?: boolean | undefined;
  /** Ends the watch when it aborts: `next` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws InvalidRequestError for a wrong key, value or option. */
export function putRequest(
  key: string,
  value: unknown,
  options: PutOptions,
  { maxKeyBytes, maxBodyBytes }: Limits,
): PutRequest {
  refuseOthers('put', options, ['version', 'ttlMs']);
  const { version = 'next', ttlMs = null } = options;
  checkKey(key, maxKeyBytes);
  if (version !== 'next') checkWhole('version', version, 0, MAX_PUT_VERSION);
  if (ttlMs !== null) checkWhole('ttlMs', ttlMs, 1, MAX_TTL_MS);
  return { kind: 'put', key, version, ttlMs, ...storedParts(encoded(value), maxBodyBytes) };
}

/** @throws InvalidRequestError for a value that is too long, or annotations that no client may send. */
function storedParts(
  { value, meta }: ReturnType<typeof encodeValue>,
  maxBodyBytes: number,
): Pick<PutRequest, 'value' | 'meta'> {
  const annotations: unknown = meta === null ? null : JSON.parse(meta);
  const raw = annotations === RAW_MARK ? rawValueFrom(JSON.parse(value)) : null;
  if (raw === null && typeof annotations !== 'object')
    throw new InvalidRequestError(
      'The annotations of a value must be an object, or "bytes" beside {"bytes", "type"}.',
    );
  const bytes =
    raw === null ? Buffer.byteLength(value) + Buffer.byteLength(meta ?? '') : raw.bytes.length;
  if (bytes > maxBodyBytes)
    throw new InvalidRequestError(
      `A value must not be longer than ${maxBodyBytes} bytes${raw === null ? ' of JSON' : ''}, and this has ${bytes}: store less, ` +
        'or raise limits.maxBodyBytes on every node.',
    );
  return raw === null ? { value, meta } : rawParts(raw);
}

/** @throws InvalidRequestError for a wrong key or time to live. */
export function touchRequest(
  key: string,
  ttlMs: number | null,
  { maxKeyBytes }: Limits,
): TouchRequest {
  checkKey(key, maxKeyBytes);
  if (ttlMs !== null) checkWhole('ttlMs', ttlMs, 1, MAX_TTL_MS);
  return { kind: 'touch', key, ttlMs };
}

/** @throws InvalidRequestError for a wrong key or option. */
export function deleteRequest(
  key: string,
  options: DeleteOptions,
  { maxKeyBytes }: Limits,
): DeleteRequest {
  refuseOthers('delete', options, ['upToVersion']);
  const { upToVersion } = options;
  checkKey(key, maxKeyBytes);
  if (upToVersion !== undefined) checkWhole('upToVersion', upToVersion, 0, MAX_PUT_VERSION);
  return { kind: 'delete', key, upToVersion: upToVersion ?? null };
}

/** The options of a list with their defaults, checked. */
export interface CheckedList {
  readonly prefix: string;
  readonly startAfter: string | null;
  readonly limit: number;
}

/** @throws InvalidRequestError for a wrong option. */
export function checkList(options: ListOptions): CheckedList {
  refuseOthers('list', options, ['prefix', 'startAfter', 'limit']);
  const { prefix = '', startAfter, limit = Number.MAX_SAFE_INTEGER } = options;
  checkText('A prefix', prefix);
  if (startAfter !== undefined) checkText('startAfter', startAfter);
  checkWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
  return { prefix, startAfter: startAfter ?? null, limit };
}

/** The options of a watch with their defaults, checked. */
export interface CheckedWatch {
  readonly prefix: string;
  readonly cursor: string | null;
  readonly initial: boolean;
  readonly values: boolean;
  readonly signal: AbortSignal | undefined;
}

/** @throws InvalidRequestError for a wrong option. */
export function checkWatch(options: WatchOptions): CheckedWatch {
  refuseOthers('watch', options, ['prefix', 'cursor', 'initial', 'values', 'signal']);
  const { prefix = '', cursor = null, initial = false, values = true, signal } = options;
  checkText('A prefix', prefix);
  if (cursor !== null) checkText('A cursor', cursor);
  return { prefix, cursor, initial, values, signal };
}

/** @throws InvalidRequestError for an empty or too long key. */
export function checkKey(key: string, maxKeyBytes: number): void {
  checkText('A key', key);
  if (key === '') throw new InvalidRequestError('A key must not be empty.');
  if (Buffer.byteLength(key) > maxKeyBytes)
    throw new InvalidRequestError(`A key must not be longer than ${maxKeyBytes} bytes of UTF-8.`);
}

/** Texts travel as UTF-8, which can't hold half of a surrogate pair. */
function checkText(what: string, text: string): void {
  if (typeof text !== 'string') throw new InvalidRequestError(`${what} must be a string.`);
  if (hasLoneSurrogate(text))
    throw new InvalidRequestError(`${what} must not hold half of a surrogate pair.`);
}

function checkWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new InvalidRequestError(`${name} must be an integer from ${least} to ${most}.`);
}

/** A misspelt `ttlMs` must not store an entry for ever. */
function refuseOthers(call: string, options: object, known: readonly string[]): void {
  const other = Object.keys(options).find((name) => !known.includes(name));
  if (other === undefined) return;
  throw new InvalidRequestError(`${call} has no option ${other}: it has ${known.join(', ')}.`);
}

function encoded(value: unknown): ReturnType<typeof encodeValue> {
  try {
    return encodeValue(value);
  } catch (error) {
    if (!(error instanceof UnfitValueError)) throw error;
    throw new InvalidRequestError(error.message, { cause: error });
  }
}
