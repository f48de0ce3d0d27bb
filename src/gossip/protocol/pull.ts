/**
 * The pulls from one peer.
 *
 * Invariant: at most one is in flight. A pull begins, and ends by its answer, by `later`, by being lost,
 * or with its connection.
 */
import { ensure } from '../../words/invariant.ts';

export class Pull {
  #sentAt: number | null = null;
  /** The number of the last pull: its answer repeats it. */
  #number = 0;
  /** Whether its answer has come, and is being taken in. */
  #isAnswered = false;
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

  /** @returns the number that its answer must repeat. */
  begins(nowMs: number): number {
    ensure(this.#sentAt === null, 'at most one pull is in flight a peer');
    this.#sentAt = nowMs;
    this.#isWantedAgain = false;
    this.#isAnswered = false;
    this.#number++;
    return this.#number;
  }

  /**
   * Whether a message with this number answers the pull in flight.
   *
   * @param namesQuestions whether the peer's answers have numbers; else any counts while one is in flight.
   */
  isAnsweredBy(re: number | undefined, namesQuestions: boolean): boolean {
    if (this.#sentAt === null || this.#isAnswered) return false;
    return re === undefined ? !namesQuestions : re === this.#number;
  }

  wantAgain(): void {
    this.#isWantedAgain = true;
  }

  /** Its answer is being taken in. @returns the number for `isTakenIn`. */
  isAnswered(nowMs: number): number {
    this.#isAnswered = true;
    this.#sentAt = nowMs;
    return this.#number;
  }

  /** A part of a snapshot, its answer, is taken in: its time begins anew. */
  goesOn(nowMs: number): void {
    this.#sentAt = nowMs;
  }

  ends(): void {
    this.#sentAt = null;
  }

  /** The answer to the pull of that number is taken in; another may be in flight by now. */
  isTakenIn(number: number): void {
    if (number === this.#number) this.ends();
  }

  /** The peer can't answer yet. */
  postpone(untilMs: number): void {
    this.ends();
    this.#notBefore = untilMs;
  }
}
