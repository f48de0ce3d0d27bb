/**
 * Copy on write: the arrays of a store can be read as they were at one moment while the store goes on.
 * An array that was there at that moment is copied before its first change, and never again meanwhile.
 */
import { ensure } from '../words/invariant.ts';

export class Captures {
  #underWay = 0;
  #last = 0;

  /** The capture that is under way; 0 if none is. */
  get underWay(): number {
    return this.#underWay;
  }

  begin(): void {
    ensure(this.#underWay === 0, 'a store is captured once at a time');
    this.#underWay = ++this.#last;
  }

  end(): void {
    this.#underWay = 0;
  }

  /** Whether the array must be copied before it changes. @param since the capture during which it was made. */
  mustCopy(since: number): boolean {
    return this.#underWay !== 0 && since !== this.#underWay;
  }
}
