/**
 * The seats that an api knows to be taken before the listing shows it: until then all who join would choose the same
 * instances, and be refused by three that are full while others are empty.
 *
 * Invariant: as long as nobody else gives seats of an instance away and the listing is no older than `LISTING_LAG_MS`,
 * it is reckoned to have at least as many seats taken as it has; while nobody leaves, exactly as many.
 */
import type { Candidate, Refusal } from './instanceChoice.ts';

/**
 * How long a seat may be missing in the listing. A world tells its session 200 ms after a change at the latest, and each
 * two seconds without one; nodes pass it on within some hundred milliseconds, also to the other region. If it takes
 * longer, the world itself refuses, and the join goes on.
 */
export const LISTING_LAG_MS = 2000;

/** Of one instance, which has 200 seats at most. Beyond it the oldest count no more. */
const MOST_ASKS = 1000;

export interface Ask {
  readonly instance: string;
  /** By the clock of the caller; infinite as long as it is under way. */
  untilMs: number;
}

/** The answer to an ask: `new` and `same` are seats. */
export type AskResult = 'new' | 'same' | Refusal;

interface Reckoning {
  /** In the order in which they began. */
  asks: Ask[];
  /** Seats taken, by the listing at the time of each ask and the asks since: none counts twice. */
  taken: number;
  fullUntilMs: number;
}

export class SeatForecast {
  readonly #instances = new Map<string, Reckoning>();

  /** Instances that are reckoned otherwise than the listing shows them; those that are over go with the next ask. */
  get size(): number {
    return this.#instances.size;
  }

  /**
   * @param listed the instance as the listing shows it.
   * @param nowMs never less than in a call before; so everywhere here.
   * @returns the instance with the seats that are taken by now.
   */
  of(listed: Candidate, nowMs: number): Candidate {
    const known = this.#instances.get(listed.instance);
    if (known === undefined) return listed;
    const taken = takenOf(known, listed, nowMs);
    return { ...listed, taken, hasRefused: nowMs < known.fullUntilMs };
  }

  /** A seat is asked for now. @param at the instance, as `of` has told it at this moment. */
  ask({ instance, taken }: Candidate, nowMs: number): Ask {
    this.#forget(nowMs);
    const known = this.#instances.get(instance) ?? { asks: [], taken, fullUntilMs: nowMs };
    const ask = { instance, untilMs: Number.POSITIVE_INFINITY };
    known.taken = taken + 1;
    known.asks = [...known.asks, ask].slice(-MOST_ASKS);
    this.#instances.set(instance, known);
    return ask;
  }

  /** A new seat counts on. So does an answer that never came: it may have been one. */
  answered(ask: Ask, result: AskResult, nowMs: number): void {
    ask.untilMs = nowMs + LISTING_LAG_MS;
    const known = this.#instances.get(ask.instance);
    if (known === undefined || result === 'new' || result === 'unreachable') return;
    known.asks = known.asks.filter((other) => other !== ask);
    known.taken -= 1;
    if (result === 'full') known.fullUntilMs = nowMs + LISTING_LAG_MS;
  }

  #forget(nowMs: number): void {
    for (const [instance, known] of this.#instances) {
      known.asks = known.asks.filter(({ untilMs }) => nowMs < untilMs);
      if (known.asks.length === 0 && nowMs >= known.fullUntilMs) this.#instances.delete(instance);
    }
  }
}

/**
 * The listing shows some of the asks by now, and does not say which. Two sums are never too small: the listing with all
 * asks that it may miss, and the reckoning from the first of them on. That one does not see who leaves, the other counts
 * seats twice: the smaller one is nearer.
 */
function takenOf({ asks, taken }: Reckoning, listed: Candidate, nowMs: number): number {
  const missing = asks.filter(({ untilMs }) => nowMs < untilMs).length;
  return missing === 0
    ? listed.taken
    : Math.min(Math.max(taken, listed.taken), listed.taken + missing);
}
