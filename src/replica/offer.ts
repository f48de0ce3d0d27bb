/**
 * Rule 12: what a node held before it rejoined is offered again as ordinary PUTs, where the cluster
 * lacks it. What loses or is left out is told, key by key.
 */
import { HearsayError } from '../words/errors.ts';
import { carriedHash, type Hash, sameHash, subtract, ZERO } from '../words/hash.ts';
import { isDead, type KeyOp, type Put } from '../words/op.ts';
import type { Outcome, PutRequest } from '../words/requests.ts';
import { covers, seqOf, type Vector } from '../words/vector.ts';
import { type AskDeletes, deletesAfter, eachDelete } from './deletes.ts';
import type { Replica } from './replica.ts';

export interface SetAside {
  /** The origin that the entries were held under. */
  readonly origin: string;
  readonly entries: readonly Put[];
  /** Ops of the origin above this seq may bear ids that others bear too: the vector says nothing of them. */
  readonly trustedSeq: number;
  /** Of each origin of the entries, how much of it was held and the sum of that. */
  readonly sums: ReadonlyMap<string, { readonly seq: number; readonly sum: Hash }>;
  /** Whether its cluster had other members, who may have gone on without it. */
  readonly hadOthers: boolean;
  /** Whether the origin is retired then; not where another node goes on under it. */
  readonly isRetired: boolean;
}

type Note = (level: 'info' | 'warn', text: string) => void;

const BATCH = 512;
const ONE_OP = { maxRows: 1, maxBytes: 1 };

/**
 * The live entries of the replica, to be offered after a rejoin.
 *
 * @param state whether other ops bear the ids of its own: then only those that once were stable, which
 * every member held, are surely the same.
 */
export function setAside(
  replica: Replica,
  state: 'sound' | 'forked' | 'shared' = 'sound',
): SetAside {
  const nowMs = replica.nowMs();
  const entries: Put[] = [];
  for (const entry of replica.map.entries())
    if (entry.kind === 'put' && !isDead(entry, nowMs)) entries.push(entry);
  const { origin, openedAtSeq, header } = replica;
  const stableSeq = Math.min(openedAtSeq, seqOf(header.stable, origin));
  const trustedSeq = state === 'sound' ? openedAtSeq : stableSeq;
  const sums = new Map(entries.map((entry) => [entry.origin, replica.record(entry.origin)]));
  const hadOthers = replica.members.size > 1;
  return { origin, entries, trustedSeq, sums, hadOthers, isRetired: state !== 'shared' };
}

/**
 * @param welcoming the vector of the answer that let this node in: what it covers is known.
 * @param peers who can tell what was deleted.
 * @param note told each key that is left out or loses.
 */
export async function offerAgain(
  replica: Replica,
  { origin, entries, trustedSeq, sums, isRetired }: SetAside,
  welcoming: Vector,
  peers: readonly AskDeletes[],
  note: Note,
): Promise<void> {
  const nowMs = replica.nowMs();
  const others = await otherOps(replica, entries, sums);
  const isKnown = (entry: Put): boolean =>
    showsTheSame(replica.map.get(entry.key), entry) ||
    (covers(welcoming, entry) &&
      !others.has(entry) &&
      !(entry.origin === origin && entry.seq > trustedSeq));
  const lacking = entries.filter((entry) => !isDead(entry, nowMs) && !isKnown(entry));
  const deletedAt = await laterDeletes(replica, lacking, peers);
  const offered = lacking.filter((entry) => {
    const isDeleted = (deletedAt.get(entry.key) ?? 0) > entry.hlc;
    if (isDeleted)
      note('info', `${shown(entry.key)} is not offered again: the cluster deleted it later`);
    return !isDeleted;
  });
  for (let from = 0; from < offered.length; from += BATCH)
    await offerBatch(replica, offered.slice(from, from + BATCH), note);
  if (lacking.length > 0)
    note('info', `${offered.length} of ${entries.length} entries of ${origin} were offered again`);
  if (isRetired && replica.members.has(origin) && origin !== replica.origin)
    await replica.membership.retire(origin);
}

/** The entries whose ids are those of other ops here: of origins that were forked. */
async function otherOps(
  replica: Replica,
  entries: readonly Put[],
  sums: SetAside['sums'],
): Promise<Set<Put>> {
  const forked = new Set<string>();
  for (const [origin, held] of sums)
    if (!(await holdsTheSame(replica, origin, held))) forked.add(origin);
  const others = new Set<Put>();
  for (const entry of entries) {
    if (!forked.has(entry.origin)) continue;
    const [op] = await replica.log.opsAfter(entry.origin, entry.seq - 1, ONE_OP);
    if (op?.seq === entry.seq && !sameHash(carriedHash(op), carriedHash(entry))) others.add(entry);
  }
  return others;
}

/** Whether our ops of the origin are those that were held, as far as the log still tells. */
async function holdsTheSame(
  replica: Replica,
  origin: string,
  { seq: heldSeq, sum: heldSum }: { readonly seq: number; readonly sum: Hash },
): Promise<boolean> {
  const { seq, sum, reach } = replica.record(origin);
  if (seq < heldSeq) return seq === 0;
  if (seq > heldSeq && reach > heldSeq) return true;
  const later = seq === heldSeq ? ZERO : await replica.log.sumBetween(origin, heldSeq, seq);
  return sameHash(subtract(sum, later), heldSum);
}

async function offerBatch(replica: Replica, entries: readonly Put[], note: Note): Promise<void> {
  const requests = entries.map((entry): PutRequest => {
    const ttlMs = entry.expiresAt === null ? null : Math.max(1, entry.expiresAt - replica.nowMs());
    const { key, version, value, meta } = entry;
    return { kind: 'put', key, version, ttlMs, value, meta };
  });
  const outcomes = await submitWhenRoom(replica, requests);
  for (const [index, outcome] of outcomes.entries()) {
    const entry = entries[index];
    if (outcome.kind === 'conflict' && entry !== undefined)
      note(
        'info',
        `${shown(entry.key)} version ${entry.version} loses: the cluster holds version ${outcome.currentVersion}`,
      );
  }
}

async function submitWhenRoom(
  replica: Replica,
  requests: readonly PutRequest[],
): Promise<Outcome[]> {
  try {
    return await replica.offer(requests);
  } catch (error) {
    if (error instanceof HearsayError && requests.length > 1) {
      const half = Math.ceil(requests.length / 2);
      const first = await submitWhenRoom(replica, requests.slice(0, half));
      return [...first, ...(await submitWhenRoom(replica, requests.slice(half)))];
    }
    throw error;
  }
}

/**
 * HLC of the last delete of each key that lacks. The log has no index on keys: one pass. Where a
 * snapshot or compaction has left holes in it, peers are asked as well.
 */
async function laterDeletes(
  replica: Replica,
  lacking: readonly Put[],
  peers: readonly AskDeletes[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  if (lacking.length === 0) return found;
  const keys = new Set(lacking.map(({ key }) => key));
  const since = lacking.reduce((least, { hlc }) => Math.min(least, hlc), lacking[0]?.hlc ?? 0);
  const each = (key: string, hlc: number): void => {
    if (keys.has(key)) found.set(key, Math.max(found.get(key) ?? 0, hlc));
  };
  await eachDelete((from, after) => deletesAfter(replica.log, from, after), since, each);
  if (replica.reach().size === 0) return found;
  const told = await Promise.all(peers.map((ask) => eachDelete(ask, since, each)));
  if (!told.includes(true))
    throw new HearsayError(
      'What this node held before it rejoined is offered again once a peer says which keys were deleted since.',
    );
  return found;
}

/** As after an offer that was cut off: what it had come to is not offered twice. */
const showsTheSame = (shown: KeyOp | undefined, { version, value, meta }: Put): boolean =>
  shown?.kind === 'put' &&
  shown.version === version &&
  shown.value === value &&
  shown.meta === meta;

const shown = (key: string): string =>
  JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key);
