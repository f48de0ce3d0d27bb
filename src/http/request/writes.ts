/** Turns validated bodies of writes into requests to the replica. */
import { at } from '../../words/invariant.ts';
import { eachElement, eachMember, type Members, membersOf } from '../../words/json.ts';
import { RAW_MARK, rawParts, rawValueFrom } from '../../words/rawValue.ts';
import type { DeleteRequest, PutRequest, Request, TouchRequest } from '../../words/requests.ts';
import { type FieldError, toldName, unprocessable } from '../answer/problem.ts';
import type { CheckedBody, JsonBody } from './body.ts';
import type { Batch, BatchOp, PutBody, TouchBody } from './schemas.ts';

/** The part of a body's text between two indexes. */
type Cut = (start: number, end: number) => string;

/**
 * Cuts copies that share no memory. V8 lets a slice of a string point into the whole, so a value of a few
 * bytes would keep its body alive, perhaps a megabyte, for as long as itself.
 */
const cutterOf = ({ text, ascii }: JsonBody): Cut =>
  ascii === null
    ? (start, end) => Buffer.from(text.slice(start, end)).toString()
    : (start, end) => ascii.toString('latin1', start, end);

const VALUE = 0;
const META = 1;
/** Those that are cut out stand first. */
const PUT_FIELDS = ['value', 'meta', 'version', 'ttl_ms'];
const OP_FIELDS = [...PUT_FIELDS, 'op', 'key'];
const BATCH_FIELDS = ['ops'];

/**
 * @param members of the text of the object `body`: the value and its annotations are taken from there.
 * @param path of the body in messages, such as `ops.3.`.
 */
function putRequest(
  key: string,
  body: PutBody,
  { places }: Members,
  cut: Cut,
  path = '',
): PutRequest {
  if (at(places, 2 * VALUE) === 0) throw unprocessable([{ field: 'value', message: 'is missing' }]);
  const version = body.version === 'next' ? 'next' : withoutSign(body.version);
  const ttlMs = body.ttl_ms ?? null;
  const { value, meta } =
    body.meta === RAW_MARK
      ? rawPartsOf(body.value, path)
      : {
          value: cut(at(places, 2 * VALUE), at(places, 2 * VALUE + 1)),
          meta: body.meta == null ? null : cut(at(places, 2 * META), at(places, 2 * META + 1)),
        };
  return { kind: 'put', key, version, ttlMs, value, meta };
}

/** @throws Problem 422 for a value that is no raw one. */
function rawPartsOf(value: unknown, path: string): Pick<PutRequest, 'value' | 'meta'> {
  const raw = rawValueFrom(value);
  if (raw !== null) return rawParts(raw);
  throw unprocessable([
    {
      field: `${path}value`,
      message:
        'must be {"bytes", "type"} where meta is "bytes": base64 with its padding, and a media type other than JSON',
    },
  ]);
}

/**
 * A proxy, or a check in front of the node, may read the first of two fields of one name where `JSON.parse`
 * reads the last (RFC 8259, section 4), so such a body is refused.
 *
 * @param path of the body in messages, such as `ops.3.`.
 * @throws Problem 422
 */
function refuseRepeated(repeated: string | null, path = ''): void {
  if (repeated !== null)
    throw unprocessable([{ field: path + repeated, message: 'is given more than once' }]);
}

/**
 * The request of a PUT of one key.
 *
 * @throws Problem 422 for a time to live under another name, and for a field that is given twice.
 */
export function putRequestOf(key: string, body: CheckedBody<PutBody>): PutRequest {
  const { text, parsed, checked } = body;
  // A plain body is its own check's result: it has no other fields.
  if (parsed !== checked) refuseMisnamedExpiry([[parsed, '']]);
  const members = membersOf(text, PUT_FIELDS);
  refuseRepeated(members.repeated);
  return putRequest(key, checked, members, cutterOf(body));
}

/** @throws Problem 422 for a time to live under another name, and for a field that is given twice. */
export function batchRequests(body: CheckedBody<Batch>): Request[] {
  const { text, parsed, checked } = body;
  const sent = parsed === checked ? checked.ops : sentOps(parsed);
  const members = membersOfOps(text);
  const cut = cutterOf(body);
  return checked.ops.map((op, index) =>
    opRequest(op, sent[index], at(members, index), cut, `ops.${index}.`),
  );
}

/** @throws Problem 422 for a time to live under another name, and for a field that is given twice. */
export const lineRequest = (body: CheckedBody<BatchOp>): Request =>
  opRequest(body.checked, body.parsed, membersOf(body.text, OP_FIELDS), cutterOf(body), '');

/** The ops as they came, with all their fields; none if the body is malformed. */
export function sentOps(parsed: unknown): readonly unknown[] {
  if (typeof parsed !== 'object' || parsed === null || !('ops' in parsed)) return [];
  return Array.isArray(parsed.ops) ? parsed.ops : [];
}

/** Of each op of the batch, in one walk. @throws Problem 422 if the ops are given twice. */
function membersOfOps(text: string): Members[] {
  const members: Members[] = [];
  let lists = 0;
  eachMember(text, BATCH_FIELDS, 0, (place, start) => {
    if (place !== -1) lists++;
    return eachElement(text, start, (from) => {
      const one = membersOf(text, OP_FIELDS, from);
      members.push(one);
      return one.end;
    });
  });
  refuseRepeated(lists > 1 ? 'ops' : null);
  return members;
}

/** @param path of the op in messages, such as `ops.3.`. */
function opRequest(op: BatchOp, sent: unknown, members: Members, cut: Cut, path: string): Request {
  switch (op.op) {
    case 'put':
      if (sent !== op) refuseMisnamedExpiry([[sent, path]]);
      refuseRepeated(members.repeated, path);
      return putRequest(op.key, op, members, cut, path);
    case 'delete':
      refuseRepeated(members.repeated, path);
      return deleteRequest(op.key, op.version);
    case 'touch':
      refuseRepeated(members.repeated, path);
      return { kind: 'touch', key: op.key, ttlMs: op.ttl_ms };
    case 'get':
      return { kind: 'get', key: op.key };
  }
}

/** The request of a touch of one key. @throws Problem 422 for a field that is given twice. */
export function touchRequestOf(
  key: string,
  { text, checked }: CheckedBody<TouchBody>,
): TouchRequest {
  refuseRepeated(membersOf(text, ['ttl_ms']).repeated);
  return { kind: 'touch', key, ttlMs: checked.ttl_ms };
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
