/**
 * Stable ops (rule 9): held by every member, with nothing older still under way. This is causal
 * stability in the sense of Baquero, Almeida and Shoker, "Making Operation-based CRDTs
 * Operation-based", 2014.
 *
 * Invariant: for each member, the newest of its vectors that our own vector includes counts. A newer
 * vector waits until it is included, and does not replace one that waits: under load the newest is
 * always ahead, and none would ever settle.
 *
 * A member that is several hops away is heard by a certificate. Of each member that it names it proves what a digest
 * proves: at one moment the member held all of `min`, and all that it held is within `max`.
 */
import { isDead, type KeyOp, type OpId } from '../words/op.ts';
import type { LogHeader, ReachedStable } from '../words/row.ts';
import { MINUTE_MS } from '../words/time.ts';
import {
  covers,
  includes,
  type MutableVector,
  raise,
  seqOf,
  type Vector,
} from '../words/vector.ts';
import type { Report } from './certificate.ts';

/** The vector that a member sent, and its clock at that time. */
interface Heard {
  readonly vector: Vector;
  readonly clock: number;
}

export interface Stable {
  readonly vector: Vector;
  /** UTC milliseconds. */
  readonly clock: number;
}

/** The stable pair, and those of greater clocks from before all clocks were set back. */
export interface StoredStable extends Stable {
  /** Greatest clock first, all of them greater than `clock`. */
  readonly reached: readonly ReachedStable[];
}

/**
 * The number of times that the stable clock may go back before it has come up to its old value; then it
 * waits.
 */
export const MAX_REACHED = 8;

/** The fields of an entry that decide whether it is dead and stable. */
export type Collectable = Pick<KeyOp, 'kind' | 'expiresAt' | 'origin' | 'seq'>;

/** The stable pairs that a log has stored. */
export const storedStable = (
  header: Pick<LogHeader, 'stable' | 'stableClock' | 'facts'>,
): StoredStable => ({
  vector: header.stable,
  clock: header.stableClock,
  reached: header.facts.reached ?? [],
});

/**
 * Entries that die later are in the fold of the log; earlier ones may have been collected.
 *
 * @returns the minute, counted from the epoch, from which on map sums are those of the fold.
 */
export function collectedUntil(
  header: Pick<LogHeader, 'stable' | 'stableClock' | 'facts'>,
): number {
  const { clock, reached } = storedStable(header);
  const latestMs = reached.reduce((latest, one) => Math.max(latest, one.clock), clock);
  return Math.ceil(latestMs / MINUTE_MS);
}

/**
 * The stable pairs once the next one is known. If the clock goes back, the pair that it had reached is
 * kept until the clock is there again: entries collected by it stay collected, and later entries are
 * not measured by it.
 */
export function stableAfter(before: StoredStable, next: Stable): StoredStable {
  if (next.clock < before.clock && before.reached.length >= MAX_REACHED) return before;
  const { vector, clock } = before;
  const reached = [...before.reached, { vector, clock }].filter((one) => one.clock > next.clock);
  return { ...next, reached };
}

/**
 * Rule 9: whether an entry may be dropped, and so whether a replay drops it (rule 6). It must be dead
 * by the stable clock, and the stable vector must cover it, now or when the clock last stood higher.
 * The map, a replay and the log's tools all ask here.
 */
export const mayCollect = (entry: Collectable, stable: StoredStable): boolean =>
  isStablyDead(entry, stable) || stable.reached.some((one) => isStablyDead(entry, one));

const isStablyDead = (entry: Collectable, { vector, clock }: Stable): boolean =>
  isDead(entry, clock) && covers(vector, entry);

/**
 * A certificate that has waited for so long, in milliseconds, gives way to a newer one: an op that it covers may have
 * been lost with its disk, and then it never settles.
 */
const CERTIFICATE_WAITS_MS = 20_000;

export class Stability {
  readonly #waiting = new Map<string, Heard>();
  readonly #settled = new Map<string, Heard>();
  #certificate: { readonly report: Report; readonly sinceMs: number } | null = null;

  /**
   * A member's digest came. One that lacks ops of the waiting digest comes from a log that was put
   * back: the member may never have those ops again.
   */
  hear(member: string, vector: Vector, clock: number): void {
    const waiting = this.#waiting.get(member);
    if (waiting === undefined || !includes(vector, waiting.vector))
      this.#waiting.set(member, { vector: new Map(vector), clock });
  }

  /**
   * A certificate came: it counts for each member that it names, once our own vector includes its `max`.
   *
   * @param nowMs now, in milliseconds on an even clock.
   */
  certify(report: Report, nowMs: number): void {
    const waiting = this.#certificate;
    if (waiting === null || nowMs - waiting.sinceMs > CERTIFICATE_WAITS_MS)
      this.#certificate = { report, sinceMs: nowMs };
  }

  /** Settles the waiting vectors that our own includes by now. */
  settle(own: Vector): void {
    if (this.#certificate !== null && includes(own, this.#certificate.report.max)) {
      const { min, clock, members } = this.#certificate.report;
      for (const member of members) this.#settled.set(member, { vector: min, clock });
      this.#certificate = null;
    }
    for (const [member, heard] of this.#waiting) {
      if (!includes(own, heard.vector)) continue;
      this.#settled.set(member, heard);
      this.#waiting.delete(member);
    }
  }

  forget(member: string): void {
    this.#waiting.delete(member);
    this.#settled.delete(member);
  }

  /** The settled vector of the member; undefined before one has settled. */
  settledOf(member: string): Vector | undefined {
    return this.#settled.get(member)?.vector;
  }

  /** The settled clock of the member. */
  settledClockOf(member: string): number | undefined {
    return this.#settled.get(member)?.clock;
  }

  /**
   * The minimum over the members and ourselves, the vector never less than before; undefined while a
   * member has not settled or does not hold a `retire` that we know.
   *
   * @param others the members except ourselves.
   * @param before the last stable vector.
   * @param closed the closed origins, which `own` leaves out: every member holds them to their ends.
   */
  advance(
    others: readonly string[],
    own: Heard,
    retires: readonly OpId[],
    before: Pick<Stable, 'vector'>,
    closed: readonly OpId[] = [],
  ): Stable | undefined {
    // Of many members most have one vector, that of a certificate.
    const vectors = new Set<Vector>();
    let { clock } = own;
    for (const member of others) {
      const heard = this.#settled.get(member);
      if (heard === undefined) return undefined;
      vectors.add(heard.vector);
      clock = Math.min(clock, heard.clock);
    }
    const settled = [...vectors];
    if (!settled.every((one) => retires.every((retire) => covers(one, retire)))) return undefined;
    const vector: MutableVector = new Map(before.vector);
    for (const { origin, seq } of closed) raise(vector, origin, seq);
    for (const [origin, seq] of own.vector)
      raise(
        vector,
        origin,
        settled.reduce((least, one) => Math.min(least, seqOf(one, origin)), seq),
      );
    return { vector, clock };
  }
}
