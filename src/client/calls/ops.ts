/** The ops on one key: their options, their results, and the forms of both on the wire. */

import { CACHED, type CachedFacts, cachedText } from '../cached/cachedFacts.ts';
import {
  ConflictError,
  InvalidRequestError,
  PreconditionFailedError,
  quoted,
  ServerError,
} from '../errors.ts';
import { countMember, instantMember, isObject, type JsonObject, stringMember } from '../json.ts';
import { checkNames } from '../knownNames.ts';
import { whole } from '../options.ts';
import { randomId } from '../randomId.ts';
import { Bytes } from '../values/bytes.ts';
import { encodeValue, JsonText } from '../values/values.ts';
import type { WireRequest } from './attempt.ts';
import { type Entry, readEntry } from './entry.ts';

export interface PutOptions {
  /**
   * From 0 to 2^53 − 2: the value is stored only if the live version is lower, or the key is absent; 0
   * stores only if the key is absent. Default `next`: the present version + 1.
   */
  readonly version?: number | 'next';
  /** From 1 to 10^13 milliseconds; null, the default: the entry never expires. */
  readonly ttlMs?: number | null;
  /**
   * The number of nodes that must have stored it before the answer, including the one asked: 1 to
   * 1,000, or `all` members; see `Stored.acks`.
   */
  readonly acks?: number | 'all';
  /** The node's longest wait for them, in milliseconds: 1 to 60,000, default 5,000. */
  readonly acksTimeoutMs?: number;
  /**
   * The ETag of an entry (`get` with `etag`): the value is stored only if that entry is still the live one, so not
   * where the key was deleted. Default: no condition.
   */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

export interface TaggedPutOptions extends PutOptions {
  /**
   * Tags of the entry, at most 256: `invalidateTag` of one of them makes it absent. Only this library
   * knows tags.
   */
  readonly tags?: readonly string[];
  /**
   * When the value was made, by `performance.now()`: what this client learned of later invalidations of the tags
   * counts against it. Default: now.
   */
  readonly madeAtMs?: number;
}

export interface DeleteOptions {
  /** Deletes only a live entry of at most this version. Default: any version. */
  readonly upToVersion?: number;
  readonly signal?: AbortSignal;
}

export interface Stored {
  readonly version: number;
  readonly expiresAt: Date | null;
  /** The node that took the write. */
  readonly node: string | null;
  /** Stands for this write: a read `after` this token sees the write on any node. */
  readonly token: string | null;
  /** The number of nodes that had stored it in time if `acks` was asked for; else null. */
  readonly acks: number | null;
  /** The number of all members if `acks: 'all'` was asked for; else null. With as many acks, all had stored it. */
  readonly members: number | null;
}

/** The entry after a touch: its value and version are as before. */
export type Touched = Omit<Stored, 'acks' | 'members'>;

export interface Deleted {
  /**
   * Whether the key was live. Null where that is unknown: a node of 0.3.0 or older does not tell, and an
   * earlier attempt whose answer was lost may have deleted it.
   */
  readonly existed: boolean | null;
  readonly node: string | null;
  readonly token: string | null;
}

export interface WirePut {
  readonly op: 'put';
  readonly key: string;
  /** JSON text. */
  readonly value: string;
  /** JSON text; null for none. */
  readonly meta: string | null;
  /** The value if it is raw bytes: then a request of its own sends them as they are. */
  readonly raw: Bytes | null;
  readonly version: number | 'next';
  readonly ttlMs: number | null;
  readonly acks: number | 'all' | null;
  readonly acksTimeoutMs: number;
  readonly ifMatch: string | null;
  /** Also in `meta`, and so it names the write. Null where a repeated write does no harm, for JSON text and for bytes. */
  readonly writeId: string | null;
}

export interface WireDelete {
  readonly op: 'delete';
  readonly key: string;
  readonly upToVersion: number | null;
}

export interface WireTouch {
  readonly op: 'touch';
  readonly key: string;
  readonly ttlMs: number | null;
}

export interface WireGet {
  readonly op: 'get';
  readonly key: string;
  /** Whether the entry is to have its ETag, which only a request of its own tells. */
  readonly withEtag: boolean;
}

export type WireOp = WirePut | WireDelete | WireTouch | WireGet;

/** The outcome of one op as the node answered it: a single request's body, or one result of a batch. */
export interface Answered {
  readonly status: number;
  readonly body: JsonObject;
  /** Null where there is none, as in a batch. */
  readonly etag: string | null;
}

const PUT_NAMES: ReadonlySet<string> = new Set<keyof PutOptions>([
  'version',
  'ttlMs',
  'acks',
  'acksTimeoutMs',
  'ifMatch',
  'signal',
]);
export const TAGGED_PUT_NAMES: ReadonlySet<string> = new Set([...PUT_NAMES, 'tags', 'madeAtMs']);
const DELETE_NAMES: ReadonlySet<string> = new Set<keyof DeleteOptions>(['upToVersion', 'signal']);
const MAX_VERSION = Number.MAX_SAFE_INTEGER - 1;
const MAX_TTL_MS = 10 ** 13;
const MAX_ACKS = 1000;
const MAX_ACKS_TIMEOUT_MS = 60_000;
/** The member of `meta` by which a write recognises its own entry; readers ignore unknown members. */
const WRITE_ID = 'write';
/** An op with a longer path goes as a batch: servers answer a URL beyond 16 KiB with 431. */
const MAX_PATH_LENGTH = 8 * 1024;

/**
 * @param facts the entry remembers them; null for none.
 * @throws InvalidRequestError
 */
export function putOp(
  key: string,
  value: unknown,
  options: PutOptions = {},
  facts: CachedFacts | null = null,
): WirePut {
  checkNames('put', options, PUT_NAMES);
  const { version = 'next', ttlMs = null, acks = null, acksTimeoutMs = 5000 } = options;
  const { ifMatch = null } = options;
  checkedKey(key);
  const raw = value instanceof Bytes ? value : value instanceof JsonText ? value.raw : null;
  const { value: text, meta: ofValue } = encodeValue(value);
  if (version !== 'next') whole('version', version, 0, MAX_VERSION);
  if (ttlMs !== null) whole('ttlMs', ttlMs, 1, MAX_TTL_MS, ', or null');
  if (acks !== null && acks !== 'all') whole('acks', acks, 1, MAX_ACKS, ', or "all"');
  whole('acksTimeoutMs', acksTimeoutMs, 1, MAX_ACKS_TIMEOUT_MS);
  if (acks !== null) requirePath(key, "A write of this key can't ask for acks");
  if (ifMatch !== null)
    requirePath(checkedEtag(key, ifMatch), "A write of this key can't have ifMatch");
  const hasOwnMeta = value instanceof JsonText || raw !== null;
  const isHarmless = version === 'next' && ifMatch === null;
  const writeId = isHarmless || hasOwnMeta ? null : randomId();
  const meta = facts === null ? ofValue : withMember(ofValue, CACHED, cachedText(facts));
  return {
    op: 'put',
    key,
    value: text,
    raw,
    meta: writeId === null ? meta : withMember(meta, WRITE_ID, `"${writeId}"`),
    version,
    ttlMs,
    acks,
    acksTimeoutMs,
    ifMatch,
    writeId,
  };
}

/** @throws InvalidRequestError */
export function deleteOp(key: string, options: DeleteOptions = {}): WireDelete {
  checkNames('delete', options, DELETE_NAMES);
  const { upToVersion } = options;
  if (upToVersion !== undefined) whole('upToVersion', upToVersion, 0, MAX_VERSION);
  return { op: 'delete', key: checkedKey(key), upToVersion: upToVersion ?? null };
}

/** @throws InvalidRequestError */
export function touchOp(key: string, ttlMs: number | null): WireTouch {
  if (ttlMs !== null) whole('ttlMs', ttlMs, 1, MAX_TTL_MS, ', or null');
  return { op: 'touch', key: checkedKey(key), ttlMs };
}

/** @throws InvalidRequestError */
export function getOp(key: string, withEtag = false): WireGet {
  checkedKey(key);
  if (withEtag) requirePath(key, "A read of this key can't ask for its ETag");
  return { op: 'get', key, withEtag };
}

/** @throws InvalidRequestError for a key that only a batch can carry. */
function requirePath(key: string, refusal: string): void {
  if (pathOf(key) === null) throw new InvalidRequestError(`${refusal}: ${quoted(key)}.`);
}

/** @returns the key. @throws InvalidRequestError */
function checkedEtag(key: string, ifMatch: string): string {
  if (typeof ifMatch === 'string' && /^(W\/)?"[!#-~]+"$/.test(ifMatch)) return key;
  throw new InvalidRequestError('ifMatch must be the ETag of an entry, with its double quotes.');
}

/** @throws InvalidRequestError */
function checkedKey(key: string): string {
  if (key !== '') return checkedText('A key', key);
  throw new InvalidRequestError('A key must not be empty.');
}

/** Texts travel as UTF-8, which can't hold half of a surrogate pair. @throws InvalidRequestError */
export function checkedText(what: string, text: string): string {
  if (typeof text !== 'string') throw new InvalidRequestError(`${what} must be a string.`);
  if (text.isWellFormed()) return text;
  throw new InvalidRequestError(`${what} must not hold half of a surrogate pair: ${quoted(text)}.`);
}

/** The op as a request of its own; null if only a batch can carry it. */
export function singleRequest(op: WireOp, after: string | null): WireRequest | null {
  const path = pathOf(op.key);
  if (path === null) return null;
  switch (op.op) {
    case 'get':
      return { method: 'GET', path, after, isWrite: false, waitMs: 0 };
    case 'delete': {
      const query = op.upToVersion === null ? '' : `?version=${op.upToVersion}`;
      return { method: 'DELETE', path: path + query, after: null, isWrite: true, waitMs: 0 };
    }
    case 'touch': {
      const body = `{"ttl_ms":${op.ttlMs}}`;
      const words = { after: null, isWrite: true, waitMs: 0 };
      return { method: 'POST', path: `${path}/touch`, body, ...words };
    }
    case 'put': {
      const { acks, acksTimeoutMs } = op;
      const query = acks === null ? '' : `?acks=${acks}&timeout_ms=${acksTimeoutMs}`;
      const waitMs = acks === null ? 0 : acksTimeoutMs;
      const words = {
        method: 'PUT',
        path: path + query,
        after: null,
        isWrite: true,
        waitMs,
      } as const;
      const condition = op.ifMatch === null ? null : { 'If-Match': op.ifMatch };
      return op.raw === null
        ? { ...words, body: `{${putMembers(op)}}`, ...(condition && { headers: condition }) }
        : { ...words, body: op.raw.bytes, headers: { ...rawHeaders(op, op.raw), ...condition } };
    }
  }
}

/** The op as an element of a batch, in JSON. */
export function batchElement(op: WireOp): string {
  const head = `{"op":"${op.op}","key":${JSON.stringify(op.key)}`;
  if (op.op === 'put') return `${head},${putMembers(op)}}`;
  if (op.op === 'touch') return `${head},"ttl_ms":${op.ttlMs}}`;
  if (op.op === 'delete' && op.upToVersion !== null) return `${head},"version":${op.upToVersion}}`;
  return `${head}}`;
}

/** @throws ServerError for an answer that no node gives. */
export function readGet<T>(op: WireGet, { status, body, etag }: Answered): Entry<T> | undefined {
  if (isAbsent(status, body)) return undefined;
  const entry = status === 200 ? readEntry<T>(op.key, body) : null;
  if (entry === null || (op.withEtag && etag === null)) return strange(op, status);
  // The value may be a getter that throws, so it is not copied.
  return op.withEtag
    ? Object.defineProperty(entry, 'etag', { value: etag, enumerable: true })
    : entry;
}

/** @throws ConflictError, PreconditionFailedError, ServerError */
export function readPut(op: WirePut, { status, body }: Answered): Stored {
  refuseConflict(op, status, body);
  if (status === 412 && op.ifMatch !== null) {
    const token = stringMember(body, 'token');
    throw new PreconditionFailedError(op.key, countMember(body, 'current_version'), token);
  }
  const version = countMember(body, 'version') ?? op.version;
  if (!says('stored', status, body) || version === 'next') return strange(op, status);
  return {
    version,
    expiresAt: instantMember(body, 'expires_at'),
    node: stringMember(body, 'node'),
    token: stringMember(body, 'token'),
    acks: countMember(body, 'acks'),
    members: countMember(body, 'members'),
  };
}

/** @returns undefined if the key is absent. @throws ServerError */
export function readTouch(op: WireTouch, { status, body }: Answered): Touched | undefined {
  if (isAbsent(status, body)) return undefined;
  const version = countMember(body, 'version');
  if (!says('touched', status, body) || version === null) return strange(op, status);
  return {
    version,
    expiresAt: instantMember(body, 'expires_at'),
    node: stringMember(body, 'node'),
    token: stringMember(body, 'token'),
  };
}

/** @throws ConflictError, ServerError */
export function readDelete(op: WireDelete, { status, body }: Answered): Deleted {
  refuseConflict(op, status, body);
  if (!says('deleted', status, body)) return strange(op, status);
  return {
    existed: typeof body.existed === 'boolean' ? body.existed : null,
    node: stringMember(body, 'node'),
    token: stringMember(body, 'token'),
  };
}

/** Whether the entry in the answer to a get is this put's. */
export const isOwnWrite = ({ version, writeId }: WirePut, { status, body }: Answered): boolean =>
  status === 200 &&
  (version === 'next' || countMember(body, 'version') === version) &&
  isObject(body.meta) &&
  stringMember(body.meta, WRITE_ID) === writeId;

/** Other servers answer 404 as well: a node's answer has one of two forms. */
const isAbsent = (status: number, body: JsonObject): boolean =>
  status === 404 && (body.detail === 'Not found' || body.detail === 'Expired');

/** In a single answer `status` is a word; in a result of a batch it is the number of the status. */
const says = (what: 'stored' | 'deleted' | 'touched', status: number, body: JsonObject): boolean =>
  status === 200 && (body.status === what || body.status === status);

function refuseConflict({ key }: WireOp, status: number, body: JsonObject): void {
  if (status !== 409) return;
  const currentVersion = countMember(body, 'current_version');
  if (currentVersion === null) return;
  throw new ConflictError(key, currentVersion, stringMember(body, 'token'));
}

function strange({ op, key }: WireOp, status: number): never {
  throw new ServerError(
    `The answer (${status}) to the ${op} of ${quoted(key)} is not in Hearsay's form: is the server a node?`,
    status,
    { mayBeStored: op !== 'get' && status === 200 },
  );
}

const rawHeaders = ({ version, ttlMs }: WirePut, { type }: Bytes): Record<string, string> => ({
  'Content-Type': type,
  'Hearsay-Version': String(version),
  ...(ttlMs === null ? {} : { 'Hearsay-TTL-Ms': String(ttlMs) }),
});

function putMembers({ value, version, ttlMs, meta }: WirePut): string {
  const ttl = ttlMs === null ? '' : `,"ttl_ms":${ttlMs}`;
  const annotations = meta === null ? '' : `,"meta":${meta}`;
  return `"value":${value},"version":${JSON.stringify(version)}${ttl}${annotations}`;
}

/** Null for a key that is no segment of a path: URL parsing removes dots, however they are encoded. */
function pathOf(key: string): string | null {
  if (key === '.' || key === '..') return null;
  const path = `/cache/${encodeURIComponent(key)}`;
  return path.length > MAX_PATH_LENGTH ? null : path;
}

/** @param json the value of the member. @throws InvalidRequestError for annotations that are no object. */
function withMember(meta: string | null, name: string, json: string): string {
  if (meta === null) return `{"${name}":${json}}`;
  const present: unknown = JSON.parse(meta);
  if (!isObject(present))
    throw new InvalidRequestError(
      'Raw bytes hold no tags and no times: take a Uint8Array, whose annotations are an object.',
    );
  const separator = Object.keys(present).length === 0 ? '' : ',';
  return `${meta.slice(0, meta.lastIndexOf('}'))}${separator}"${name}":${json}}`;
}
