/**
 * Fields that several messages have, each with its form on the wire, its form in memory, and the way
 * between the two.
 */

import { z } from 'zod';
import type { Range } from '../../words/delta.ts';
import { formatHash, HASH_TEXT_LENGTH, type Hash, parseHash, ZERO } from '../../words/hash.ts';
import { at } from '../../words/invariant.ts';
import { LAST_VERSION, MAX_COUNTER, type Op } from '../../words/op.ts';
import { ORIGIN_PATTERN } from '../../words/opRules.ts';
import type { SnapshotEnd, SnapshotRow } from '../../words/snapshot.ts';
import type { Vector } from '../../words/vector.ts';
import type { Digest } from './digest.ts';
import { decodeOp, MalformedMessageError, wireOp } from './opCodec.ts';
import type { EntryMark } from './repair.ts';

/** A longer reason is cut: the fault of a long message may take long to say. */
const MAX_REASON_LENGTH = 1024;

export const counter = z.int().min(0).max(MAX_COUNTER);
export const seqOrZero = z.int().min(0);
export const originName = z.string().regex(ORIGIN_PATTERN);

/** One sentence for the log of the receiver. */
export const reason = z.codec(z.string().max(MAX_REASON_LENGTH), z.string(), {
  decode: (text) => text,
  encode: (text) => text.slice(0, MAX_REASON_LENGTH),
});

const hashText = z.string().length(HASH_TEXT_LENGTH);

function decodeHash(text: string): Hash {
  const hash = parseHash(text);
  if (hash === undefined) throw new MalformedMessageError(`${text} is not a hash`);
  return hash;
}

/** Hashes one after the other, 11 characters each. */
export const hashes = z.codec(z.string(), z.custom<readonly Hash[]>(), {
  decode: (text) => {
    if (text.length % HASH_TEXT_LENGTH !== 0)
      throw new MalformedMessageError('the sums are cut off');
    const sums: Hash[] = [];
    for (let from = 0; from < text.length; from += HASH_TEXT_LENGTH)
      sums.push(decodeHash(text.slice(from, from + HASH_TEXT_LENGTH)));
    return sums;
  },
  encode: (sums) => sums.map(formatHash).join(''),
});

const vectorObject = z.record(originName, seqOrZero);

export const vector = z.codec(vectorObject, z.custom<Vector>(), {
  decode: (seqs) => new Map(Object.entries(seqs)),
  encode: (seqs) => Object.fromEntries(seqs),
});

/** Ops are decoded by hand: a schema would cost more than the rest of their way into the log. */
export const ops = z.codec(z.array(z.unknown()), z.custom<readonly Op[]>(), {
  decode: (wires) => wires.map(decodeOp),
  encode: (all) => all.map(wireOp),
});

const wireRange = z.tuple([originName, seqOrZero, seqOrZero, hashText]);
type WireRange = z.infer<typeof wireRange>;

export const ranges = z.codec(z.array(wireRange), z.custom<readonly Range[]>(), {
  decode: (all) =>
    all.map(([origin, after, to, sum]) => ({ origin, after, to, sum: decodeHash(sum) })),
  encode: (all) =>
    all.map(({ origin, after, to, sum }): WireRange => [origin, after, to, formatHash(sum)]),
});

const wireRow = z.tuple([z.unknown(), z.literal([0, 1])]);
type WireRow = z.infer<typeof wireRow>;

export const rows = z.codec(z.array(wireRow), z.custom<readonly SnapshotRow[]>(), {
  decode: (all) => all.map(([op, isEntry]) => ({ op: decodeOp(op), isEntry: isEntry === 1 })),
  encode: (all) => all.map(({ op, isEntry }): WireRow => [wireOp(op), isEntry ? 1 : 0]),
});

const wireMark = z.tuple([
  z.string(),
  z.enum(['put', 'delete']),
  counter,
  z.int().min(0).max(LAST_VERSION),
  counter,
  originName,
  z.int().min(1),
]);

function decodeMark(wire: z.infer<typeof wireMark>): EntryMark {
  const [key, kind, generation, version, hlc, origin, seq] = wire;
  return { key, kind, generation, version, hlc, origin, seq };
}

function encodeMark(mark: EntryMark): z.infer<typeof wireMark> {
  const { key, kind, generation, version, hlc, origin, seq } = mark;
  return [key, kind, generation, version, hlc, origin, seq];
}

export const marks = z.codec(z.array(wireMark), z.custom<readonly EntryMark[]>(), {
  decode: (all) => all.map(decodeMark),
  encode: (all) => all.map(encodeMark),
});

/** One sum for each origin of the vector, in its order. */
function sumsOf(origins: readonly string[], sums: readonly Hash[]): Map<string, Hash> {
  if (sums.length !== origins.length)
    throw new MalformedMessageError('the sums do not go with the vector');
  return new Map(origins.map((origin, index) => [origin, at(sums, index)]));
}

const inOrderOf = (vector: Vector, sums: ReadonlyMap<string, Hash>): Hash[] =>
  Array.from(vector.keys(), (origin) => sums.get(origin) ?? ZERO);

export const snapshotEnd = z.codec(
  z.object({ vector, sums: hashes, reach: vector, horizon: counter }),
  z.custom<SnapshotEnd>(),
  {
    decode: (end) => ({ ...end, sums: sumsOf([...end.vector.keys()], end.sums) }),
    encode: (end) => ({ ...end, sums: inOrderOf(end.vector, end.sums) }),
  },
);

/** A digest's fields on the wire; `sums` begins with the map sum. */
export const digestFields = {
  clock: z.int(),
  asOf: z.int(),
  horizon: counter,
  vector,
  sums: hashes,
  retired: hashText.optional(),
  listed: z.literal(true).optional(),
};

type DigestFields = z.output<z.ZodObject<typeof digestFields>>;

export function digestOf(fields: DigestFields): Digest {
  const { vector, sums, retired, listed, asOf, horizon, clock } = fields;
  const [mapSum, ...ofOrigins] = sums;
  if (mapSum === undefined) throw new MalformedMessageError('the map sum is missing');
  return {
    vector,
    sums: sumsOf([...vector.keys()], ofOrigins),
    retiredSum: retired === undefined ? null : decodeHash(retired),
    listsRetired: listed === true,
    asOf,
    mapSum,
    horizon,
    clock,
  };
}

export const fieldsOf = (digest: Digest): DigestFields => ({
  clock: digest.clock,
  asOf: digest.asOf,
  horizon: digest.horizon,
  vector: digest.vector,
  sums: [digest.mapSum, ...inOrderOf(digest.vector, digest.sums)],
  ...(digest.retiredSum !== null && { retired: formatHash(digest.retiredSum) }),
  ...(digest.listsRetired && { listed: true as const }),
});
