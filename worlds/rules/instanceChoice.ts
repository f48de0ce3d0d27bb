/**
 * The instance that a join asks for a seat, and the next one after each refusal. The listing and the forecast of seats
 * only set the order: they are never a reason to refuse, because they may be old, and the world itself decides (rule 1).
 */
import { type InstanceFacts, isOpen } from './listing.ts';

/** Instances that one join asks. */
export const MAX_ASKED = 3;

export interface Candidate extends InstanceFacts {
  readonly region: string;
  readonly world: string;
  readonly instance: string;
  readonly controlUrl: string;
  /** Whether it has just answered that it is full; default false. */
  readonly hasRefused?: boolean;
}

/**
 * The instance where the player sits first; then open ones; then those that look full, because a seat may be
 * free by now, and of these last the ones that have just said so. Instances that drain come after all: only they know
 * whether the player has a reservation there. Among equals the regions count in the order in which they were named, as
 * their players are near them; then the fullest instance comes first, so that worlds fill up.
 *
 * @param seatedIn the instance where the player has a seat, as the rosters tell; null for none.
 * @param not instances that the player has found dead, or that have refused this join.
 * @param regions the preferred ones first; those that are not named come last.
 * @returns null: there is no other one.
 */
export function chooseInstance(
  candidates: readonly Candidate[],
  seatedIn: string | null,
  not: readonly string[] = [],
  regions: readonly string[] = [],
): Candidate | null {
  const distance = ({ region }: Candidate): number => {
    const index = regions.indexOf(region);
    return index === -1 ? regions.length : index;
  };
  const order = (a: Candidate, b: Candidate): number =>
    rank(a, seatedIn) - rank(b, seatedIn) ||
    distance(a) - distance(b) ||
    freeSeats(a) - freeSeats(b) ||
    (a.instance < b.instance ? -1 : 1);
  return candidates
    .filter(({ instance, state }) => !not.includes(instance) && state !== 'starting')
    .reduce<Candidate | null>(
      (first, one) => (first === null || order(one, first) < 0 ? one : first),
      null,
    );
}

/**
 * The instance that the new one asks to let go of the player, so that its last save counts. The player himself knows
 * it first: rosters and states come later than his join. Without his word, one that he has found dead is not waited
 * for; one that drains lives, and the players whom it sends away name it among `not` as well.
 *
 * @param seat where the player sits, as the rosters tell; null for nowhere.
 * @param from the living instance that the player says he comes from; null: he names none, or none that is listed.
 */
export function instanceToLetGo(
  seat: Candidate | null,
  not: readonly string[],
  from: Candidate | null = null,
): Candidate | null {
  if (from !== null) return from;
  if (seat === null) return null;
  const isDead = not.includes(seat.instance) && seat.state !== 'draining';
  return isDead ? null : seat;
}

function rank(candidate: Candidate, seatedIn: string | null): number {
  if (candidate.instance === seatedIn && candidate.state === 'active') return 0;
  if (candidate.state !== 'active') return 4;
  if (candidate.hasRefused === true) return 3;
  return isOpen(candidate) ? 1 : 2;
}

const freeSeats = ({ max, taken }: Candidate): number => Math.max(0, max - taken);

export type Refusal = 'full' | 'draining' | 'unreachable';

/** The reason that a join gives once every instance that it asked has refused; null: it asked none. */
export function reasonOf(refusals: readonly Refusal[]): Refusal | 'starting' {
  if (refusals.includes('full')) return 'full';
  if (refusals.includes('draining')) return 'draining';
  return refusals.length > 0 ? 'unreachable' : 'starting';
}
