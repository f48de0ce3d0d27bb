/**
 * The links of a node beyond a full mesh (rule 8): which members it dials, and which of those that dial it stay.
 *
 * Invariants: the links of a node are the first member after it on the ring that answers, some drawn at random, and a
 * bounded number that others dialled. So the graph of the members that reach one another is connected, and a change of
 * one member changes few links.
 */
import { nextRandom, type Random } from '../words/random.ts';
import { inRingOrder, ringDistance } from './ring.ts';

/** Links that a node dials beside the one to its successor. */
const DRAWN_LINKS = 3;
const CHOSEN_LINKS = 1 + DRAWN_LINKS;
/** Links that other members dialled and that the node has not chosen itself. */
const MAX_TAKEN_LINKS = 8;
export const MAX_LINKS = CHOSEN_LINKS + MAX_TAKEN_LINKS;

/** The ways to the other members, as far as a node knows them. */
export interface Ways {
  readonly own: string;
  /** The other members that can be dialled, or are linked. */
  readonly others: readonly string[];
  readonly linked: ReadonlySet<string>;
  /** Members at whose URL the last dial failed. */
  readonly failing: ReadonlySet<string>;
}

/**
 * The members up to the first one after the node that is linked or may answer. Those before it are dialled again and
 * again: as soon as a nearer one answers, it is the successor.
 */
export function towardsSuccessor({ own, others, linked, failing }: Ways): string[] {
  const towards: string[] = [];
  for (const other of inRingOrder(own, others)) {
    towards.push(other);
    if (linked.has(other) || !failing.has(other)) break;
  }
  return towards;
}

/** The first member after the node that is linked; undefined if none is. */
export const firstLinked = ({ own, others, linked }: Ways): string | undefined =>
  inRingOrder(own, others).find((other) => linked.has(other));

/**
 * Members drawn at random, beside those towards the successor. What was drawn before stays as long as it answers.
 *
 * @param before what was drawn before. @param towards see `towardsSuccessor`.
 */
export function drawnLinks(
  { others, linked, failing }: Ways,
  before: readonly string[],
  towards: readonly string[],
  random: Random,
): string[] {
  const mayAnswer = (one: string): boolean => linked.has(one) || !failing.has(one);
  const candidates = new Set(others.filter(mayAnswer));
  for (const one of towards) candidates.delete(one);
  const drawn = before.filter((one) => candidates.has(one)).slice(-DRAWN_LINKS);
  const left = [...candidates].filter((one) => !drawn.includes(one));
  while (drawn.length < DRAWN_LINKS && left.length > 0)
    drawn.push(...left.splice(Math.floor(nextRandom(random) * left.length), 1));
  return drawn;
}

/**
 * Of the members that dialled the node and that it has not chosen: those beyond the bound, the farthest before it. There is always
 * room for the links that it chooses; a visit beside all of them takes the place of one that it has taken.
 *
 * @param chosen how many links that it has chosen and visits it has.
 */
export const takenBeyondBound = (own: string, taken: readonly string[], chosen: number): string[] =>
  [...taken]
    .sort((a, b) => ringDistance(a, own) - ringDistance(b, own) || (a < b ? -1 : 1))
    .slice(MAX_LINKS - Math.max(chosen, CHOSEN_LINKS));
