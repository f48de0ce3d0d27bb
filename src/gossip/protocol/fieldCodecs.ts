/**
 * Codecs for fields that several messages have: the form on the wire, the form in memory, and the way
 * between the two.
 */

import { z } from 'zod';
import type { ClosedPair } from '../../words/closed.ts';
import type { Range } from '../../words/delta.ts';
import { formatHash, HASH_TEXT_LENGTH, type Hash, parseHash, ZERO } from '../../words/hash.ts';
import { at } from '../../words/invariant.ts';
import { MAX_COUNTER, type Op } from '../../words/op.ts';
import { isCounter, isOrigin, ORIGIN_PATTERN } from '../../words/opRules.ts';
import { isCount, isText } from '../../words/shape.ts';
import type { SnapshotEnd, SnapshotOrigins, SnapshotRow } from '../../words/snapshot.ts';
import { MINUTE_MS } from '../../words/time.ts';
import { boundedTraces, type TraceParent } from '../../words/trace.ts';
import { MAX_ORIGINS, type Vector } from '../../words/vector.ts';
import type { Digest } from './digest.ts';
import { decodeOp, MalformedMessageError, wireOp } from './opCodec.ts';
import type { EntryMark } from './repair.ts';

/** The longest reason, because a long message can have a long fault. */
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

export const oneHash = z.codec(hashText, z.custom<Hash>(), {
  decode: decodeHash,
  encode: formatHash,
});

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

/**
 * Lists are decoded by hand, and the first fault ends the decoding. For a list of a million faults, a
 * schema would make a million issues, and keep the node from all other work for a minute.
 */
export const list = z.custom<readonly unknown[]>(Array.isArray);

/** @throws MalformedMessageError at the first malformed element. */
function each<T>(all: readonly unknown[], decode: (wire: readonly unknown[]) => T | null): T[] {
  return all.map((wire) => {
    const decoded = Array.isArray(wire) ? decode(wire) : null;
    if (decoded === null) throw new MalformedMessageError('a list has an element of another shape');
    return decoded;
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const vector = z.codec(
  z.custom<Readonly<Record<string, unknown>>>(isObject),
  z.custom<Vector>(),
  {
    decode: (seqs) => {
      const decoded = new Map<string, number>();
      const entries = Object.entries(seqs);
      if (entries.length > MAX_ORIGINS)
        throw new MalformedMessageError(`a vector has more than ${MAX_ORIGINS} origins`);
      for (const [origin, seq] of entries) {
        if (!isOrigin(origin) || !isCount(seq))
          throw new MalformedMessageError('a vector has a malformed origin or seq');
        decoded.set(origin, seq);
      }
      return decoded;
    },
    encode: (seqs) => Object.fromEntries(seqs),
  },
);

/** Traces that are malformed, or too many, are left out: ops are not refused for them. */
export const traces = z.codec(z.unknown(), z.custom<readonly TraceParent[]>(), {
  decode: (all) => (Array.isArray(all) ? boundedTraces(all) : []),
  encode: (all) => all,
});

/** Decoded by hand as well: a schema would cost more than the rest of an op's way into the log. */
export const ops = z.codec(list, z.custom<readonly Op[]>(), {
  decode: (wires) => wires.map(decodeOp),
  encode: (all) => all.map(wireOp),
});

function decodeRange(wire: readonly unknown[]): Range | null {
  const [origin, after, to, sum] = wire;
  if (wire.length !== 4 || !isOrigin(origin) || !isCount(after) || !isCount(to)) return null;
  return typeof sum === 'string' ? { origin, after, to, sum: decodeHash(sum) } : null;
}

export const ranges = z.codec(list, z.custom<readonly Range[]>(), {
  decode: (all) => {
    if (all.length > MAX_ORIGINS)
      throw new MalformedMessageError(`a delta has more than ${MAX_ORIGINS} ranges`);
    return each(all, decodeRange);
  },
  encode: (all) => all.map(({ origin, after, to, sum }) => [origin, after, to, formatHash(sum)]),
});

function decodeRow(wire: readonly unknown[]): SnapshotRow | null {
  const [op, isEntry] = wire;
  if (wire.length !== 2 || (isEntry !== 0 && isEntry !== 1)) return null;
  return { op: decodeOp(op), isEntry: isEntry === 1 };
}

export const rows = z.codec(list, z.custom<readonly SnapshotRow[]>(), {
  decode: (all) => each(all, decodeRow),
  encode: (all) => all.map(({ op, isEntry }) => [wireOp(op), isEntry ? 1 : 0]),
});

const isCounterCount = (value: unknown): value is number => isCount(value) && isCounter(value);

function decodeMark(wire: readonly unknown[]): EntryMark | null {
  const [key, kind, generation, version, hlc, origin, seq] = wire;
  if (wire.length !== 7 || !isText(key) || (kind !== 'put' && kind !== 'delete')) return null;
  if (!isCounterCount(generation) || !isCount(version) || !isCounterCount(hlc)) return null;
  if (!isOrigin(origin) || !isCount(seq) || seq === 0) return null;
  return { key, kind, generation, version, hlc, origin, seq };
}

export const marks = z.codec(list, z.custom<readonly EntryMark[]>(), {
  decode: (all) => each(all, decodeMark),
  encode: (all) =>
    all.map(({ key, kind, generation, version, hlc, origin, seq }) => [
      key,
      kind,
      generation,
      version,
      hlc,
      origin,
      seq,
    ]),
});

function decodeKeyAndHlc(wire: readonly unknown[]): readonly [string, number] | null {
  const [key, hlc] = wire;
  return wire.length === 2 && isText(key) && isCounterCount(hlc) ? [key, hlc] : null;
}

/** Keys and the HLCs of their deletes. */
export const keysAndHlcs = z.codec(list, z.custom<readonly (readonly [string, number])[]>(), {
  decode: (all) => each(all, decodeKeyAndHlc),
  encode: (all) => all,
});

/** One sum for each origin of the vector, in its order. */
function sumsOf(origins: readonly string[], sums: readonly Hash[]): Map<string, Hash> {
  if (sums.length !== origins.length)
    throw new MalformedMessageError('the sums do not go with the vector');
  return new Map(origins.map((origin, index) => [origin, at(sums, index)]));
}

const inOrderOf = (vector: Vector, sums: ReadonlyMap<string, Hash>): Hash[] =>
  Array.from(vector.keys(), (origin) => sums.get(origin) ?? ZERO);

const originFields = { vector, sums: hashes, reach: vector };

export const snapshotOrigins = z.codec(z.object(originFields), z.custom<SnapshotOrigins>(), {
  decode: (some) => ({ ...some, sums: sumsOf([...some.vector.keys()], some.sums) }),
  encode: (some) => ({ ...some, sums: inOrderOf(some.vector, some.sums) }),
});

export const snapshotEnd = z.codec(
  z.object({ ...originFields, horizon: counter }),
  z.custom<SnapshotEnd>(),
  {
    decode: (end) => ({ ...end, sums: sumsOf([...end.vector.keys()], end.sums) }),
    encode: (end) => ({ ...end, sums: inOrderOf(end.vector, end.sums) }),
  },
);

/** The number of closed origins, and the sum that stands for them (rule 13). */
const closedPair = z.codec(z.tuple([seqOrZero, hashText]), z.custom<ClosedPair>(), {
  decode: ([count, sum]) => ({ count, sum: decodeHash(sum) }),
  encode: ({ count, sum }): [number, string] => [count, formatHash(sum)],
});

/** The minute of the map sum where a digest does not say it: so it is with the default of max-clock-skew. */
const usualAsOf = (clock: number): number => Math.floor(clock / MINUTE_MS) + 2;

/**
 * A digest's fields on the wire. `sums` begins with the map sum; in a short digest it ends with the sum of retired
 * origins, where there is one, and `asOf` is left out where it is the usual one.
 */
export const digestFields = {
  clock: z.int(),
  asOf: z.int().optional(),
  horizon: counter,
  vector,
  sums: hashes,
  retired: hashText.optional(),
  listed: z.literal(true).optional(),
  closed: closedPair.optional(),
  unheard: z.array(originName).optional(),
};

export type DigestFields = z.output<z.ZodObject<typeof digestFields>>;

export function digestOf(fields: DigestFields): Digest {
  const { vector, sums, retired, listed, closed, asOf, horizon, clock, unheard } = fields;
  const [mapSum, ...ofOrigins] = sums;
  if (mapSum === undefined) throw new MalformedMessageError('the map sum is missing');
  const ofRetired = ofOrigins.length > vector.size ? ofOrigins.pop() : undefined;
  const retiredSum = retired === undefined ? ofRetired : decodeHash(retired);
  return {
    vector,
    sums: sumsOf([...vector.keys()], ofOrigins),
    retiredSum: retiredSum ?? null,
    listsRetired: listed === true,
    ...(closed !== undefined && { closed }),
    asOf: asOf ?? usualAsOf(clock),
    mapSum,
    horizon,
    clock,
    ...(unheard !== undefined && { unheard }),
  };
}

export const fieldsOf = ({ isShort = false, retiredSum, ...digest }: Digest): DigestFields => ({
  clock: digest.clock,
  ...((!isShort || digest.asOf !== usualAsOf(digest.clock)) && { asOf: digest.asOf }),
  horizon: digest.horizon,
  vector: digest.vector,
  sums: [
    digest.mapSum,
    ...inOrderOf(digest.vector, digest.sums),
    ...(isShort && retiredSum !== null ? [retiredSum] : []),
  ],
  ...(!isShort && retiredSum !== null && { retired: formatHash(retiredSum) }),
  ...(digest.listsRetired && { listed: true as const }),
  ...(digest.closed !== undefined && { closed: digest.closed }),
  ...(digest.unheard !== undefined && { unheard: [...digest.unheard] }),
});
