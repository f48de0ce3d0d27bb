/**
 * The chance of one run. Each part of the world throws dice of its own, made from the seed and the
 * part's name, so that a change in one part leaves the others' throws as they were.
 */
import { nextRandom, type Random, seeded } from '../src/words/random.ts';

export type Span = readonly [least: number, most: number];

export class Dice {
  readonly random: Random;

  constructor(seed: number, purpose: string) {
    let state = Math.imul(seed, 0x9e3779b1);
    for (let index = 0; index < purpose.length; index++)
      state = Math.imul(state ^ purpose.charCodeAt(index), 0x01000193);
    this.random = seeded(state);
  }

  chance(probability: number): boolean {
    return nextRandom(this.random) < probability;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(nextRandom(this.random) * limit);
  }

  /** A whole number within the span, both ends included. */
  within([least, most]: Span): number {
    return least + this.below(most - least + 1);
  }

  /** How long until the next of things that happen once in `meanMs` (Poisson); at least 1 ms. */
  waitMs(meanMs: number): number {
    return Math.max(1, Math.round(-Math.log(1 - nextRandom(this.random)) * meanMs));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  text(length: number): string {
    let text = '';
    while (text.length < length) text += this.below(36).toString(36);
    return text;
  }
}
