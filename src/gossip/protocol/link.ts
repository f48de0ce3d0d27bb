/**
 * One link as ops spread over it: whether it is eager, and what the peer has shown that it holds.
 *
 * Invariants: a link is eager at first; a branch of the tree stays eager; whatever a peer has shown, it holds.
 */
import type { Hash } from '../../words/hash.ts';
import { type MutableVector, raise, seqOf, type Vector } from '../../words/vector.ts';

/** Seqs that a lazy link has told, and the time since which this node has lacked some of their ops. */
export interface Told {
  readonly vector: Vector;
  readonly sinceMs: number;
}

export class Link {
  /** Whether this node has dialled a member here that it has not chosen: the connection is closed soon. */
  isVisit = false;
  #isEager = true;
  #isTowardsRoot = false;
  #isFromRoot = false;
  /** Pushes in a row that brought nothing new. */
  #useless = 0;
  readonly #shown: MutableVector = new Map();
  #told: Told | null = null;
  #certificate: Hash | null = null;

  get isEager(): boolean {
    return this.#isEager || this.isBranch;
  }

  /** A branch that the peer chose ends where either side makes the link lazy, and one that this node chose does not. */
  becomes(kind: 'eager' | 'lazy'): void {
    this.#isEager = kind === 'eager';
    if (kind === 'lazy') this.#isFromRoot = false;
    this.#useless = 0;
  }

  /** Whether it is a branch of the tree: one of its sides reaches the root by it. */
  get isBranch(): boolean {
    return this.#isTowardsRoot || this.#isFromRoot;
  }

  /** Whether this node reaches the root by it. */
  get isTowardsRoot(): boolean {
    return this.#isTowardsRoot;
  }

  /** This node reaches the root by it from now on. */
  leadsToRoot(): void {
    this.#isTowardsRoot = true;
    this.becomes('eager');
  }

  /** Another link does from now on. */
  leadsElsewhere(): void {
    this.#isTowardsRoot = false;
    if (!this.#isFromRoot) this.becomes('lazy');
  }

  /** The peer reaches the root by it from now on. */
  leadsFromRoot(): void {
    this.#isFromRoot = true;
    this.becomes('eager');
  }

  /** @returns the number of pushes in a row that brought nothing new. */
  pushBrought(ops: number): number {
    this.#useless = ops > 0 ? 0 : this.#useless + 1;
    return this.#useless;
  }

  shows(origin: string, seq: number): void {
    raise(this.#shown, origin, seq);
  }

  /** Whether the peer has shown that it holds the origin's ops up to the seq. */
  holds(origin: string, seq: number): boolean {
    return seqOf(this.#shown, origin) >= seq;
  }

  /** The hash of the last certificate that the peer has said it holds; null if it has named none. */
  get certificate(): Hash | null {
    return this.#certificate;
  }

  namesCertificate(hash: Hash): void {
    this.#certificate = hash;
  }

  /** The seqs that were told first and whose ops have not come yet; null if there are none. */
  get told(): Told | null {
    return this.#told;
  }

  tells(vector: Vector, nowMs: number): void {
    this.#told ??= { vector, sinceMs: nowMs };
  }

  /** The ops that it told of are late, and are pulled elsewhere. */
  waitsAgain(nowMs: number): void {
    if (this.#told !== null) this.#told = { ...this.#told, sinceMs: nowMs };
  }

  forgetsTold(): void {
    this.#told = null;
  }
}
