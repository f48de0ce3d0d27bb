/**
 * The messages between peers, one JSON text each (PROTOCOL.md). Everything that comes from a peer is
 * checked here, before anything acts on it.
 */
import { z } from 'zod';
import type { Delta, Range } from '../../words/delta.ts';
import { formatHash, HASH_TEXT_LENGTH, type Hash, parseHash, ZERO } from '../../words/hash.ts';
import { LAST_VERSION, MAX_COUNTER } from '../../words/op.ts';
import type { SnapshotEnd, SnapshotRow } from '../../words/snapshot.ts';
import type { Vector } from '../../words/vector.ts';
import type { Digest } from './digest.ts';
import { decodeOp, MalformedMessageError, ORIGIN_PATTERN } from './opCodec.ts';
import type { EntryMark } from './repair.ts';

/** The versions of the protocol that this node speaks. */
export const PROTOCOL_RANGE: readonly [number, number] = [1, 1];

export interface Hello {
  readonly type: 'hello';
  /** Lowest and highest version of the protocol that the sender speaks. */
  readonly protocol: readonly [number, number];
  /** The cluster's name. */
  readonly cluster: string;
  /** Null until the sender has formed or joined a cluster. */
  readonly clusterId: string | null;
  /** When that was formed, UTC milliseconds; 0 until then. */
  readonly formedAt: number;
  /** How many members the sender counts. */
  readonly size: number;
  /** Whether the sender has joined: until then it answers nothing. */
  readonly joined: boolean;
  /** The member that let the sender in; null where it formed the cluster. */
  readonly admittedBy: string | null;
  readonly nodeId: string;
  readonly origin: string;
  /** Random for each start of a process: tells a clone of this node from itself. */
  readonly instance: string;
  /** Where the sender can be dialled; null where it does not know. */
  readonly url: string | null;
  /** The sender's clock, UTC milliseconds. */
  readonly clock: number;
}

export interface DigestMessage {
  readonly type: 'digest';
  readonly digest: Digest;
}

export interface DeltaMessage {
  readonly type: 'delta';
  readonly delta: Delta;
  /** Only in the answer to a digest: the sender's own, and whether the asker still lacks ops. */
  readonly answer: { readonly digest: Digest; readonly more: boolean } | null;
}

/** A part of a snapshot; the asker wants the next by `next`. */
export interface SnapshotMessage {
  readonly type: 'snapshot';
  /** From 0. */
  readonly part: number;
  readonly rows: readonly SnapshotRow[];
  /** What the whole stands for; only in the last part. */
  readonly end: SnapshotEnd | null;
}

export interface NextMessage {
  readonly type: 'next';
  readonly part: number;
}

/** The sender can not answer a digest yet: ask again shortly. */
export interface LaterMessage {
  readonly type: 'later';
}

/** Asks to be told, with `confirmed`, as soon as the receiver has committed the sender's ops up to `seq`. */
export interface ConfirmMessage {
  readonly type: 'confirm';
  readonly seq: number;
}

/** The sender has committed the receiver's ops up to `seq`. */
export interface ConfirmedMessage {
  readonly type: 'confirmed';
  readonly seq: number;
}

/** The receiver must rejoin (rules 8, 10 and 12). */
export interface RejoinMessage {
  readonly type: 'rejoin';
  readonly code: 'retired' | 'stranger' | 'behind';
  /** One sentence for the log of the receiver. */
  readonly reason: string;
  /** The sender's smallest member origin, for two sides that retired each other. */
  readonly smallestMember: string | null;
  /** For `behind`, what the sender has compacted away. */
  readonly reach: Vector;
}

/**
 * Asks for the deletes in the receiver's log that are later than an HLC, page by page (rule 12): of
 * what a snapshot did not bring.
 */
export interface DeletesMessage {
  readonly type: 'deletes';
  readonly since: number;
  /** What the page before said; 0 asks for the first. */
  readonly after: number;
}

export interface DeletedMessage {
  readonly type: 'deleted';
  /** Keys and HLCs. */
  readonly deletes: readonly (readonly [key: string, hlc: number])[];
  /** Null with the last page. */
  readonly next: number | null;
}

/** Asks for the sums of the buckets of the map, or for the entries of one of them (rule 11). */
export interface CompareMessage {
  readonly type: 'compare';
  readonly asOf: number;
  readonly buckets: number;
  readonly bucket: number | null;
}

export interface ComparedMessage {
  readonly type: 'compared';
  readonly asOf: number;
  readonly buckets: number;
  /** The bucket that was asked for; null with the sums of all. */
  readonly bucket: number | null;
  readonly sums: readonly Hash[];
  readonly entries: readonly EntryMark[];
}

const ERROR_CODES = ['protocol', 'cluster', 'clock', 'clone', 'duplicate', 'malformed'] as const;

export interface ErrorMessage {
  readonly type: 'error';
  readonly code: (typeof ERROR_CODES)[number];
  /** One sentence for the log of the receiver. */
  readonly reason: string;
}

export type Message =
  | Hello
  | DigestMessage
  | DeltaMessage
  | SnapshotMessage
  | NextMessage
  | LaterMessage
  | ConfirmMessage
  | ConfirmedMessage
  | RejoinMessage
  | DeletesMessage
  | DeletedMessage
  | CompareMessage
  | ComparedMessage
  | ErrorMessage;

/** A longer one is cut: what was wrong with a long message may take long to say. */
const MAX_REASON_LENGTH = 1024;

const counter = z.int().min(0).max(MAX_COUNTER);
const originName = z.string().regex(ORIGIN_PATTERN);
const hashText = z.string().length(HASH_TEXT_LENGTH);

const digestFields = {
  clock: z.int(),
  asOf: z.int(),
  horizon: counter,
  vector: z.record(originName, z.int().min(0)),
  sums: z.string(),
  retired: hashText.optional(),
  listed: z.literal(true).optional(),
};

const compareFields = {
  asOf: z.int(),
  buckets: z.int().min(1).max(65_536),
  bucket: z.int().min(0).nullable(),
};

const vectorSchema = z.record(originName, z.int().min(0));

const schema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.tuple([z.int(), z.int()]),
    cluster: z.string().max(256),
    clusterId: z.string().max(128).nullable(),
    formedAt: z.int(),
    size: z.int().min(0),
    joined: z.boolean(),
    admittedBy: originName.nullable(),
    instance: z.string().max(64),
    nodeId: z.string().min(1).max(64),
    origin: originName,
    url: z.string().max(2048).nullable(),
    clock: z.int(),
  }),
  z.object({ type: z.literal('digest'), ...digestFields }),
  z.object({
    type: z.literal('delta'),
    ranges: z.array(z.tuple([originName, z.int().min(0), z.int().min(0), hashText])),
    ops: z.array(z.unknown()),
    answer: z.object({ ...digestFields, more: z.boolean() }).optional(),
  }),
  z.object({
    type: z.literal('snapshot'),
    part: z.int().min(0),
    rows: z.array(z.tuple([z.unknown(), z.union([z.literal(0), z.literal(1)])])),
    end: z
      .object({ vector: vectorSchema, sums: z.string(), reach: vectorSchema, horizon: counter })
      .optional(),
  }),
  z.object({ type: z.literal('next'), part: z.int().min(0) }),
  z.object({ type: z.literal('later') }),
  z.object({ type: z.literal('confirm'), seq: z.int().min(0) }),
  z.object({ type: z.literal('confirmed'), seq: z.int().min(0) }),
  z.object({
    type: z.literal('rejoin'),
    code: z.enum(['retired', 'stranger', 'behind']),
    reason: z.string().max(MAX_REASON_LENGTH),
    smallestMember: originName.nullable(),
    reach: vectorSchema,
  }),
  z.object({ type: z.literal('deletes'), since: counter, after: z.int().min(0) }),
  z.object({
    type: z.literal('deleted'),
    deletes: z.array(z.tuple([z.string(), counter])),
    next: z.int().min(0).nullable(),
  }),
  z.object({ type: z.literal('compare'), ...compareFields }),
  z.object({
    type: z.literal('compared'),
    ...compareFields,
    sums: z.string(),
    entries: z.array(
      z.tuple([
        z.string(),
        z.enum(['put', 'delete']),
        counter,
        z.int().min(0).max(LAST_VERSION),
        counter,
        originName,
        z.int().min(1),
      ]),
    ),
  }),
  z.object({
    type: z.literal('error'),
    code: z.enum(ERROR_CODES),
    reason: z.string().max(MAX_REASON_LENGTH),
  }),
]);

type DigestFields = z.infer<z.ZodObject<typeof digestFields>>;

/** @throws MalformedMessageError where the text is not a message of this protocol. */
export function decodeMessage(text: string): Message {
  const message = schema.safeParse(parseJson(text));
  if (!message.success) throw new MalformedMessageError(z.prettifyError(message.error));
  const { data } = message;
  switch (data.type) {
    case 'hello':
    case 'error':
    case 'next':
    case 'later':
    case 'confirm':
    case 'confirmed':
    case 'deletes':
    case 'deleted':
    case 'compare':
      return data;
    case 'compared':
      return {
        ...data,
        sums: decodeSums(data.sums, data.bucket === null ? data.buckets : 0),
        entries: data.entries.map(([key, kind, generation, version, hlc, origin, seq]) => ({
          key,
          kind,
          generation,
          version,
          hlc,
          origin,
          seq,
        })),
      };
    case 'rejoin':
      return { ...data, reach: new Map(Object.entries(data.reach)) };
    case 'snapshot':
      return {
        type: 'snapshot',
        part: data.part,
        rows: data.rows.map(([op, isEntry]) => ({ op: decodeOp(op), isEntry: isEntry === 1 })),
        end: data.end === undefined ? null : decodeSnapshotEnd(data.end),
      };
    case 'digest':
      return { type: 'digest', digest: decodeDigest(data) };
    case 'delta':
      return {
        type: 'delta',
        delta: { ranges: data.ranges.map(decodeRange), ops: data.ops.map(decodeOp) },
        answer:
          data.answer === undefined
            ? null
            : { digest: decodeDigest(data.answer), more: data.answer.more },
      };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedMessageError('it is not JSON');
  }
}

function decodeRange([origin, after, to, sumText]: [string, number, number, string]): Range {
  return { origin, after, to, sum: decodeHash(sumText) };
}

function decodeHash(text: string): Hash {
  const hash = parseHash(text);
  if (hash === undefined) throw new MalformedMessageError(`${text} is not a hash`);
  return hash;
}

interface SnapshotEndFields {
  vector: Record<string, number>;
  sums: string;
  reach: Record<string, number>;
  horizon: number;
}

function decodeSnapshotEnd({ vector, sums, reach, horizon }: SnapshotEndFields): SnapshotEnd {
  const origins = Object.keys(vector);
  const hashes = decodeSums(sums, origins.length);
  return {
    vector: new Map(Object.entries(vector)),
    sums: new Map(origins.map((origin, index) => [origin, hashes[index] ?? ZERO])),
    reach: new Map(Object.entries(reach)),
    horizon,
  };
}

function decodeSums(text: string, count: number): Hash[] {
  if (text.length !== count * HASH_TEXT_LENGTH)
    throw new MalformedMessageError('the sums do not go with the vector');
  const sums: Hash[] = [];
  for (let from = 0; from < text.length; from += HASH_TEXT_LENGTH)
    sums.push(decodeHash(text.slice(from, from + HASH_TEXT_LENGTH)));
  return sums;
}

/** `sums` is the map sum and then one sum for each origin of the vector, in its order. */
function decodeDigest(fields: DigestFields): Digest {
  const { vector, sums, retired, listed, asOf, horizon, clock } = fields;
  const origins = Object.keys(vector);
  const [mapSum = ZERO, ...ofOrigins] = decodeSums(sums, origins.length + 1);
  return {
    vector: new Map(Object.entries(vector)),
    sums: new Map(origins.map((origin, index) => [origin, ofOrigins[index] ?? ZERO])),
    retiredSum: retired === undefined ? null : decodeHash(retired),
    listsRetired: listed === true,
    asOf,
    mapSum,
    horizon,
    clock,
  };
}

function digestToFields(digest: Digest): DigestFields {
  return {
    clock: digest.clock,
    asOf: digest.asOf,
    horizon: digest.horizon,
    vector: Object.fromEntries(digest.vector),
    sums: formatHash(digest.mapSum) + formatSums(digest.vector, digest.sums),
    ...(digest.retiredSum !== null && { retired: formatHash(digest.retiredSum) }),
    ...(digest.listsRetired && { listed: true }),
  };
}

function formatSums(vector: Vector, sums: ReadonlyMap<string, Hash>): string {
  let text = '';
  for (const origin of vector.keys()) text += formatHash(sums.get(origin) ?? ZERO);
  return text;
}

export const encodeHello = (hello: Hello): string => JSON.stringify(hello);
export const encodeError = (error: ErrorMessage): string =>
  JSON.stringify({ ...error, reason: error.reason.slice(0, MAX_REASON_LENGTH) });
export const encodeDigest = (digest: Digest): string =>
  JSON.stringify({ type: 'digest', ...digestToFields(digest) });

export const encodeNext = (part: number): string => JSON.stringify({ type: 'next', part });
export const encodeLater = (): string => JSON.stringify({ type: 'later' });
export const encodeConfirm = (seq: number): string => JSON.stringify({ type: 'confirm', seq });
export const encodeConfirmed = (seq: number): string => JSON.stringify({ type: 'confirmed', seq });
export const encodeRejoin = (message: RejoinMessage): string =>
  JSON.stringify({
    ...message,
    reason: message.reason.slice(0, MAX_REASON_LENGTH),
    reach: Object.fromEntries(message.reach),
  });

export const encodeDeletes = (message: DeletesMessage): string => JSON.stringify(message);
export const encodeDeleted = (message: DeletedMessage): string => JSON.stringify(message);

export const encodeCompare = (message: CompareMessage): string => JSON.stringify(message);
export const encodeCompared = ({ sums, entries, ...rest }: ComparedMessage): string =>
  JSON.stringify({
    ...rest,
    sums: sums.map(formatHash).join(''),
    entries: entries.map((mark) => [
      mark.key,
      mark.kind,
      mark.generation,
      mark.version,
      mark.hlc,
      mark.origin,
      mark.seq,
    ]),
  });

/** @param wireRows each row as its op on the wire and whether it is an entry. */
export function encodeSnapshot(
  part: number,
  wireRows: readonly { readonly wire: string; readonly isEntry: boolean }[],
  end: SnapshotEnd | null,
): string {
  const rows = wireRows.map(({ wire, isEntry }) => `[${wire},${isEntry ? 1 : 0}]`).join(',');
  const tail =
    end === null
      ? ''
      : `,"end":${JSON.stringify({
          vector: Object.fromEntries(end.vector),
          sums: formatSums(end.vector, end.sums),
          reach: Object.fromEntries(end.reach),
          horizon: end.horizon,
        })}`;
  return `{"type":"snapshot","part":${part},"rows":[${rows}]${tail}}`;
}

/** @param wireOps each op as `encodeOp` made it, so that an op is encoded once for all peers. */
export function encodeDelta(
  ranges: readonly Range[],
  wireOps: readonly string[],
  answer: DeltaMessage['answer'],
): string {
  const rangeTexts = JSON.stringify(
    ranges.map(({ origin, after, to, sum }) => [origin, after, to, formatHash(sum)]),
  );
  const tail =
    answer === null
      ? ''
      : `,"answer":${JSON.stringify({ ...digestToFields(answer.digest), more: answer.more })}`;
  return `{"type":"delta","ranges":${rangeTexts},"ops":[${wireOps.join(',')}]${tail}}`;
}
