/** Turns validated bodies of writes into requests to the replica. */
import { memberText } from '../../words/json.ts';
import type { DeleteRequest, PutRequest, Request } from '../../words/requests.ts';
import { type FieldError, toldName, unprocessable } from '../answer/problem.ts';
import type { CheckedBody, JsonBody } from './body.ts';
import type { BatchOp, PutBody } from './schemas.ts';

/**
 * A copy that shares no memory. V8 lets a slice of a string point into the whole, so a value of a few
 * bytes would keep its body alive, perhaps a megabyte, for as long as itself.
 */
const standAlone = (text: string): string => Buffer.from(text).toString();

/** @param text the text of the object `body`: the value and its annotations are sliced from it. */
export function putRequest(key: string, body: PutBody, text: string): PutRequest {
  const value = memberText(text, 'value');
  if (value === undefined) throw unprocessable([{ field: 'value', message: 'is missing' }]);
  const meta = body.meta == null ? undefined : memberText(text, 'meta');
  return {
    kind: 'put',
    key,
    version: body.version === 'next' ? 'next' : withoutSign(body.version),
    ttlMs: body.ttl_ms ?? null,
    value: standAlone(value),
    meta: meta === undefined ? null : standAlone(meta),
  };
}

/**
 * The request of a PUT of one key.
 *
 * @throws Problem 422 for a time to live under another name.
 */
export function putRequestOf(
  key: string,
  { text, parsed, checked }: CheckedBody<PutBody>,
): PutRequest {
  refuseMisnamedExpiry([[parsed, '']]);
  return putRequest(key, checked, text);
}

/**
 * The request of one op of a batch.
 *
 * @param path of the op in messages, such as `ops.3.`.
 * @throws Problem 422 for a time to live under another name.
 */
export function batchRequest(op: BatchOp, { text, parsed }: JsonBody, path: string): Request {
  switch (op.op) {
    case 'put':
      refuseMisnamedExpiry([[parsed, path]]);
      return putRequest(op.key, op, text);
    case 'delete':
      return deleteRequest(op.key, op.version);
    case 'get':
      return { kind: 'get', key: op.key };
  }
}

export const deleteRequest = (key: string, upToVersion: number | undefined): DeleteRequest => ({
  kind: 'delete',
  key,
  upToVersion: upToVersion === undefined ? null : withoutSign(upToVersion),
});

/** JSON can write minus zero, which is no version of its own. */
const withoutSign = (version: number): number => version + 0;

const SOUNDS_LIKE_EXPIRY = /^(ttl|expir)/i;
const OUR_NAME = 'ttl_ms';

/** A client may send back an answer of a GET: its `expires_at` of null asks for nothing. */
function misnamed(body: unknown, path: string): FieldError[] {
  if (typeof body !== 'object' || body === null) return [];
  return Object.entries(body)
    .filter(([name, value]) => SOUNDS_LIKE_EXPIRY.test(name) && name !== OUR_NAME && value !== null)
    .map(([name]) => ({
      field: path + toldName(name),
      message: `is no field of a PUT: the time to live is ${OUR_NAME}, in milliseconds`,
    }));
}

/**
 * Refuses a time to live under another name: without this check the entry would silently live for ever.
 * Other unknown fields of a body are ignored, as in the old cache.
 *
 * @param bodies of PUTs, each with its path, such as `ops.3.`.
 * @throws Problem 422
 */
export function refuseMisnamedExpiry(
  bodies: Iterable<readonly [body: unknown, path: string]>,
): void {
  for (const [body, path] of bodies) {
    const errors = misnamed(body, path);
    if (errors.length > 0) throw unprocessable(errors);
  }
}
