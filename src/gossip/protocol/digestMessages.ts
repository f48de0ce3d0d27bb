/**
 * Questions and answers whose digest is told as differences (rule 11), from protocol 6 on. Those of a question are from the
 * last digest of the receiver that the sender has, and those of an answer from the question.
 */
import { z } from 'zod';
import type { Delta } from '../../words/delta.ts';
import { formatHash, sameHash } from '../../words/hash.ts';
import type { DigestChanges } from './digestChanges.ts';
import {
  digestFields,
  digestOf,
  fieldsOf,
  hashes,
  oneHash,
  ops,
  ranges,
  vector,
} from './fieldCodecs.ts';
import { steps } from './roundMessages.ts';

const { vector: _, sums: __, ...restFields } = digestFields;

/** Lists without an element are left out, and so is the hash of a vector that is that of the base. */
const changeFields = {
  base: oneHash,
  hash: oneHash.optional(),
  steps: steps.optional(),
  added: vector.optional(),
  sums: hashes.optional(),
  mapSum: oneHash,
  ...restFields,
};

type ChangeFields = z.output<z.ZodObject<typeof changeFields>>;

const NO_SEQS = new Map<string, number>();

function changesOf(fields: ChangeFields): DigestChanges {
  const { base, hash, steps: all, added, sums, mapSum, ...rest } = fields;
  const digest = digestOf({ ...rest, vector: NO_SEQS, sums: [mapSum] });
  const { vector: _vector, sums: _sums, ...told } = digest;
  return {
    base,
    hash: hash ?? base,
    steps: all ?? [],
    added: added ?? NO_SEQS,
    sums: sums ?? [],
    rest: told,
  };
}

function changeFieldsOf({
  base,
  hash,
  steps: all,
  added,
  sums,
  rest,
}: DigestChanges): ChangeFields {
  const { retiredSum } = rest;
  const short = { ...rest, retiredSum: null, isShort: true, vector: NO_SEQS, sums: new Map() };
  const { vector: _vector, sums: _sums, ...fields } = fieldsOf(short);
  return {
    base,
    ...(!sameHash(base, hash) && { hash }),
    ...(all.length > 0 && { steps: all }),
    ...(added.size > 0 && { added }),
    ...(sums.length > 0 && { sums }),
    mapSum: rest.mapSum,
    ...fields,
    ...(retiredSum !== null && { retired: formatHash(retiredSum) }),
  };
}

/** The number of a question, which its answer repeats. */
const re = z.int().min(0);

/** Asks as a digest does. The answer is `unlike` if the receiver does not know the base. */
export const ask = z.codec(
  z.object({ type: z.literal('ask'), ...changeFields, re }),
  z.object({ type: z.literal('ask'), changes: z.custom<DigestChanges>(), re }),
  {
    decode: ({ type, re: number, ...fields }) => ({ type, changes: changesOf(fields), re: number }),
    encode: ({ type, changes, re: number }) => ({ type, ...changeFieldsOf(changes), re: number }),
  },
);

/** Answers a digest by ops, and by the sender's own digest as differences from that of the question. */
export const reply = z.codec(
  z.object({
    type: z.literal('reply'),
    ranges,
    ops,
    ...changeFields,
    more: z.literal(true).optional(),
    re,
  }),
  z.object({
    type: z.literal('reply'),
    delta: z.custom<Delta>(),
    changes: z.custom<DigestChanges>(),
    more: z.boolean(),
    re,
  }),
  {
    decode: ({ type, ranges: all, ops: some, more, re: number, ...fields }) => ({
      type,
      delta: { ranges: all, ops: some },
      changes: changesOf(fields),
      more: more === true,
      re: number,
    }),
    encode: ({ type, delta, changes, more, re: number }) => ({
      type,
      ranges: delta.ranges,
      ops: delta.ops,
      ...changeFieldsOf(changes),
      ...(more && { more: true as const }),
      re: number,
    }),
  },
);
