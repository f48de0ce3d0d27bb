/**
 * Rule 11: the membership that only forked origins tell of. Of an origin with two histories each member holds one,
 * and takes no op of the other. So a `join` or a `retire` in it reaches some members only, until one of them
 * says it again under its own origin.
 */
import type { Membership } from '../words/op.ts';
import { closingOf, closingValue, type Members, memberValue } from './members.ts';

/** The content of a `join` or a `retire`. */
export type Said = Pick<Membership, 'kind' | 'key' | 'value'>;

type Kind = 'join' | 'retire' | 'closing';

const kindOf = (op: Membership): Kind => {
  if (op.kind === 'retire') return 'retire';
  return closingOf(op) === null ? 'join' : 'closing';
};

/**
 * The facts about members that hold here and that no sound origin has told.
 *
 * @param isForked whether an origin has two histories and its node has left it.
 */
export function toldByForksOnly(members: Members, isForked: (origin: string) => boolean): Said[] {
  const sound = new Set<string>();
  const forked = new Map<string, Said>();
  for (const op of members.ops()) {
    const kind = kindOf(op);
    const fact = `${kind} ${op.key}`;
    if (!isForked(op.origin)) sound.add(fact);
    else if (kind !== 'join' || members.has(op.key))
      forked.set(fact, saidOf(members, kind, op.key));
  }
  return [...forked].filter(([fact]) => !sound.has(fact)).map(([, said]) => said);
}

/** With the present name and URL: a member that moves meanwhile says so itself. */
function saidOf(members: Members, kind: Kind, key: string): Said {
  if (kind === 'retire') return { kind, key, value: null };
  const member = members.describe(key);
  const lastSeq = kind === 'closing' ? members.closingAt(key) : undefined;
  const value =
    lastSeq === undefined
      ? memberValue(member.nodeId, member.url)
      : closingValue(member, lastSeq, null);
  return { kind: 'join', key, value };
}
