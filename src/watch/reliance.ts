/**
 * With `durability=normal` a power cut may take back ops for whose sake something was not told: a put that a later
 * delete beats is passed over, and shows again once the delete is gone. So a cursor that is told meanwhile relies on the ops that
 * this node holds and that it does not cover. A node goes on from it only if it holds these too; if nobody ever will, the watcher
 * is told the state anew.
 *
 * With `durability=full` no power cut takes back an op that is told to anybody.
 */
import { encodeRelying } from '../words/cursor.ts';
import { seqOf, type Vector } from '../words/vector.ts';

/** The part of a replica that matters. */
interface Held {
  readonly log: { readonly durability: 'full' | 'normal' };
  readonly vector: Vector;
}

/** The ops that a cursor relies on. @param covered the vector of that cursor, or an earlier one of its watcher. */
export function relianceBeyond({ log, vector }: Held, covered: Vector): Vector | null {
  if (log.durability === 'full') return null;
  const relies = new Map<string, number>();
  for (const [origin, seq] of vector) if (seq > seqOf(covered, origin)) relies.set(origin, seq);
  return relies.size === 0 ? null : relies;
}

/** The cursor with what it relies on. */
export const relying = (cursor: string, relies: Vector | null): string =>
  relies === null ? cursor : encodeRelying(cursor, relies);
