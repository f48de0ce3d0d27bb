/**
 * The part of a checkpoint beside the entries: everything else that a replay makes of the rows, and the
 * facts that bind the checkpoint to its log.
 *
 * As frames: a head, and then the lists in slices, so that no frame takes long to make. Frames are JSON.
 */
import type { ExpiryMark } from '../words/expiryMark.ts';
import type { Hash } from '../words/hash.ts';
import { isOnKey, isOp, type Membership, type OpId, type OpParts } from '../words/op.ts';
import { isCounter, isOrigin } from '../words/opRules.ts';
import type { OriginRecord } from '../words/row.ts';
import { isCount, isText, orNull } from '../words/shape.ts';
import type { Expired } from './expiry.ts';

/** The ops of an origin at the checkpoint: how many, and the sum of their hashes. */
export type HeldSum = Pick<OriginRecord, 'origin' | 'seq' | 'sum'>;

export interface CheckpointFacts {
  /** The log's own: the origin in which its ops are born. */
  readonly origin: string;
  readonly clusterName: string;
  /** The checkpoint holds the fold of the rows up to this lsn. */
  readonly lsn: number;
  /** The last HLC that the node had given or followed. */
  readonly hlc: number;
  /** A number above the generations of all collected entries; the log may not hold it yet. */
  readonly horizon: number;
  /** By the stable pair, which the log holds, entries had been collected. */
  readonly stable: ReadonlyMap<string, number>;
  readonly stableClock: number;
  /** UTC milliseconds of the last `retire`'s commit; null before the first. */
  readonly retiredAtMs: number | null;
  /** For `verify`: the map sum over the entries that expire after `asOf`, in minutes since the epoch. */
  readonly mapSum: { readonly asOf: number; readonly sum: Hash };
  /** Of all origins, closed ones included. */
  readonly records: readonly HeldSum[];
  /** Every `join` and `retire`, in order of arrival. */
  readonly memberships: readonly Membership[];
  /** The expiries of entries that had been collected: all after the mark. */
  readonly expired: readonly Expired[];
  readonly expiriesKnownSince: ExpiryMark;
}

/** Raised with every change that an older version would misread. */
export const CHECKPOINT_FORMAT = 1;

/** The frames are not those of a checkpoint that this version made. The message completes "because …". */
export class ForeignCheckpointError extends Error {}

const SLICE_ITEMS = 512;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function* factsFrames(facts: CheckpointFacts): Generator<Uint8Array, void, undefined> {
  const { records, memberships, expired, stable, ...head } = facts;
  const lists = [[...stable], records.map(recordItem), memberships, expired];
  const lengths = lists.map((list) => list.length);
  yield frameOf({ format: CHECKPOINT_FORMAT, ...head, lengths });
  for (const list of lists)
    for (let from = 0; from < list.length; from += SLICE_ITEMS)
      yield frameOf(list.slice(from, from + SLICE_ITEMS));
}

const frameOf = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));

const recordItem = ({ origin, seq, sum }: HeldSum): HeldSum => ({ origin, seq, sum });

/**
 * Reads the frames of `factsFrames`: each `yield` asks for the next one.
 *
 * @throws ForeignCheckpointError if they are others.
 */
export function* readFacts(): Generator<undefined, CheckpointFacts, Uint8Array> {
  const head = objectOf(parsed(yield));
  const { format, lengths } = head;
  if (format !== CHECKPOINT_FORMAT)
    throw new ForeignCheckpointError(`it has the form ${String(format)}, of another version`);
  const [stables, records, memberships, expiries] = Array.isArray(lengths) ? lengths : [];
  const stable = yield* listOf(stables, stableItem);
  return {
    ...headFacts(head),
    stable: new Map(stable),
    records: yield* listOf(records, readRecord),
    memberships: yield* listOf(memberships, readMembership),
    expired: yield* listOf(expiries, readExpired),
  };
}

function* listOf<T>(
  length: unknown,
  read: (item: Fields) => T,
): Generator<undefined, T[], Uint8Array> {
  const list: T[] = [];
  const end = wanted(length, isCount);
  while (list.length < end) {
    const slice = parsed(yield);
    if (!Array.isArray(slice) || slice.length === 0) throw malformed();
    for (const item of slice) list.push(read(objectOf(item)));
  }
  return list;
}

type Fields = Readonly<Record<string, unknown>>;

function headFacts(
  fields: Fields,
): Omit<CheckpointFacts, 'stable' | 'records' | 'memberships' | 'expired'> {
  const { origin, clusterName, lsn, hlc, horizon, stableClock, retiredAtMs } = fields;
  const { mapSum, expiriesKnownSince } = fields;
  const { asOf, sum } = objectOf(mapSum);
  return {
    origin: wanted(origin, isOrigin),
    clusterName: wanted(clusterName, isText),
    lsn: wanted(lsn, isCount),
    hlc: wanted(hlc, isCount),
    horizon: wanted(horizon, isHorizon),
    stableClock: wanted(stableClock, isClock),
    retiredAtMs: wanted(retiredAtMs, orNull(isCount)),
    mapSum: { asOf: wanted(asOf, isCount), sum: hashOf(sum) },
    expiriesKnownSince: markOf(expiriesKnownSince),
  };
}

const isHorizon = (value: unknown): value is number => isCount(value) && isCounter(value);

/** -1 before anything was stable. */
const isClock = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value);

function stableItem(item: Fields): [string, number] {
  return [wanted(item[0], isOrigin), wanted(item[1], isCount)];
}

const readRecord = ({ origin, seq, sum }: Fields): HeldSum => ({
  origin: wanted(origin, isOrigin),
  seq: wanted(seq, isCount),
  sum: hashOf(sum),
});

function readMembership(fields: Fields): Membership {
  const { origin, seq, hlc, kind, key, generation, version, value, hashHigh, hashLow } = fields;
  const parts: OpParts = {
    origin: wanted(origin, isOrigin),
    seq: wanted(seq, isCount),
    hlc: wanted(hlc, isCount),
    kind: kind === 'retire' ? kind : 'join',
    key: wanted(key, isText),
    generation: wanted(generation, isCount),
    version: wanted(version, isCount),
    expiresAt: null,
    value: wanted(value, orNull(isText)),
    meta: null,
    hashHigh: wanted(hashHigh, isCount),
    hashLow: wanted(hashLow, isCount),
  };
  if (kind !== parts.kind || !isOp(parts) || isOnKey(parts)) throw malformed();
  return parts;
}

const readExpired = ({ key, version, expiresAt, origin, seq }: Fields): Expired => ({
  key: wanted(key, isText),
  version: wanted(version, isCount),
  expiresAt: wanted(expiresAt, isCount),
  origin: wanted(origin, isOrigin),
  seq: wanted(seq, isCount),
});

const markOf = (value: unknown): ExpiryMark => {
  const { untilMs, upTo } = objectOf(value);
  return { untilMs: wanted(untilMs, isCount), upTo: upTo === null ? null : idOf(objectOf(upTo)) };
};

const idOf = ({ origin, seq }: Fields): OpId => ({
  origin: wanted(origin, isOrigin),
  seq: wanted(seq, isCount),
});

const hashOf = (value: unknown): Hash => {
  const { high, low } = objectOf(value);
  return { high: wanted(high, isCount), low: wanted(low, isCount) };
};

function parsed(frame: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(frame));
  } catch {
    throw malformed();
  }
}

function objectOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw malformed();
  return value as Fields;
}

function wanted<T>(value: unknown, isOne: (value: unknown) => value is T): T {
  if (!isOne(value)) throw malformed();
  return value;
}

const malformed = (): ForeignCheckpointError =>
  new ForeignCheckpointError('its facts are malformed');
