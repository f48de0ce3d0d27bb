/**
 * The messages between peers, each one JSON text (PROTOCOL.md). One codec describes each message: it
 * gives its type, its check and its text. A peer's message passes its codec before anything acts on it.
 */
import { z } from 'zod';
import type { Delta, Range } from '../../words/delta.ts';
import type { SnapshotEnd, SnapshotOrigins } from '../../words/snapshot.ts';
import type { TraceParent } from '../../words/trace.ts';
import type { Digest } from './digest.ts';
import type { DigestChanges } from './digestChanges.ts';
import { ask, reply } from './digestMessages.ts';
import {
  counter,
  digestFields,
  digestOf,
  fieldsOf,
  hashes,
  keysAndHlcs,
  marks,
  oneHash,
  ops,
  originName,
  ranges,
  reason,
  rows,
  seqOrZero,
  snapshotEnd,
  snapshotOrigins,
  traces,
  vector,
} from './fieldCodecs.ts';
import { MalformedMessageError } from './opCodec.ts';
import { certificate, certified, certify, echo, round } from './roundMessages.ts';
import { graft, have, prune, push } from './spreadMessages.ts';

/** The versions of the protocol that this node speaks. */
export const PROTOCOL_RANGE: readonly [number, number] = [1, 6];
/** From this version on, an answer names its question. */
export const PROTOCOL_WITH_NAMED_ANSWERS = 2;
/** From this version on, a node judges ops that another one lost. */
export const JUDGING_PROTOCOL = 2;
/** From this version on a node closes retired origins (rule 13). */
export const CLOSING_PROTOCOL = 3;
/** From this version on, a node may answer a digest by `same`, and ask by `level`. */
export const SAME_PROTOCOL = 4;
/** From this version on, a node takes part in rounds, and in clusters beyond `mesh-limit` members. Those of 5 tell all lists whole. */
export const MESH_PROTOCOL = 6;

const hello = z.object({
  type: z.literal('hello'),
  /** Lowest and highest version of the protocol that the sender speaks. */
  protocol: z.tuple([z.int(), z.int()]).readonly(),
  /** The cluster's name. */
  cluster: z.string().max(256),
  /** Null until the sender has formed or joined a cluster. */
  clusterId: z.string().max(128).nullable(),
  /** The time at which the cluster was formed, in UTC milliseconds; 0 until then. */
  formedAt: z.int(),
  /** The number of members that the sender counts. */
  size: z.int().min(0),
  /** Whether the sender has joined: until then it answers no question. */
  joined: z.boolean(),
  /** The member that let the sender in; null if the sender formed the cluster. */
  admittedBy: originName.nullable(),
  nodeId: z.string().min(1).max(64),
  origin: originName,
  /** Drawn at random at each start of a process: it tells a clone of this node from the node itself. */
  instance: z.string().max(64),
  /** The URL at which the sender can be dialled; null if it does not know the URL. */
  url: z.string().max(2048).nullable(),
  /** The sender's clock, UTC milliseconds. */
  clock: z.int(),
  /**
   * Whether the sender has begun anew, and members of its cluster may be left: nobody who hears it forms a cluster.
   * Left out where it has not, and by nodes up to 0.5.0.
   */
  waits: z.boolean().optional(),
});

/**
 * The number of a question, which its answer repeats; the sender draws it anew for each question. It is
 * left out of messages that answer no question, and by nodes of protocol 1.
 */
const re = z.int().min(0).optional();

const named = (re: number | undefined): { re?: number } => (re === undefined ? {} : { re });

/** Asks for the ops that the digest lacks. */
const digest = z.codec(
  z.object({ type: z.literal('digest'), ...digestFields, re }),
  z.object({ type: z.literal('digest'), digest: z.custom<Digest>(), re }),
  {
    decode: ({ re, ...fields }) => ({ type: fields.type, digest: digestOf(fields), ...named(re) }),
    encode: ({ type, digest, re }) => ({ type, ...fieldsOf(digest), ...named(re) }),
  },
);

const answer = z.codec(
  z.object({ ...digestFields, more: z.boolean() }),
  z.object({
    /** The sender's own digest, made before the ops were read. */
    digest: z.custom<Digest>(),
    /** Whether the asker lacks further ops. */
    more: z.boolean(),
  }),
  {
    decode: (fields) => ({ digest: digestOf(fields), more: fields.more }),
    encode: ({ digest, more }) => ({ ...fieldsOf(digest), more }),
  },
);

/** A push or, with `answer`, the answer to a digest. */
const delta = z.codec(
  z.object({
    type: z.literal('delta'),
    ranges,
    ops,
    answer: answer.optional(),
    traces: traces.optional(),
    re,
  }),
  z.object({
    type: z.literal('delta'),
    delta: z.custom<Delta>(),
    answer: z.custom<z.output<typeof answer> | null>(),
    /** The spans of the requests that a push's ops were born for; absent if nobody traces them. */
    traces: z.custom<readonly TraceParent[]>().optional(),
    re,
  }),
  {
    decode: ({ ranges, ops, answer = null, ...rest }) => ({
      ...rest,
      delta: { ranges, ops },
      answer,
    }),
    encode: ({ type, delta: { ranges, ops }, answer, traces, re }) => ({
      type,
      ranges,
      ops,
      ...(answer !== null && { answer }),
      ...(traces !== undefined && traces.length > 0 && { traces }),
      ...named(re),
    }),
  },
);

/** Answers a digest in few bytes: the sender's own has the same fields, but for this clock, and the asker lacks no op. */
const same = z.object({ type: z.literal('same'), clock: z.int(), re });

/**
 * Asks in few bytes for the ops that the sender lacks: its digest has this hash, but for this clock. It is the
 * question of a node whose last digest was the receiver's too, and that has not changed since.
 */
const level = z.object({ type: z.literal('level'), hash: oneHash, clock: z.int(), re });

/** Answers `level`: the sender's digest has another hash, so the receiver must ask by its digest. */
const unlike = z.object({ type: z.literal('unlike'), re });

/** A part of a snapshot; the receiver asks for the next one by `next`. */
const snapshot = z.codec(
  z.object({
    type: z.literal('snapshot'),
    part: z.int().min(0),
    rows,
    origins: snapshotOrigins.optional(),
    end: snapshotEnd.optional(),
    re,
  }),
  z.object({
    type: z.literal('snapshot'),
    /** From 0. */
    part: z.int(),
    rows: z.custom<z.output<typeof rows>>(),
    /** Some of the origins of the state for which the snapshot stands: more than a vector may list. */
    origins: z.custom<SnapshotOrigins | null>(),
    /** The state for which the whole snapshot stands; only in the last part. */
    end: z.custom<SnapshotEnd | null>(),
    re,
  }),
  {
    decode: ({ origins = null, end = null, ...rest }) => ({ ...rest, origins, end }),
    encode: ({ origins, end, re, ...rest }) => ({
      ...rest,
      ...(origins !== null && { origins }),
      ...(end !== null && { end }),
      ...named(re),
    }),
  },
);

const next = z.object({ type: z.literal('next'), part: z.int().min(0) });

/** The sender can't answer a digest yet: ask again shortly. */
const later = z.object({
  type: z.literal('later'),
  re,
  /** For a peer that asks to join: why it is not let in now. Nodes up to 0.6.0 tell none. */
  reason: reason.optional(),
});

/** Asks for `confirmed` as soon as the receiver has committed the sender's ops up to `seq`. */
const confirm = z.object({ type: z.literal('confirm'), seq: seqOrZero });

/** The sender has committed the receiver's ops up to `seq`, whose sum is `sum`; nodes of protocol 1 tell none. */
const confirmed = z.object({
  type: z.literal('confirmed'),
  seq: seqOrZero,
  sum: oneHash.optional(),
});

/** The receiver must rejoin (rules 8, 10 and 12). */
const rejoin = z.object({
  type: z.literal('rejoin'),
  code: z.enum(['retired', 'stranger', 'behind']),
  reason,
  /** The smallest member that the sender hears, itself included, for two sides that do not count each other. */
  smallestMember: originName.nullable(),
  /** For `behind`: the sender's reach. */
  reach: vector,
  re,
});

/**
 * Asks how the receiver's log judges ops that the sender held before it rejoined, page by page (rule
 * 12). The answer gives the receiver's ops on keys above `held`. From protocol 2 on.
 */
const judge = z.object({
  type: z.literal('judge'),
  /** A number that the answer repeats. */
  re: seqOrZero,
  /** Origin → seq up to which the sender held the same ops as its cluster. */
  held: vector,
  /** The vector that the sender was welcomed with: only a log that includes it can judge. */
  base: vector,
  /** The `next` of the page before; 0 asks for the first. */
  after: seqOrZero,
});

const judged = z.object({
  type: z.literal('judged'),
  re: seqOrZero,
  /** Whether the sender's log includes the base; if not, no other field counts. */
  includesBase: z.boolean(),
  ops: marks,
  /** Whether the sender has compacted away no op that the asker lacked. */
  complete: z.boolean(),
  /** Every compacted op had died before this moment, UTC milliseconds; null if none was compacted. */
  cutAt: z.int().min(0).nullable(),
  /** Null in the last page. */
  next: seqOrZero.nullable(),
});

/** Nodes of protocol 1 ask this before they offer: for deletes later than an HLC, page by page. */
const deletes = z.object({
  type: z.literal('deletes'),
  since: counter,
  /** The `next` of the page before; 0 asks for the first. */
  after: seqOrZero,
});

const deleted = z.object({
  type: z.literal('deleted'),
  /** Keys and HLCs. */
  deletes: keysAndHlcs,
  /** Null in the last page. */
  next: seqOrZero.nullable(),
});

const compareFields = {
  asOf: z.int(),
  buckets: z.int().min(1).max(65_536),
  /** Null asks for the sums of all buckets, or comes with them. */
  bucket: z.int().min(0).nullable(),
  re,
};

/** Asks for the sums of the buckets of the map, or for the entries of one of them (rule 11). */
const compare = z.object({ type: z.literal('compare'), ...compareFields });

const compared = z
  .object({ type: z.literal('compared'), ...compareFields, sums: hashes, entries: marks })
  .refine(({ sums, buckets, bucket }) => sums.length === (bucket === null ? buckets : 0), {
    error: 'the sums do not go with the buckets',
  });

/** An error; its sender closes the connection. */
const error = z.object({
  type: z.literal('error'),
  code: z.enum(['protocol', 'cluster', 'clock', 'clone', 'duplicate', 'malformed', 'full']),
  reason,
});

const message = z.discriminatedUnion('type', [
  hello,
  digest,
  delta,
  push,
  same,
  level,
  unlike,
  ask,
  reply,
  snapshot,
  next,
  later,
  confirm,
  confirmed,
  rejoin,
  judge,
  judged,
  deletes,
  deleted,
  compare,
  compared,
  round,
  echo,
  certificate,
  certified,
  certify,
  prune,
  graft,
  have,
  error,
]);

export type Message = z.output<typeof message>;
export type Hello = z.output<typeof hello>;
export type DigestMessage = z.output<typeof digest>;
export type DeltaMessage = z.output<typeof delta>;
export type SameMessage = z.output<typeof same>;
export type LevelMessage = z.output<typeof level>;
export type UnlikeMessage = z.output<typeof unlike>;
export type AskMessage = z.output<typeof ask>;
export type ReplyMessage = z.output<typeof reply>;
export type SnapshotMessage = z.output<typeof snapshot>;
export type ConfirmedMessage = z.output<typeof confirmed>;
export type RejoinMessage = z.output<typeof rejoin>;
export type JudgeMessage = z.output<typeof judge>;
export type JudgedMessage = z.output<typeof judged>;
export type DeletesMessage = z.output<typeof deletes>;
export type CompareMessage = z.output<typeof compare>;
export type ComparedMessage = z.output<typeof compared>;
export type RoundMessage = z.output<typeof round>;
export type EchoMessage = z.output<typeof echo>;
export type CertificateMessage = z.output<typeof certificate>;
export type CertifiedMessage = z.output<typeof certified>;
export type CertifyMessage = z.output<typeof certify>;
export type ErrorMessage = z.output<typeof error>;

/** @throws MalformedMessageError if the text is not a message of this protocol. */
export function decodeMessage(text: string): Message {
  const decoded = message.safeParse(parseJson(text));
  if (decoded.success) return decoded.data;
  const [issue] = decoded.error.issues;
  throw new MalformedMessageError(`${issue?.path.join('.') || 'it'}: ${issue?.message}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedMessageError('it is not JSON');
  }
}

export const encodeMessage = (one: Message): string => JSON.stringify(message.encode(one));

/** @param opTexts each op as `encodeOp` made it, so that an op is encoded once for all peers. */
export function encodeDelta(
  ranges: readonly Range[],
  opTexts: readonly string[],
  answer: DeltaMessage['answer'],
  { re, traces }: Pick<DeltaMessage, 're' | 'traces'> = {},
): string {
  const empty = encodeMessage({ type: 'delta', delta: { ranges, ops: [] }, answer, traces, re });
  return putIn(empty, 'ops', opTexts);
}

/** @param range of all the ops. @param opTexts each op as `encodeOp` made it. */
export function encodePush(
  range: Range,
  opTexts: readonly string[],
  traces?: DeltaMessage['traces'],
): string {
  const empty = encodeMessage({ type: 'push', delta: { ranges: [range], ops: [] }, traces });
  return putIn(empty, 'ops', opTexts);
}

/** @param opTexts each op as `encodeOp` made it. */
export function encodeReply(
  allRanges: readonly Range[],
  opTexts: readonly string[],
  answer: { readonly changes: DigestChanges; readonly more: boolean },
  re: number,
): string {
  const empty = encodeMessage({
    type: 'reply',
    delta: { ranges: allRanges, ops: [] },
    ...answer,
    re,
  });
  return putIn(empty, 'ops', opTexts);
}

export interface EncodedPart extends Pick<SnapshotMessage, 'origins' | 'end'> {
  /** Each row as the text of its op, and whether the op is an entry. */
  readonly rows: readonly { readonly wire: string; readonly isEntry: boolean }[];
}

export function encodeSnapshot(part: number, made: EncodedPart, re?: number): string {
  const { rows, origins, end } = made;
  const texts = rows.map(({ wire, isEntry }) => `[${wire},${isEntry ? 1 : 0}]`);
  const empty = encodeMessage({ type: 'snapshot', part, rows: [], origins, end, re });
  return putIn(empty, 'rows', texts);
}

/** Puts texts into the first empty list of that name, which no client's text can precede. */
const putIn = (message: string, list: string, texts: readonly string[]): string =>
  message.replace(`"${list}":[]`, () => `"${list}":[${texts.join(',')}]`);
