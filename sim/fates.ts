/**
 * Rule 12, seen from outside: what has become of each write that no survivor's log holds any more, since
 * the node that took it began anew.
 */
import type { KeyOp, Op } from '../src/words/op.ts';
import { beats, type Link } from './ledger.ts';

/**
 * The puts that should have come back and did not. Right is: an ordinary PUT of it shows, or lost to a
 * version at least as high; or it was beaten by rule 1; or it was deleted or has expired since. Deletes
 * are not offered again: one that went with its log may still have beaten a put there.
 *
 * @param links every op that was born.
 * @param held those that a survivor holds.
 * @param expiredAtMs what has expired by then, nobody misses.
 */
export function lostPuts(
  links: Iterable<Link>,
  held: ReadonlySet<Link>,
  expiredAtMs: number,
): KeyOp[] {
  const byKey = new Map<string, Link[]>();
  for (const link of links) {
    if (link.op === null || !isOfKey(link.op)) continue;
    const ofKey = byKey.get(link.op.key);
    if (ofKey === undefined) byKey.set(link.op.key, [link]);
    else ofKey.push(link);
  }
  const lost: KeyOp[] = [];
  for (const ofKey of byKey.values())
    for (const link of ofKey) {
      const { op } = link;
      if (op === null || !isOfKey(op) || op.kind !== 'put') continue;
      if (held.has(link) || link.mayBeLost || isExpired(op, expiredAtMs)) continue;
      if (!ofKey.some((other) => settles(other, op, held.has(other), expiredAtMs))) lost.push(op);
    }
  return lost;
}

/** Whether what became of `link` is reason enough for the put not to be held. */
function settles(
  { op, mayBeLost }: Link,
  put: KeyOp,
  isHeld: boolean,
  expiredAtMs: number,
): boolean {
  if (op === null || !isOfKey(op) || op === put) return false;
  // The op that beat it, or that it came back as, has to answer the same question.
  if ((isHeld || !mayBeLost) && (beats(op, put) || isAgain(op, put))) return true;
  if (!isHeld) return false;
  if (op.kind === 'put' && op.version >= put.version) return true;
  return op.hlc > put.hlc && (op.kind === 'delete' || isExpired(op, expiredAtMs));
}

const isAgain = (later: KeyOp, put: KeyOp): boolean =>
  later.kind === 'put' &&
  later.hlc > put.hlc &&
  later.version === put.version &&
  later.value === put.value;

const isOfKey = (op: Op): op is KeyOp => op.kind === 'put' || op.kind === 'delete';

const isExpired = ({ expiresAt }: KeyOp, atMs: number): boolean =>
  expiresAt !== null && expiresAt <= atMs;
