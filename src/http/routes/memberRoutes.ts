/** Members (rule 8) for operators: POST /_cluster/retire, and how GET /_cluster shows them. */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import type { Member } from '../../rules/members.ts';
import { missingOps, type Vector } from '../../words/vector.ts';
import { answerJson } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';
import { BAD_FIELD, json, problem } from '../openapi/answers.ts';
import type { Routes } from './route.ts';

/** A member, and what is known of it. */
export interface MemberView extends Member {
  /** UTC milliseconds; 0 where it was never heard. */
  readonly lastHeardAt: number;
  /** Whether it is what keeps dead entries from being collected. */
  readonly holdsBack: boolean;
  /** The vector that it sent, as far as we hold it too; null before it sent one. */
  readonly acknowledged: Vector | null;
}

export interface MemberRouteOptions {
  readonly replica: Replica;
  readonly members: () => readonly MemberView[];
}

/** A member as `GET /_cluster` shows it. */
export function memberJson(member: MemberView, own: Vector): object {
  const { origin, nodeId, url, lastHeardAt, holdsBack, acknowledged } = member;
  return {
    origin,
    node: nodeId,
    url,
    last_heard_at: lastHeardAt > 0 ? new Date(lastHeardAt).toISOString() : null,
    behind_ops: acknowledged === null ? null : missingOps(acknowledged, own),
    holds_back: holdsBack,
    acknowledged: acknowledged === null ? null : Object.fromEntries(acknowledged),
  };
}

const retireBodySchema = z.object(
  { member: z.string('must be a node id or an origin') },
  'must be a JSON object',
);

export function addMemberRoutes(routes: Routes, { replica, members }: MemberRouteOptions): void {
  routes.add({
    method: 'POST',
    path: '/_cluster/retire',
    scope: 'cluster',
    summary: 'Take out a member that is lost',
    body: retireBodySchema,
    answers: {
      '200': json(
        'It is no member any more.',
        z.object({ status: z.literal('retired'), node: z.string(), origin: z.string() }),
      ),
      '404': problem('There is no such member.'),
      '409': problem('It is this node itself, or several members have that node id.'),
      ...BAD_FIELD,
    },
    handler: async ({ ctx, readBody }) => {
      const { member } = (await readBody()).checked;
      const { origin } = findMember(members(), member);
      if (origin === replica.origin)
        throw new Problem(409, `${member} is this node itself: ask another member to retire it.`);
      await replica.membership.retire(origin);
      answerJson(ctx, JSON.stringify({ status: 'retired', node: replica.nodeId, origin }));
    },
  });
}

/** @throws Problem 404, 409 */
function findMember(members: readonly MemberView[], name: string): MemberView {
  const exact = members.find(({ origin }) => origin === name);
  if (exact !== undefined) return exact;
  const [found, ...others] = members.filter(({ nodeId }) => nodeId === name);
  if (found === undefined) throw new Problem(404, `${name} is no member of this cluster.`);
  if (others.length === 0) return found;
  const origins = [found, ...others].map(({ origin }) => origin).join(', ');
  throw new Problem(409, `${name} is the node id of several members: name one of ${origins}.`);
}
