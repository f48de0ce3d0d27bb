/** Turns validated bodies of writes into requests to the replica. */
import { membersOf } from '../../words/json.ts';
import type { DeleteRequest, PutRequest, Request } from '../../words/requests.ts';
import { type FieldError, toldName, unprocessable } from '../answer/problem.ts';
import type { CheckedBody, JsonBody } from './body.ts';
import type { BatchOp, PutBody } from './schemas.ts';

/**
 * A copy that shares no memory. V8 lets a slice of a string point into the whole, so a value of a few
 * bytes would keep its body alive, perhaps a megabyte, for as long as itself.
 */
const standAlone = (text: string): string => Buffer.from(text).toString();

const PUT_FIELDS = ['value', 'version', 'ttl_ms', 'meta'];
const OP_FIELDS = ['op', 'key', ...PUT_FIELDS];

/**
 * @param text the text of the object `body`: the value and its annotations are sliced from it.
 * @param path of the body in messages, such as `ops.3.`.
 */
function putRequest(key: string, body: PutBody, text: string, path = ''): PutRequest {
  const texts = fieldTexts(text, path === '' ? PUT_FIELDS : OP_FIELDS, path);
  const value = texts.get('value');
  if (value === undefined) throw unprocessable([{ field: 'value', message: 'is missing' }]);
  const meta = body.meta == null ? undefined : texts.get('meta');
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
 * The texts of fields by name. A proxy, or a check in front of the node, may read the first of two
 * fields of one name where `JSON.parse` reads the last (RFC 8259, section 4), so such a body is refused.
 *
 * @throws Problem 422
 */
export function fieldTexts(
  text: string,
  names: readonly string[],
  path: string,
): ReadonlyMap<string, string> {
  const { texts, repeated } = membersOf(text, names);
  if (repeated === null) return texts;
  throw unprocessable([{ field: path + repeated, message: 'is given more than once' }]);
}

/**
 * The request of a PUT of one key.
 *
 * @throws Problem 422 for a time to live under another name, and for a field that is given twice.
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
 * @throws Problem 422 for a time to live under another name, and for a field that is given twice.
 */
export function batchRequest(op: BatchOp, { text, parsed }: JsonBody, path: string): Request {
  switch (op.op) {
    case 'put':
      refuseMisnamedExpiry([[parsed, path]]);
      return putRequest(op.key, op, text, path);
    case 'delete':
      fieldTexts(text, OP_FIELDS, path);
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
