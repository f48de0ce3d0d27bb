/**
 * Members as `GET /_cluster` shows them: the vector that each has acknowledged, and whether it holds
 * collection back.
 */
import type { Member } from '../../rules/members.ts';
import type { Stability } from '../../rules/stability.ts';
import type { Vector } from '../../words/vector.ts';
import type { View } from '../protocol/inputOutput.ts';

export interface MemberStatus extends Member {
  /** UTC milliseconds. */
  readonly lastHeardAt: number;
  /** Whether this node has heard it lately: over a link, or by a round. */
  readonly isHeard: boolean;
  /** Whether its settled vector keeps the stable vector from moving on. */
  readonly holdsBack: boolean;
  /** The part of its vector that we hold too; null before it has sent one. */
  readonly acknowledged: Vector | null;
}

/** The members as the core knows them. */
interface Heard {
  readonly stability: Stability;
  lastHeardAt(origin: string): number;
  hears(origin: string): boolean;
}

/** @param nowMs UTC milliseconds. */
export function memberStatuses(
  { members, origin, vector }: Pick<View, 'members' | 'origin' | 'vector'>,
  heard: Heard,
  nowMs: number,
): MemberStatus[] {
  const { stability } = heard;
  const all = [...members.all()];
  const clockOf = (member: Member): number =>
    member.origin === origin
      ? Number.POSITIVE_INFINITY
      : (stability.settledClockOf(member.origin) ?? 0);
  const slowest = Math.min(...all.map(clockOf));
  return all.map((member) => {
    const isOwn = member.origin === origin;
    return {
      ...member,
      lastHeardAt: isOwn ? nowMs : heard.lastHeardAt(member.origin),
      isHeard: isOwn || heard.hears(member.origin),
      holdsBack: !isOwn && clockOf(member) === slowest,
      acknowledged: isOwn ? vector : (stability.settledOf(member.origin) ?? null),
    };
  });
}
