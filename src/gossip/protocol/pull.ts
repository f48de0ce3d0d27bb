/**
 * The pulls from one peer.
 *
 * Invariant: at most one is in flight. A pull begins, and ends by its answer, by `later`, by being lost,
 * or with its connection.
 */
import { ensure } from '../../words/invariant.ts';

export class Pull {
  #sentAt: number | null = null;
  #isWantedAgain = false;
  #notBefore = 0;

  /** When the one in flight was sent, or last brought a part of a snapshot; null where none is. */
  get sentAt(): number | null {
    return this.#sentAt;
  }

  get isInFlight(): boolean {
    return this.#sentAt !== null;
  }

  /** Whether another is to follow the one in flight: it was asked too early to bring all. */
  get isWantedAgain(): boolean {
    return this.#isWantedAgain;
  }

  mayBegin(nowMs: number): boolean {
    return this.#sentAt === null && this.#notBefore <= nowMs;
  }

  begins(nowMs: number): void {
    ensure(this.#sentAt === null, 'at most one pull is in flight a peer');
    this.#sentAt = nowMs;
    this.#isWantedAgain = false;
  }

  wantAgain(): void {
    this.#isWantedAgain = true;
  }

  /** A part of its answer came: its time begins anew. */
  goesOn(nowMs: number): void {
    this.#sentAt = nowMs;
  }

  ends(): void {
    this.#sentAt = null;
  }

  /** The peer can't answer yet. */
  postpone(untilMs: number): void {
    this.ends();
    this.#notBefore = untilMs;
  }
}
