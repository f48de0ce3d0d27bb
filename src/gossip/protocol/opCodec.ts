/**
 * One op on the wire: a JSON array, its value a JSON string, so that the value's text stays exactly
 * as its client sent it. The hash is not sent: the receiver makes its own, and the sum of the range
 * tells whether it is the sender's.
 *
 * Checked by hand and not by a schema: this runs for every op that a peer sends.
 */
import { HearsayError } from '../../words/errors.ts';
import { hashOp } from '../../words/hash.ts';
import { hasLoneSurrogate } from '../../words/json.ts';
import { LAST_VERSION, MAX_COUNTER, type Op, type Unhashed } from '../../words/op.ts';

/** A peer sent what this protocol has no meaning for: the connection is closed. */
export class MalformedMessageError extends HearsayError {
  constructor(fault: string) {
    super(`The peer sent a malformed message: ${fault}.`);
  }
}

/** The op as its array on the wire. */
export const wireOp = (op: Op): readonly unknown[] => [
  op.kind,
  op.origin,
  op.seq,
  op.hlc,
  op.key,
  op.generation,
  op.version,
  op.expiresAt,
  op.value,
  op.meta,
];

export const encodeOp = (op: Op): string => JSON.stringify(wireOp(op));

const FIELDS = 10;

/** @throws MalformedMessageError */
export function decodeOp(wire: unknown): Op {
  if (!Array.isArray(wire) || wire.length !== FIELDS) throw new MalformedMessageError('not an op');
  const fields: readonly unknown[] = wire;
  const [kind, origin, seq, hlc, key, generation, version, expiresAt, value, meta] = fields;
  if (
    !isOrigin(origin) ||
    !isText(key) ||
    !isCount(seq, Number.MAX_SAFE_INTEGER) ||
    seq === 0 ||
    !isCount(hlc, MAX_COUNTER) ||
    !isCount(generation, MAX_COUNTER) ||
    !isCount(version, LAST_VERSION)
  )
    throw new MalformedMessageError('an op has a field out of its range');
  const common = { origin, seq, hlc, key, generation, version };
  return withHash(decodeRest(common, kind, expiresAt, value, meta));
}

type Common = Pick<Op, 'origin' | 'seq' | 'hlc' | 'key' | 'generation' | 'version'>;

/** Members in the order in which they are born elsewhere, so that all ops have one shape in memory. */
function decodeRest(
  { origin, seq, hlc, key, generation, version }: Common,
  kind: unknown,
  expiresAt: unknown,
  value: unknown,
  meta: unknown,
): Unhashed {
  const birth = { origin, seq, hlc };
  if (kind === 'put' && isText(value) && isTextOrNull(meta) && isTimeOrNull(expiresAt))
    return { ...birth, kind, key, generation, version, expiresAt, value, meta };
  if (expiresAt !== null || meta !== null) throw new MalformedMessageError('an op of odd fields');
  if (kind === 'delete' && value === null)
    return { ...birth, kind, key, generation, version, expiresAt, value, meta };
  if ((kind === 'join' || kind === 'retire') && isTextOrNull(value))
    return { ...birth, kind, key, generation, version, expiresAt, value, meta };
  throw new MalformedMessageError('an op of an unknown kind');
}

function withHash(unhashed: Unhashed): Op {
  const { high, low } = hashOp(unhashed);
  return { ...unhashed, hashHigh: high, hashLow: low };
}

/** Signs that an ETag may hold, and never an array index, whose place in an object is not kept. */
export const ORIGIN_PATTERN = /^[A-Za-z0-9_-]{1,64}\.[a-z0-9]{1,32}$/;

const isOrigin = (value: unknown): value is string =>
  typeof value === 'string' && ORIGIN_PATTERN.test(value);
const isText = (value: unknown): value is string =>
  typeof value === 'string' && !hasLoneSurrogate(value);
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isCount = (value: unknown, max: number): value is number =>
  Number.isSafeInteger(value) && typeof value === 'number' && value >= 0 && value <= max;
const isTimeOrNull = (value: unknown): value is number | null =>
  value === null || isCount(value, Number.MAX_SAFE_INTEGER);
