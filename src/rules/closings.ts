/**
 * Rule 13: the closed origins of a log, in the order in which it closed them, and vectors that leave them
 * out.
 *
 * Invariant: every member holds all ops of a closed origin, and nobody will ever have more of them. So a
 * node that has closed the origin holds it.
 */
import { type ClosedPair, NOTHING_CLOSED, samePair } from '../words/closed.ts';
import type { Delta } from '../words/delta.ts';
import { add, hashOpId } from '../words/hash.ts';
import { at } from '../words/invariant.ts';
import type { OpId } from '../words/op.ts';
import { seqOf, type Vector } from '../words/vector.ts';

/** An origin with its last seq, and the pair once it was closed. */
interface Closing extends OpId {
  readonly pair: ClosedPair;
}

export class Closings {
  readonly #inOrder: Closing[] = [];
  readonly #places = new Map<string, number>();
  #ops = 0;

  /** The pair that stands for all of them. */
  get pair(): ClosedPair {
    return this.#inOrder.at(-1)?.pair ?? NOTHING_CLOSED;
  }

  get count(): number {
    return this.#inOrder.length;
  }

  /** The number of their ops. */
  get ops(): number {
    return this.#ops;
  }

  has(origin: string): boolean {
    return this.#places.has(origin);
  }

  /**
   * The last seq of a closed origin; undefined if it is not closed.
   *
   * @param count only the first `count` closed origins are looked at.
   */
  lastSeqOf(origin: string, count: number = this.count): number | undefined {
    const place = this.#places.get(origin);
    return place === undefined || place >= count ? undefined : this.#inOrder[place]?.seq;
  }

  /** The origins closed since the pair stood for all closed ones; undefined if it never did here. */
  since(pair: ClosedPair): readonly OpId[] | undefined {
    const { count } = pair;
    const known = count === 0 ? NOTHING_CLOSED : this.#inOrder[count - 1]?.pair;
    return known !== undefined && samePair(known, pair) ? this.#inOrder.slice(count) : undefined;
  }

  /** All closed origins, in the order in which they were closed. */
  all(): readonly OpId[] {
    return this.#inOrder;
  }

  /** The pair for the first `count` closed origins. */
  pairAt(count: number): ClosedPair {
    return count === 0 ? NOTHING_CLOSED : at(this.#inOrder, count - 1).pair;
  }

  add(id: OpId): void {
    const { count, sum } = this.pair;
    const pair = { count: count + 1, sum: add(sum, hashOpId(id)) };
    this.#places.set(id.origin, count);
    this.#inOrder.push({ ...id, pair });
    this.#ops += id.seq;
  }
}

/**
 * The closed origins of which the delta has ops beyond their ends. Its sender lies, or is of another side of the cluster,
 * on which the origin went on.
 */
export const beyondEnds = (
  { ranges }: Delta,
  closings: Pick<Closings, 'lastSeqOf'>,
): ReadonlySet<string> =>
  new Set(
    ranges
      .filter(({ origin, to }) => to > (closings.lastSeqOf(origin) ?? to))
      .map(({ origin }) => origin),
  );

/**
 * The vector of a log. It lists the open origins; asked for a closed one, it tells the last seq. So it
 * compares rightly with a vector from before the closing.
 */
export class HeldVector extends Map<string, number> {
  readonly #closings: Closings;

  constructor(closings: Closings) {
    super();
    this.#closings = closings;
  }

  override get(origin: string): number | undefined {
    return super.get(origin) ?? this.#closings.lastSeqOf(origin);
  }

  override has(origin: string): boolean {
    return super.has(origin) || this.#closings.has(origin);
  }
}

/**
 * The vector of a watcher, or of a log at one moment. It covers the first `count` closed origins without listing them, but for a
 * closed origin that it lists: of that one it covers only so much.
 */
export class FollowedVector extends Map<string, number> {
  readonly closings: Closings;
  readonly count: number;

  constructor(listed: Iterable<readonly [string, number]>, closings: Closings, count: number) {
    super();
    this.closings = closings;
    this.count = count;
    for (const [origin, seq] of listed) this.set(origin, seq);
  }

  /** The vector of a log as of now: a plain copy would lose what is closed. */
  static ofAll(held: Vector, closings: Closings): FollowedVector {
    return new FollowedVector(held, closings, closings.count);
  }

  copy(): FollowedVector {
    return new FollowedVector(this, this.closings, this.count);
  }

  override get(origin: string): number | undefined {
    return super.get(origin) ?? this.closings.lastSeqOf(origin, this.count);
  }

  get pair(): ClosedPair {
    return this.closings.pairAt(this.count);
  }

  /**
   * The closed origins that it may not cover to their ends, with their last seqs: those closed after the
   * first `count`, and those that it lists.
   */
  *openEnded(): IterableIterator<OpId> {
    for (const id of this.closings.since(this.pair) ?? []) yield id;
    for (const [origin, seq] of this) {
      const last = this.closings.lastSeqOf(origin, this.count);
      if (last !== undefined && last > seq) yield { origin, seq: last };
    }
  }

  /** Whether it covers every op of a log with this vector. */
  includesHeld(held: Vector): boolean {
    for (const [origin, seq] of held) if (seqOf(this, origin) < seq) return false;
    for (const { origin, seq } of this.openEnded()) if (seqOf(this, origin) < seq) return false;
    return true;
  }
}
