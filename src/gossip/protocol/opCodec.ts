/**
 * One op on the wire: a JSON array. Its value is a JSON string, so that the value's text stays exactly
 * as its client sent it. The hash is not sent: the receiver computes it, and the sum of the range
 * proves that it is the sender's.
 *
 * The check is written by hand, without a schema, because it runs for every op that a peer sends.
 */
import { HearsayError } from '../../words/errors.ts';
import { hashOp } from '../../words/hash.ts';
import { isKind, isOp, MAX_GENERATION, type Op } from '../../words/op.ts';
import { faultOfOp } from '../../words/opRules.ts';
import { isCount, isText, orNull } from '../../words/shape.ts';

/** A peer sent a message that has no meaning in this protocol: the connection is closed. */
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

/** @throws MalformedMessageError if it is no op, or breaks the bounds of every op. */
export function decodeOp(wire: unknown): Op {
  if (!Array.isArray(wire) || wire.length !== FIELDS) throw new MalformedMessageError('not an op');
  const fields: readonly unknown[] = wire;
  const [kind, origin, seq, hlc, key, generation, version, expiresAt, value, meta] = fields;
  if (
    !isKind(kind) ||
    !isText(origin) ||
    !isText(key) ||
    !isCount(seq) ||
    !isCount(hlc) ||
    !isCount(generation) ||
    !isCount(version) ||
    !isCountOrNull(expiresAt) ||
    !isTextOrNull(value) ||
    !isTextOrNull(meta)
  )
    throw new MalformedMessageError('an op has a field of another type');
  const parts = { origin, seq, hlc, kind, key, generation, version, expiresAt, value, meta };
  if (!isOp(parts)) throw new MalformedMessageError(`a ${kind} has odd fields`);
  const fault = faultOfOp(parts);
  if (fault !== null) throw new MalformedMessageError(`an op breaks its bounds: ${fault}`);
  // A greater generation leaves no room for a horizon above it. Only the wire refuses it: a log that
  // holds such an op still opens.
  if (generation > MAX_GENERATION)
    throw new MalformedMessageError('the generation of an op is out of range');
  const { high, low } = hashOp(parts);
  return { ...parts, hashHigh: high, hashLow: low };
}

const isTextOrNull = orNull(isText);
const isCountOrNull = orNull(isCount);
