/** A queue of numbers in one ring of plain numbers, which holds no object of the heap for each. */
import { BrokenInvariantError } from './errors.ts';

/** Capacities are powers of two, so that a mask finds a place in the ring. */
const FIRST_CAPACITY = 64;

export class NumberQueue {
  #ring = new Float64Array(FIRST_CAPACITY);
  #front = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#front + this.#length) & (this.#ring.length - 1)] = number;
    this.#length++;
  }

  /** @throws BrokenInvariantError if it is empty. */
  shift(): number {
    const first = this.at(0);
    this.#front = (this.#front + 1) & (this.#ring.length - 1);
    this.#length--;
    return first;
  }

  /** @param index from 0 to below the length, from the front. @throws BrokenInvariantError outside. */
  at(index: number): number {
    const number = this.#ring[(this.#front + index) & (this.#ring.length - 1)];
    if (number === undefined || index < 0 || index >= this.#length)
      throw new BrokenInvariantError(`a queue of ${this.#length} numbers has no place ${index}`);
    return number;
  }

  #grow(): void {
    const ring = new Float64Array(2 * this.#ring.length);
    ring.set(this.#ring.subarray(this.#front));
    ring.set(this.#ring.subarray(0, this.#front), this.#ring.length - this.#front);
    this.#ring = ring;
    this.#front = 0;
  }
}
