/** Members (rule 8) for operators: POST /_cluster/retire, and how GET /_cluster shows them. */
import { z } from 'zod';
import type { PeerStatus } from '../../gossip/protocol/peerStatus.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Member, Members } from '../../rules/members.ts';
import { memberUrl } from '../../words/opRules.ts';
import { missingOps, type Vector } from '../../words/vector.ts';
import { answerJson } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';
import { BAD_FIELD, json, problem } from '../openapi/answers.ts';
import type { Routes } from './route.ts';

/** A member, with the state that this node knows. */
export interface MemberView extends Member {
  /** UTC milliseconds; 0 if it was never heard. */
  readonly lastHeardAt: number;
  /** Whether this node has heard it lately: over a link, or by a round. */
  readonly isHeard: boolean;
  /** Whether it keeps dead entries from being collected. */
  readonly holdsBack: boolean;
  /** The part of its last vector that this node holds too; null before it sent one. */
  readonly acknowledged: Vector | null;
}

export interface MemberRouteOptions {
  readonly replica: Replica;
  readonly members: () => readonly MemberView[];
  readonly peers: () => readonly PeerStatus[];
}

/** A member as `GET /_cluster` shows it. */
export function memberJson(member: MemberView, own: Vector): object {
  const { origin, nodeId, url, lastHeardAt, isHeard, holdsBack, acknowledged } = member;
  return {
    origin,
    node: nodeId,
    url,
    last_heard_at: lastHeardAt > 0 ? new Date(lastHeardAt).toISOString() : null,
    heard: isHeard,
    behind_ops: acknowledged === null ? null : missingOps(acknowledged, own),
    holds_back: holdsBack,
    acknowledged: acknowledged === null ? null : Object.fromEntries(acknowledged),
  };
}

const retireBodySchema = z.object(
  { member: z.string('must be a node id, a URL or an origin') },
  'must be a JSON object',
);

export function addMemberRoutes(
  routes: Routes,
  { replica, members, peers }: MemberRouteOptions,
): void {
  routes.add({
    method: 'POST',
    path: '/_cluster/retire',
    needs: 'admin',
    touches: 'none',
    summary: 'Take out a member that is lost',
    body: retireBodySchema,
    answers: {
      '200': json(
        'It is no member any more.',
        z.object({ status: z.literal('retired'), node: z.string(), origin: z.string() }),
      ),
      '404': problem('There is no such member.'),
      '409': problem(
        'It is this node itself, several members have that name, or it is a former name of one that is connected.',
      ),
      ...BAD_FIELD,
    },
    handler: async ({ ctx, readBody }) => {
      const { member } = (await readBody()).checked;
      const { origin } = findMember(members(), peers(), replica.members, member);
      if (origin === replica.origin)
        throw new Problem(409, `${member} is this node itself: ask another member to retire it.`);
      // Rule 8: a node that may not write yet retires nobody.
      const refusal = replica.readiness.writeRefusal();
      if (refusal !== null) throw refusal;
      await replica.membership.retire(origin);
      answerJson(ctx, JSON.stringify({ status: 'retired', node: replica.nodeId, origin }));
    },
  });
}

/**
 * Finds the member to retire. A present name or URL counts before a former one, which another member
 * may bear by now. A former name never means a connected member: the caller may believe that its node
 * is lost.
 *
 * @param past gives the former names and URLs of the members.
 * @param name an origin, a node id or a URL.
 * @throws Problem 404, 409
 */
export function findMember(
  all: readonly MemberView[],
  peers: readonly PeerStatus[],
  past: Members,
  name: string,
): MemberView {
  const exact = all.find(({ origin }) => origin === name);
  if (exact !== undefined) return exact;
  const asUrl = memberUrl(name);
  const bearsIt = ({ nodeId, url }: MemberView): boolean =>
    nodeId === name || (url !== null && url === asUrl);
  const present = onlyOne(all.filter(bearsIt), name);
  if (present !== undefined) return present;
  const boreIt = ({ origin }: MemberView): boolean =>
    past.namesOf(origin).includes(name) || (asUrl !== null && past.urlsOf(origin).includes(asUrl));
  const former = onlyOne(all.filter(boreIt), name);
  if (former === undefined) throw new Problem(404, `${name} is no member of this cluster.`);
  const { origin } = former;
  if (peers.some((peer) => peer.origin === origin && peer.state === 'connected'))
    throw new Problem(
      409,
      `${name} is a former name of ${origin}, which is connected: name it by its origin.`,
    );
  return former;
}

/** @throws Problem 409 */
function onlyOne(matching: readonly MemberView[], name: string): MemberView | undefined {
  if (matching.length <= 1) return matching[0];
  const origins = matching.map(({ origin }) => origin).join(', ');
  throw new Problem(409, `${name} names several members: name one of ${origins}.`);
}
