/**
 * The pulls from one peer.
 *
 * Invariant: at most one pull is in flight. A pull begins, and ends by its answer, by `later`, by being
 * lost, or with its connection.
 */
import { ensure } from '../../words/invariant.ts';
import type { Digest } from './digest.ts';

export class Pull {
  #sentAt: number | null = null;
  #asked: Digest | null = null;
  /** The number of the last pull, which its answer repeats. */
  #number = 0;
  /** Whether its answer has come, and is being taken in. */
  #isAnswered = false;
  #isWantedAgain = false;
  #notBefore = 0;
  #lostInARow = 0;

  /**
   * The time at which the pull in flight was sent, or last brought a part of a snapshot; null if none
   * is.
   */
  get sentAt(): number | null {
    return this.#sentAt;
  }

  get isInFlight(): boolean {
    return this.#sentAt !== null;
  }

  /** Whether another pull follows the one in flight, which was sent too early to bring all ops. */
  get isWantedAgain(): boolean {
    return this.#isWantedAgain;
  }

  /** The number of pulls without any answer, since the last answer. */
  get lostInARow(): number {
    return this.#lostInARow;
  }

  mayBegin(nowMs: number): boolean {
    return this.#sentAt === null && this.#notBefore <= nowMs;
  }

  /** The digest of the pull in flight; null if none is. */
  get asked(): Digest | null {
    return this.#asked;
  }

  /** @returns the number that its answer must repeat. */
  begins(nowMs: number, asked: Digest): number {
    ensure(this.#sentAt === null, 'at most one pull is in flight a peer');
    this.#sentAt = nowMs;
    this.#asked = asked;
    this.#isWantedAgain = false;
    this.#isAnswered = false;
    this.#number++;
    return this.#number;
  }

  /**
   * Whether a message with this number answers the pull in flight.
   *
   * @param namesQuestions whether the peer's answers have numbers; if not, every answer counts while a
   *   pull is in flight.
   */
  isAnsweredBy(re: number | undefined, namesQuestions: boolean): boolean {
    if (this.#sentAt === null || this.#isAnswered) return false;
    return re === undefined ? !namesQuestions : re === this.#number;
  }

  wantAgain(): void {
    this.#isWantedAgain = true;
  }

  /** The answer is being taken in. @returns the number for `isTakenIn`. */
  isAnswered(nowMs: number): number {
    this.#isAnswered = true;
    this.#lostInARow = 0;
    this.#sentAt = nowMs;
    return this.#number;
  }

  /** A part of a snapshot is taken in, so the pull's time begins anew. */
  goesOn(nowMs: number): void {
    this.#lostInARow = 0;
    this.#sentAt = nowMs;
  }

  /** No answer came in time. */
  isLost(): void {
    this.#lostInARow++;
    this.ends();
  }

  ends(): void {
    this.#sentAt = null;
    this.#asked = null;
  }

  /** The answer to the pull of that number is taken in; another pull may be in flight by now. */
  isTakenIn(number: number): void {
    if (number === this.#number) this.ends();
  }

  /** The peer can't answer yet. */
  postpone(untilMs: number): void {
    this.#lostInARow = 0;
    this.ends();
    this.#notBefore = untilMs;
  }
}
