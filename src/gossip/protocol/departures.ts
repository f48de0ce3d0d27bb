/**
 * Rule 8: members that have gone to another cluster. The `join` of such a member may never have reached its node, so that
 * nobody will ever retire it: a node that counts no other member asks for a person, though it is alone in its cluster.
 *
 * Invariants: a member has gone only if this node itself dialled the member's URL, or a configured one if the member named
 * none, and a node of the member's name answered there as one of another cluster, again and again for `claimPatienceMs`,
 * and if the member was not heard meanwhile. It stays a member, because this node alone may be led to a wrong address.
 * It only counts no longer when two clusters meet.
 */
import { type Member, placeOf } from '../../rules/members.ts';
import type { Address } from './addressBook.ts';
import type { Hello } from './messages.ts';
import { type RepetitionSettings, Repetitions } from './repetitions.ts';

export class Departures {
  readonly #answers: Repetitions;

  constructor(settings: RepetitionSettings) {
    this.#answers = new Repetitions(settings);
  }

  /** @param dialled the address at which a node of another cluster answered. */
  answersElsewhere({ nodeId }: Hello, { url, of, isConfigured }: Address, nowMs: number): void {
    this.#answers.note(placeOf({ nodeId, url: of ?? url }), nowMs);
    if (isConfigured) this.#answers.note(placeOf({ nodeId, url: null }), nowMs);
  }

  /** @param lastHeardAt the time at which the member was last heard, by the even clock. */
  hasGone(member: Member, lastHeardAt: number, nowMs: number): boolean {
    return this.#answers.lasts(placeOf(member), nowMs, lastHeardAt);
  }
}
