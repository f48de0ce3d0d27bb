/** The messages by which ops spread beyond a full mesh (rule 7): pushes, and what links tell of them. */
import { z } from 'zod';
import type { Delta } from '../../words/delta.ts';
import { type Hash, ZERO } from '../../words/hash.ts';
import type { Op } from '../../words/op.ts';
import type { TraceParent } from '../../words/trace.ts';
import type { VectorChanges } from '../../words/vectorChanges.ts';
import { oneHash, ops, traces, vector } from './fieldCodecs.ts';
import { MalformedMessageError } from './opCodec.ts';
import { steps } from './roundMessages.ts';

/** Ops of one origin without a gap, and the sender's sum of the origin up to the last of them: a delta of one range. */
export const push = z.codec(
  z.object({ type: z.literal('push'), sum: oneHash, ops, traces: traces.optional() }),
  z.object({
    type: z.literal('push'),
    delta: z.custom<Delta>(),
    /** The spans of the requests that its ops were born for; absent if nobody traces them. */
    traces: z.custom<readonly TraceParent[]>().optional(),
  }),
  {
    decode: ({ type, sum, ops: all, traces: spans }) => ({
      type,
      delta: deltaOf(all, sum),
      ...(spans !== undefined && { traces: spans }),
    }),
    encode: ({ type, delta, traces: spans }) => ({
      type,
      sum: delta.ranges[0]?.sum ?? ZERO,
      ops: delta.ops,
      ...(spans !== undefined && spans.length > 0 && { traces: spans }),
    }),
  },
);

function deltaOf(all: readonly Op[], sum: Hash): Delta {
  const [first] = all;
  if (first === undefined) throw new MalformedMessageError('a push has no op');
  const { origin, seq } = first;
  if (all.some((op, index) => op.origin !== origin || op.seq !== seq + index))
    throw new MalformedMessageError('the ops of a push do not follow one another');
  return { ranges: [{ origin, after: seq - 1, to: seq + all.length - 1, sum }], ops: all };
}

/** The sender's last pushes to the receiver, or the receiver's to it, brought nothing new: the link is lazy now. */
export const prune = z.object({ type: z.literal('prune') });

/** The link is eager again: the sender lacked what it was told by `have`, or it reaches the root by the link (`branch`). */
export const graft = z.object({ type: z.literal('graft'), branch: z.literal(true).optional() });

/** Seqs as steps in the order of the origins of a certificate, from its greatest seqs. */
export interface PlacedSeqs extends VectorChanges {
  /** The hash of the certificate; null where all are told by name. */
  readonly base: Hash | null;
}

/** Over a lazy link: the sender has committed ops of these origins up to these seqs. */
export const have = z.codec(
  z.object({
    type: z.literal('have'),
    base: oneHash.optional(),
    steps: steps.optional(),
    vector: vector.optional(),
  }),
  z.object({ type: z.literal('have'), seqs: z.custom<PlacedSeqs>() }),
  {
    decode: ({ type, base, steps: all, vector: named }) => ({
      type,
      seqs: {
        base: base ?? null,
        steps: base === undefined ? [] : (all ?? []),
        added: named ?? new Map(),
      },
    }),
    encode: ({ type, seqs: { base, steps: all, added } }) => ({
      type,
      ...(base !== null && { base, steps: all }),
      ...(added.size > 0 && { vector: added }),
    }),
  },
);

export type PushMessage = z.output<typeof push>;
export type HaveMessage = z.output<typeof have>;
