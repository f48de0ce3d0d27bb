/** A stack of numbers, in chunks of plain numbers. */
import { at } from '../words/invariant.ts';

const CHUNK_NUMBERS = 4096;

export class NumberStack {
  length = 0;
  readonly #chunks: Float64Array[] = [];

  push(number: number): void {
    const chunk = Math.floor(this.length / CHUNK_NUMBERS);
    if (chunk === this.#chunks.length) this.#chunks.push(new Float64Array(CHUNK_NUMBERS));
    at(this.#chunks, chunk)[this.length++ % CHUNK_NUMBERS] = number;
  }

  /** @returns undefined if it is empty. */
  pop(): number | undefined {
    if (this.length === 0) return undefined;
    this.length--;
    const chunk = Math.floor(this.length / CHUNK_NUMBERS);
    const number = at(at(this.#chunks, chunk), this.length % CHUNK_NUMBERS);
    this.#chunks.length = chunk + 1;
    return number;
  }
}
