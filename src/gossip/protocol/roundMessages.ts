/**
 * The messages of rounds (rule 9). Reports and certificates are told whole, or as differences from a certificate that the
 * receiver has named by its hash.
 */
import { z } from 'zod';
import type { Report } from '../../rules/certificate.ts';
import type { ReportChanges } from '../../rules/reportChanges.ts';
import { isOrigin } from '../../words/opRules.ts';
import { isCount } from '../../words/shape.ts';
import { MAX_ORIGINS } from '../../words/vector.ts';
import type { VectorChanges } from '../../words/vectorChanges.ts';
import { list, oneHash, vector } from './fieldCodecs.ts';
import { MalformedMessageError } from './opCodec.ts';

/** Drawn by the node that begins the round. */
const roundId = z.string().min(1).max(128);

const decodeOrigin = (origin: unknown): string => {
  if (!isOrigin(origin)) throw new MalformedMessageError('a report names a malformed origin');
  return origin;
};

/** Decoded by hand like all long lists. */
const origins = z.codec(list, z.custom<ReadonlySet<string>>(), {
  decode: (names) => {
    if (names.length > MAX_ORIGINS)
      throw new MalformedMessageError(`a report names more than ${MAX_ORIGINS} members`);
    return new Set(names.map(decodeOrigin));
  },
  encode: (names) => [...names],
});

/** The holdings of one node, or of several, at one moment each. */
const report = z.codec(
  z.object({ members: origins, min: vector, max: vector, clock: z.int() }),
  z.custom<Report>(),
  { decode: (fields) => fields, encode: (fields) => fields },
);

/** See `VectorChanges.steps`. */
export const steps = z.codec(list, z.custom<readonly number[]>(), {
  decode: (numbers) => {
    if (numbers.length % 2 !== 0 || numbers.length > 2 * MAX_ORIGINS)
      throw new MalformedMessageError('a list of differences is cut off, or too long');
    return numbers.map((number, index) => {
      const isStep = index % 2 === 0 ? isCount(number) : Number.isSafeInteger(number);
      if (!isStep) throw new MalformedMessageError('a difference is no number');
      return Number(number);
    });
  },
  encode: (numbers) => numbers,
});

const NO_ORIGINS: ReadonlySet<string> = new Set();

/** Lists without an element are left out: most differences have none. */
const reportChanges = z.codec(
  z.object({
    base: oneHash,
    hash: oneHash,
    clock: z.int(),
    all: z.literal(true).optional(),
    joined: origins.optional(),
    left: origins.optional(),
    min: steps.optional(),
    newInMin: vector.optional(),
    max: steps.optional(),
    newInMax: vector.optional(),
  }),
  z.custom<ReportChanges>(),
  {
    decode: ({ base, hash, clock, all, joined, left, min, newInMin, max, newInMax }) => ({
      base,
      hash,
      clock,
      listsAll: all === true,
      joined: joined ?? NO_ORIGINS,
      left: left ?? NO_ORIGINS,
      min: { steps: min ?? [], added: newInMin ?? new Map() },
      max: { steps: max ?? [], added: newInMax ?? new Map() },
    }),
    encode: ({ base, hash, clock, listsAll, joined, left, min, max }) => ({
      base,
      hash,
      clock,
      ...(listsAll && { all: true as const }),
      ...(joined.size > 0 && { joined }),
      ...(left.size > 0 && { left }),
      ...stepsOf('min', min),
      ...addedOf('newInMin', min),
      ...stepsOf('max', max),
      ...addedOf('newInMax', max),
    }),
  },
);

const stepsOf = <Name extends string>(name: Name, { steps: all }: VectorChanges) =>
  all.length > 0 && { [name]: all };

const addedOf = <Name extends string>(name: Name, { added }: VectorChanges) =>
  added.size > 0 && { [name]: added };

/** A round begins, or comes by: who has not seen it asks its own links, and answers by `echo`. */
export const round = z.object({
  type: z.literal('round'),
  id: roundId,
  /** Milliseconds until the receiver must have answered. */
  timeMs: z.int().min(0).max(60_000),
  /** The hops from the member that begins the regular rounds to the sender. Left out in a round that another one begins. */
  hops: z.int().min(0).max(1000).optional(),
  /** The hash of the last certificate that the sender holds: the answer may tell differences from it. */
  base: oneHash.optional(),
});

/** Answers `round`; without a report if the sender has answered another one. */
export const echo = z.object({
  type: z.literal('echo'),
  id: roundId,
  report: report.optional(),
  /** In the place of the report. */
  changes: reportChanges.optional(),
});

/** The result of a round, whole or as differences. It goes to the links that have reported, and to those that ask for it. */
export const certificate = z
  .object({
    type: z.literal('certificate'),
    id: roundId,
    report: report.optional(),
    changes: reportChanges.optional(),
  })
  .refine(({ report: whole, changes }) => (whole === undefined) !== (changes === undefined), {
    error: 'it is neither whole nor told by differences',
  });

/** The sender holds the certificate of this round: the receiver asks for it if no other link brings it. */
export const certified = z.object({ type: z.literal('certified'), id: roundId });

/** Asks for the certificate of a round. */
export const certify = z.object({
  type: z.literal('certify'),
  id: roundId,
  /** The hash of the last certificate that the sender holds; left out where it wants the whole. */
  base: oneHash.optional(),
});
