/**
 * A queue whose `push` and `shift` cost the same however long it is, because its front moves on without
 * moving the elements. Indexes count from the front.
 */
import { BrokenInvariantError } from './errors.ts';

/** Empty places in front are removed only when they are more than this, and more than half. */
const MIN_GIVEN_BACK = 1024;

export class Queue<T extends object> {
  #elements: (T | undefined)[] = [];
  #front = 0;

  get length(): number {
    return this.#elements.length - this.#front;
  }

  get last(): T | undefined {
    return this.length === 0 ? undefined : this.#elements.at(-1);
  }

  /** @returns undefined outside of 0 to below the length. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#elements[this.#front + index];
  }

  push(element: T): void {
    this.#elements.push(element);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const first = this.#elements[this.#front];
    // Its place stays for a while, but must not keep the element in memory.
    this.#elements[this.#front++] = undefined;
    if (this.#front > MIN_GIVEN_BACK && this.#front * 2 > this.#elements.length) {
      this.#elements = this.#elements.slice(this.#front);
      this.#front = 0;
    }
    return first;
  }

  /**
   * Moves the elements from `index` on back by one. @throws BrokenInvariantError outside of 0 to the
   * length.
   */
  insert(index: number, element: T): void {
    if (index < 0 || index > this.length)
      throw new BrokenInvariantError(`a queue of ${this.length} has no place ${index}`);
    if (index === this.length) this.#elements.push(element);
    else this.#elements.splice(this.#front + index, 0, element);
  }

  /** The elements from `from` to before `to`. */
  slice(from: number, to = this.length): T[] {
    return this.#elements
      .slice(this.#front + from, this.#front + to)
      .filter((element) => element !== undefined);
  }

  /**
   * @param isBefore true for a run of elements at the front, false from there on.
   * @returns the index of the first element for which it is false; the length if there is none.
   */
  firstIndexNot(isBefore: (element: T) => boolean): number {
    let low = this.#front;
    let high = this.#elements.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const element = this.#elements[middle];
      if (element !== undefined && isBefore(element)) low = middle + 1;
      else high = middle;
    }
    return low - this.#front;
  }

  clear(): void {
    this.#elements = [];
    this.#front = 0;
  }
}
