/**
 * Rule 12: ops that a node held before it rejoined, and that its cluster lacks, come back as if they
 * had never been lost: deletes and expired entries as well, each with its own generation, version and
 * HLC. An op that the cluster surely knows is not offered. An op that nobody can decide is left out.
 * Each op that loses or is left out is logged.
 */
import type { Log } from '../log/log.ts';
import { HearsayError } from '../words/errors.ts';
import { hasContent } from '../words/hash.ts';
import {
  type Entry,
  formatOpId,
  isDead,
  isInLog,
  isOnKey,
  type KeyOp,
  type OpId,
  type Put,
  sameOp,
} from '../words/op.ts';
import type { PutRequest } from '../words/requests.ts';
import { seqOf, type Vector } from '../words/vector.ts';
import { collectedOps } from './collectedOps.ts';
import { heldOps } from './heldOps.ts';
import { type AskJudge, Judgement, judgedPage } from './judgement.ts';
import type { Replica } from './replica.ts';
import type { SetAside } from './setAside.ts';

export type Note = (level: 'info' | 'warn', text: string) => void;

export interface OfferOptions {
  readonly replica: Replica;
  /** The replica's log when the offer began; the offer ends with it. */
  readonly life: Log;
  readonly aside: SetAside;
  /** The log that was set aside; null if it can't be read. */
  readonly old: Log | null;
  /** The vector that this node was welcomed with. */
  readonly base: Vector;
  /** Other members that can be asked. */
  readonly peers: readonly AskJudge[];
  /** Whether an op that the peers could not decide is left out now, or tried again later. */
  readonly leavesOut: boolean;
  /** The greatest difference between the clocks of two nodes, in milliseconds. */
  readonly maxClockSkewMs: number;
  readonly note: Note;
}

const BATCH = 512;

/**
 * @returns whether every op is decided; if not, some have to be offered once more. Rejects as
 *   `Offering.lost`.
 */
export async function offerAgain(options: OfferOptions): Promise<boolean> {
  const { replica, aside, life } = options;
  const isDecided = isOfCluster(options) ? await offerLost(options) : await putEntries(options);
  if (isDecided && aside.state !== 'shared') await replica.offering.retire(aside.origin, life);
  return isDecided;
}

/** A log that never joined knows no cluster. It holds a part of its sponsor's log, so the origins in it tell. */
function isOfCluster({ replica, aside, base }: OfferOptions): boolean {
  const { clusterId, records } = aside;
  if (clusterId !== null) return clusterId === replica.header.clusterId;
  return [...records.keys()].some((origin) => seqOf(base, origin) > 0);
}

async function offerLost(options: OfferOptions): Promise<boolean> {
  const { replica, aside, old, base, life, note, maxClockSkewMs } = options;
  const { origin } = aside;
  const held = await heldOps(aside, old, replica, base);
  const isKnown = (id: OpId): boolean =>
    id.seq <= Math.min(seqOf(held, id.origin), seqOf(base, id.origin));
  const found = aside.isSettled
    ? await deadOps(old, isKnown, replica.nowMs())
    : await greatestOps(aside, old, isKnown);
  const lost = found.sort((a, b) => a.hlc - b.hlc);
  if (lost.length === 0) return true;
  const { judgement, isFinal } = await judge(options, lost, held);
  const judged = (op: KeyOp) => ({
    later: judgement.laterOf(op.key),
    isComplete: judgement.isComplete,
    isRecent: judgement.isRecent(op, maxClockSkewMs),
  });
  const counts = { offered: 0, known: 0, beaten: 0, undecided: 0 };
  const losers: string[] = [];
  for (let from = 0; from < lost.length; from += BATCH) {
    const ops = await wholeOps(lost.slice(from, from + BATCH), old, note);
    const outcomes = await inParts(ops, (part) => replica.offering.lost(part, judged, life));
    for (const [index, outcome] of outcomes.entries()) {
      const op = ops[index];
      if (op === undefined) continue;
      counts[outcome]++;
      if (outcome === 'beaten') losers.push(shown(op));
      if (outcome === 'undecided' && isFinal)
        note('warn', `${shown(op)} is left out: ${FORGOTTEN}`);
    }
  }
  if (counts.offered > 0)
    note('info', `ops of ${origin} that the cluster lacked are offered again: ${counts.offered}`);
  const isDecided = counts.undecided === 0 || isFinal;
  // If not, the ops are offered once more, and lose once more.
  if (isDecided) for (const op of losers) note('info', `${op} loses: the cluster holds a later op`);
  return isDecided;
}

/** For each key the greatest op that the old log held, collected or not, unless it is known. */
async function greatestOps(
  { entries }: SetAside,
  old: Log | null,
  isKnown: (id: OpId) => boolean,
): Promise<Entry[]> {
  const lost = entries.filter((op) => !isKnown(op));
  if (old === null) return lost;
  const keys = new Set(entries.map(({ key }) => key));
  const collected = await collectedOps(old, (head) => !keys.has(head.key) && !isKnown(head));
  return [...lost, ...collected];
}

/**
 * Of a log that a later one has settled, the dead ops that are not known (ADR 13). That later log had begun with a
 * snapshot, which brings no op that was collected. What lives is an entry of it, or was beaten there; a dead op
 * brings nothing back.
 */
const deadOps = async (
  old: Log | null,
  isKnown: (id: OpId) => boolean,
  nowMs: number,
): Promise<Entry[]> =>
  old === null ? [] : collectedOps(old, (head) => isDead(head, nowMs) && !isKnown(head));

const FORGOTTEN = 'nobody knows any more whether the key was deleted since';

/** @returns the judgement, and whether waiting would not change it. */
async function judge(
  options: OfferOptions,
  lost: readonly Entry[],
  held: Vector,
): Promise<{ judgement: Judgement; isFinal: boolean }> {
  const { replica, leavesOut } = options;
  // If the key has an entry, or the op is not below the horizon, this node decides alone.
  const isOpen = ({ key, generation }: Entry): boolean =>
    replica.map.head(key) === undefined && generation < replica.header.horizon;
  const { judgement, heard } = await hearAll(options, lost, held, () => lost.some(isOpen));
  return { judgement, isFinal: leavesOut || heard >= otherMembers(options) };
}

/** Asks this node's own log and, if that may have forgotten ops, the peers. */
async function hearAll(
  { replica, peers }: OfferOptions,
  ops: readonly Entry[],
  held: Vector,
  wantsPeers = (): boolean => true,
): Promise<{ judgement: Judgement; heard: number }> {
  const judgement = new Judgement(ops.map(({ key }) => key));
  await judgement.hear((of, after) => judgedPage(replica, of, after), held);
  if (judgement.isComplete || !wantsPeers()) return { judgement, heard: 0 };
  const answers = await Promise.all(peers.map((ask) => judgement.hear(ask, held)));
  return { judgement, heard: answers.filter((answered) => answered).length };
}

/** Seals the origin of the offered log, which may still count as a member. */
function otherMembers({ replica, aside }: OfferOptions): number {
  const { members, origin } = replica;
  return [...members.all()].filter((one) => one.origin !== origin && one.origin !== aside.origin)
    .length;
}

/**
 * Generations of another cluster have no meaning here. So the live entries are put as a client would
 * put them, except those that this cluster has deleted since.
 */
async function putEntries(options: OfferOptions): Promise<boolean> {
  const { replica, aside, old, life, note } = options;
  if (aside.isSettled) return true;
  const nowMs = replica.nowMs();
  const entries = await entriesToPut(options, nowMs);
  if (entries.length === 0) return true;
  const { judgement, heard } = await hearAll(options, entries, new Map());
  if (!judgement.isComplete && heard === 0 && otherMembers(options) > 0) return false;
  const put = entries.filter((entry) => {
    const isDeleted = judgement.deletedAt(entry.key) > entry.hlc;
    if (isDeleted) note('info', `${shown(entry)} is not put again: the cluster deleted it later`);
    return !isDeleted;
  });
  for (let from = 0; from < put.length; from += BATCH) {
    const batch = (await wholeOps(put.slice(from, from + BATCH), old, note)).filter(isPut);
    const requests = batch.map((entry) => requestOf(entry, replica.nowMs()));
    const outcomes = await inParts(requests, (part) => replica.offering.requests(part, life));
    for (const [index, outcome] of outcomes.entries()) {
      const entry = batch[index];
      if (outcome.kind === 'conflict' && entry !== undefined)
        note('info', `${shown(entry)} loses: the cluster holds version ${outcome.currentVersion}`);
    }
  }
  note('info', `${put.length} entries of ${aside.origin} were put into this cluster`);
  return true;
}

/** The live entries of the old log that this cluster does not show yet. */
async function entriesToPut(
  { replica, aside, old, note }: OfferOptions,
  nowMs: number,
): Promise<Entry[]> {
  const live = aside.entries.filter((entry) => !isDead(entry, nowMs));
  const found: Entry[] = [];
  for (let from = 0; from < live.length; from += BATCH) {
    const some = live.slice(from, from + BATCH);
    const ops = (await wholeOps(some, old, note)).filter(isPut);
    const missing = new Set(ops.filter((op) => !isShown(replica, op)).map(({ key }) => key));
    found.push(...some.filter(({ key }) => missing.has(key)));
  }
  return found;
}

const isPut = (op: KeyOp): op is Put => op.kind === 'put';

function requestOf({ key, version, value, meta, expiresAt }: Put, nowMs: number): PutRequest {
  const ttlMs = expiresAt === null ? null : Math.max(1, expiresAt - nowMs);
  return { kind: 'put', key, version, ttlMs, value, meta };
}

/** Whether the entry shows the put already, as after an interrupted offer: it is not offered twice. */
function isShown({ map }: Replica, { key, version, value, meta }: Put): boolean {
  const head = map.head(key);
  if (head?.kind !== 'put' || head.version !== version) return false;
  return hasContent(head, { value, meta, expiresAt: head.expiresAt });
}

/** The ops with their values. An op whose value nobody can read any more is left out. */
async function wholeOps(entries: readonly Entry[], old: Log | null, note: Note): Promise<KeyOp[]> {
  const cold = entries.filter(isInLog);
  const rows = await old?.rowsAt(cold.map(({ lsn }) => lsn));
  const ops = new Map((rows ?? []).map(({ lsn, op }) => [lsn, op]));
  return entries.flatMap((entry) => {
    if (!isInLog(entry)) return [entry];
    const op = ops.get(entry.lsn);
    if (op !== undefined && isOnKey(op) && sameOp(op, entry)) return [op];
    note('warn', `${shown(entry)} is left out: its value can't be read from the log that held it`);
    return [];
  });
}

/** Offers in halves if the queue has no room for all. */
async function inParts<T, R>(
  items: readonly T[],
  commit: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<readonly R[]> {
  try {
    return await commit(items);
  } catch (error) {
    if (!(error instanceof HearsayError) || items.length <= 1) throw error;
    const half = Math.ceil(items.length / 2);
    const first = await inParts(items.slice(0, half), commit);
    return [...first, ...(await inParts(items.slice(half), commit))];
  }
}

const MAX_SHOWN_KEY = 80;

function shown(op: Entry): string {
  const { key, kind, version } = op;
  const name = JSON.stringify(key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key);
  return `${kind} of ${name} at version ${version} (${formatOpId(op)})`;
}
