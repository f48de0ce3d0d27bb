/**
 * Ops and the total order among those of one key (rules 1 to 4 of ARCHITECTURE.md).
 *
 * The order decides every race the same way on every node, in whichever order ops arrive, so that
 * folding is commutative, associative and idempotent: a state-based CRDT in the sense of Shapiro,
 * Preguiça, Baquero and Zawirski, "Conflict-free Replicated Data Types", 2011.
 */

/** The version of an unconditional DELETE: greater than any PUT's, so that it ends its generation. */
export const LAST_VERSION = Number.MAX_SAFE_INTEGER;
/** The greatest version that a PUT may name. */
export const MAX_PUT_VERSION = LAST_VERSION - 1;
/** Generations, horizons and HLCs above this are refused: max + 1 must stay a safe integer for ever. */
export const MAX_COUNTER = 2 ** 52;
/** The greatest generation: two below, so that a horizon above it can still be told. */
export const MAX_GENERATION = MAX_COUNTER - 2;
/** The longest time to live that a PUT may name, in milliseconds (317 years). */
export const MAX_TTL_MS = 10 ** 13;

export interface OpId {
  /** The log that the op was born in. */
  readonly origin: string;
  /** Counts the ops of an origin, from 1, without gaps. */
  readonly seq: number;
}

/** Whether both are the same op. */
export const sameOp = (a: OpId, b: OpId): boolean => a.seq === b.seq && a.origin === b.origin;

interface Born extends OpId {
  /** Hybrid logical clock of the birth: milliseconds × 1000 + counter. */
  readonly hlc: number;
  /** Upper and lower half of the 64-bit hash of all other fields of the op. */
  readonly hashHigh: number;
  readonly hashLow: number;
}

interface OnKey extends Born {
  readonly key: string;
  /** How often the key has died before. */
  readonly generation: number;
  readonly version: number;
}

export interface Put extends OnKey {
  readonly kind: 'put';
  /** UTC milliseconds, or null if the entry never expires. */
  readonly expiresAt: number | null;
  /** JSON text exactly as the client sent it. */
  readonly value: string;
  /** superjson's annotation of types as JSON text, or null. No node interprets it. */
  readonly meta: string | null;
}

export interface Delete extends OnKey {
  readonly kind: 'delete';
  readonly expiresAt: null;
  readonly value: null;
  readonly meta: null;
}

/** A change of the members: `key` is the origin that joins or is retired. */
export interface Membership extends OnKey {
  readonly kind: 'join' | 'retire';
  readonly expiresAt: null;
  /** For `join`, JSON text with the facts about the member that peers need, its URL first; else null. */
  readonly value: string | null;
  readonly meta: null;
}

export type KeyOp = Put | Delete;
export type Op = KeyOp | Membership;

/** An entry without its value and meta. */
export type PutHead = Omit<Put, 'value' | 'meta'>;
export type EntryHead = PutHead | Omit<Delete, 'value' | 'meta'>;

/** An op that is only in the log: the row of this lsn holds it. */
export interface InLog {
  readonly lsn: number;
}

/** A put whose value and meta are only in the log. */
export interface ColdPut extends PutHead, InLog {
  /** Bytes of its key, value and meta. */
  readonly textBytes: number;
  readonly value?: undefined;
  readonly meta?: undefined;
}

/** An entry as a map gives it. */
export type Entry = KeyOp | ColdPut;

/** Whether the op, or its value, is only in the log. */
export const isInLog = <I extends InLog>(entry: KeyOp | I): entry is I => 'lsn' in entry;
export type Kind = Op['kind'];

/** Each in the place by which bytes and numbers stand for it. */
export const KINDS: readonly Kind[] = ['put', 'delete', 'join', 'retire'];

export const isKind = (value: unknown): value is Kind =>
  value === 'put' || value === 'delete' || value === 'join' || value === 'retire';

/** All fields of an op except its hash: the hashed content. */
export type Unhashed<O extends Op = Op> = O extends Op ? Omit<O, 'hashHigh' | 'hashLow'> : never;

/** The parts of an op, each of its own type, before they are checked against its kind. */
export interface OpParts extends OnKey {
  readonly kind: Kind;
  readonly expiresAt: number | null;
  readonly value: string | null;
  readonly meta: string | null;
}

/**
 * The one reading of an op: whether its kind has these parts. Only a put always has a value, and only a
 * put may expire or have a meta; a `join` may have a value.
 *
 * Readers write the parts in the order of `Op`, so that all ops have one shape in memory, without a
 * copy: this runs for every row of a replay.
 */
export function isOp(parts: OpParts): parts is Op;
export function isOp(parts: Omit<OpParts, 'hashHigh' | 'hashLow'>): parts is Unhashed;
export function isOp(parts: Omit<OpParts, 'hashHigh' | 'hashLow'>): boolean {
  const { kind, expiresAt, value, meta } = parts;
  if (kind === 'put') return value !== null;
  return expiresAt === null && meta === null && (value === null || kind === 'join');
}

/** Whether the op changes a key, and not the members. */
export const isOnKey = (op: Op): op is KeyOp => op.kind === 'put' || op.kind === 'delete';

/** The field that decides between two ops on one key. */
export type Ranked = Pick<KeyOp, 'generation' | 'version' | 'kind' | 'hlc' | 'origin' | 'seq'>;

export type Clause = 'generation' | 'version' | 'kind' | 'hlc' | 'origin' | 'seq';

/**
 * Rule 1: the total order `(generation, version, put < delete, hlc, origin, seq)` of the ops on one key.
 *
 * @returns the first clause in which they differ; null for the same op.
 */
export function decidingClause(a: Ranked, b: Ranked): Clause | null {
  if (a.generation !== b.generation) return 'generation';
  if (a.version !== b.version) return 'version';
  if (a.kind !== b.kind) return 'kind';
  if (a.hlc !== b.hlc) return 'hlc';
  if (a.origin !== b.origin) return 'origin';
  return a.seq === b.seq ? null : 'seq';
}

/** Rule 1. @returns negative if `b` beats `a`, positive if `a` beats `b`, 0 for the same op. */
export function compareOps(a: Ranked, b: Ranked): number {
  const clause = decidingClause(a, b);
  switch (clause) {
    case null:
      return 0;
    case 'kind':
      return a.kind === 'delete' ? 1 : -1;
    case 'origin':
      return a.origin < b.origin ? -1 : 1;
    default:
      return a[clause] - b[clause];
  }
}

/** The size of an op for bounds of memory: its texts, in UTF-16 code units. */
export const textLength = (op: Pick<Op, 'key' | 'value' | 'meta'>): number =>
  op.key.length + (op.value?.length ?? 0) + (op.meta?.length ?? 0);

/** Rule 4: a tombstone, or an entry whose time has passed, reads as absent. */
export const isDead = (entry: Pick<KeyOp, 'kind' | 'expiresAt'>, nowMs: number): boolean =>
  entry.kind === 'delete' || (entry.expiresAt !== null && entry.expiresAt <= nowMs);

/** Rule 2: whether a PUT of this version is accepted over the present entry (else it is a conflict). */
export const admitsVersion = (
  entry: EntryHead | undefined,
  version: number,
  nowMs: number,
): boolean =>
  entry === undefined ||
  version > entry.version ||
  // A dead entry is beaten by a greater generation, as long as there is one.
  (isDead(entry, nowMs) && entry.generation < MAX_GENERATION);

/**
 * Rule 2: the generation of a new op: that of the live entry, else one that no earlier op of the key
 * can have.
 */
export function generationFor(
  entry: EntryHead | undefined,
  horizon: number,
  nowMs: number,
): number {
  if (entry === undefined) return Math.min(MAX_GENERATION, horizon);
  if (!isDead(entry, nowMs)) return entry.generation;
  return Math.min(MAX_GENERATION, Math.max(entry.generation + 1, horizon));
}

/** The horizon once an entry of that generation is collected. */
export const horizonAbove = (horizon: number, generation: number): number =>
  Math.min(MAX_COUNTER, Math.max(horizon, generation + 1));

/** The op id as people and ETags see it: `origin/seq`. */
export const formatOpId = (op: OpId): string => `${op.origin}/${op.seq}`;
