/**
 * The origins of which a node takes a first op. A peer that holds the token can make up any number of them, and each
 * stays in the vector until a person retires it: beyond the most origins of a message, no peer would read a
 * digest of this node any more.
 *
 * Invariant: a delta never brings the listed origins, which are those that are not retired, above MAX_LISTED,
 * nor those among them that no `join` names above MAX_UNJOINED. Ops of the others are taken all the same.
 */
import type { Delta } from '../words/delta.ts';
import { MAX_ORIGINS, type Vector } from '../words/vector.ts';
import type { Members } from './members.ts';

/** No setting: members are far fewer (`max-members`), and it must stay below what a message may list. */
const MAX_LISTED = 0.9 * MAX_ORIGINS;
/** An op may come before the `join` of its origin, which is on its way in another origin's log. */
const MAX_UNJOINED = 1000;

/** The origins here, as a batch leaves them so far. */
export interface HeldOrigins {
  readonly vector: Vector;
  /** Origins that are new in the batch. */
  readonly added: Iterable<string>;
  readonly members: Pick<Members, 'has' | 'isRetired'>;
}

/** @returns the origins of the delta of which no op may be taken; in most deltas none is new at all. */
export function crowdedOut({ ranges, ops }: Delta, held: HeldOrigins): ReadonlySet<string> {
  const { vector, members } = held;
  const out = new Set<string>();
  const all = new Set(held.added);
  const news = ranges.filter(({ origin, to }) => to > 0 && !vector.has(origin) && !all.has(origin));
  if (news.length === 0) return out;
  for (const origin of vector.keys()) all.add(origin);
  const named = new Set(ops.flatMap(({ kind, key }) => (kind === 'join' ? [key] : [])));
  const isJoined = (origin: string): boolean => members.has(origin) || named.has(origin);
  let [listed, unjoined] = [0, 0];
  for (const origin of all) {
    if (members.isRetired(origin)) continue;
    listed++;
    if (!isJoined(origin)) unjoined++;
  }
  for (const { origin } of news) {
    if (members.isRetired(origin)) continue;
    const isFull = listed >= MAX_LISTED || (!isJoined(origin) && unjoined >= MAX_UNJOINED);
    if (isFull) {
      out.add(origin);
      continue;
    }
    listed++;
    if (!isJoined(origin)) unjoined++;
  }
  return out;
}

/** The delta without the ops of some origins. */
export function leavingOut(delta: Delta, origins: ReadonlySet<string>): Delta {
  if (origins.size === 0) return delta;
  const stays = ({ origin }: { readonly origin: string }): boolean => !origins.has(origin);
  return { ranges: delta.ranges.filter(stays), ops: delta.ops.filter(stays) };
}
