/**
 * Rule 12, seen from outside: whether a key still shows, by rule 1, the greatest op that was ever
 * stored, even if every log that held the op has been given up.
 */
import type { KeyOp, Op } from '../src/words/op.ts';
import { beats, isCopy, type Ledger, type Link, readsAbsent } from './ledger.ts';

export interface End {
  /** The cluster to which the nodes belong in the end. */
  readonly clusterId: string | null;
  /** Every op that a survivor holds. */
  readonly held: ReadonlySet<Link>;
  /** An op that has expired by then is not missed. */
  readonly expiredAtMs: number;
}

/**
 * Ops that should show, or decide what shows, and do not. An op of another cluster only has to have been
 * put again as a client would put it.
 */
export function lostOps(ledger: Ledger, end: End): KeyOp[] {
  const byKey = new Map<string, Link[]>();
  for (const link of ledger.all()) {
    if (link.op === null || !isOnKey(link.op)) continue;
    const ofKey = byKey.get(link.op.key);
    if (ofKey === undefined) byKey.set(link.op.key, [link]);
    else ofKey.push(link);
  }
  const lost: KeyOp[] = [];
  for (const [key, links] of byKey) {
    const told = ledger.leftOut(key);
    const heldHere = greatest(links.filter((link) => end.held.has(link)));
    const isMissed = ({ op, mayBeLost, clusterId }: Link): boolean =>
      op !== null &&
      isOnKey(op) &&
      clusterId === end.clusterId &&
      !mayBeLost &&
      !told.some((one) => one === op || isCopy(one, op) || beats(one, op)) &&
      !isBeatenAsCopy(op, heldHere, links);
    const owed = greatest(links.filter((link) => end.held.has(link) || isMissed(link)));
    if (owed !== undefined && !isSettled(owed, heldHere, end.expiredAtMs)) lost.push(owed);
    lost.push(...lostToCluster(links, end));
  }
  return lost;
}

/**
 * Of two ops of one HLC the origin decides, and one that comes back does so under another origin: the one that is held beats
 * a copy of the op, or is itself a copy of one that beats it.
 */
const isBeatenAsCopy = (op: KeyOp, held: KeyOp | undefined, links: readonly Link[]): boolean =>
  held !== undefined &&
  links.some(
    ({ op: other }) =>
      other !== null &&
      isOnKey(other) &&
      ((isCopy(other, op) && beats(held, other)) || (isCopy(held, other) && beats(other, op))),
  );

/** Whether the greatest op that is held shows the same as the greatest that is owed. */
function isSettled(owed: KeyOp, held: KeyOp | undefined, atMs: number): boolean {
  if (held === owed || (held !== undefined && isCopy(held, owed))) return true;
  return readsAbsent(owed, atMs) && (held === undefined || readsAbsent(held, atMs));
}

function greatest(links: readonly Link[]): KeyOp | undefined {
  let found: KeyOp | undefined;
  for (const { op } of links)
    if (op !== null && isOnKey(op) && (found === undefined || beats(op, found))) found = op;
  return found;
}

/**
 * Puts of another cluster that should have been put again and were not. Right is: one of its version or a
 * higher one is held; or it was beaten there; or it was deleted or has expired since; or it gave way to a
 * delete of then, and is as safe as that.
 */
function lostToCluster(links: readonly Link[], { clusterId, held, expiredAtMs }: End): KeyOp[] {
  const lost: KeyOp[] = [];
  for (const link of links) {
    const { op, mayBeLost } = link;
    if (op?.kind !== 'put' || link.clusterId === clusterId || link.clusterId === null) continue;
    if (held.has(link) || mayBeLost || readsAbsent(op, expiredAtMs)) continue;
    const isReason = (other: Link): boolean =>
      settles(other, op, held.has(other), expiredAtMs) ||
      (link.hasGivenWay && other.mayBeLost && other.clusterId === clusterId && deletes(other, op));
    if (!links.some((other) => other !== link && isReason(other))) lost.push(op);
  }
  return lost;
}

function settles({ op, mayBeLost }: Link, put: KeyOp, isHeld: boolean, atMs: number): boolean {
  if (op === null || !isOnKey(op)) return false;
  // A put that came back is owed as the op that it came back as, and may be lost with that.
  if (isAgain(op, put)) return true;
  // A put that was beaten is as safe as the op that did it.
  if ((isHeld || !mayBeLost) && beats(op, put)) return true;
  if (!isHeld) return false;
  if (op.kind === 'put' && op.version >= put.version) return true;
  return op.hlc > put.hlc && readsAbsent(op, atMs);
}

const deletes = ({ op }: Link, put: KeyOp): boolean => op?.kind === 'delete' && op.hlc > put.hlc;

const isAgain = (later: KeyOp, put: KeyOp): boolean =>
  later.kind === 'put' &&
  later.hlc > put.hlc &&
  later.version === put.version &&
  later.value === put.value;

const isOnKey = (op: Op): op is KeyOp => op.kind === 'put' || op.kind === 'delete';
