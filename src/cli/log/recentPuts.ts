/**
 * The last put of each key among those that a replay has read, so that it knows a touch: the live entry once more, in its
 * version, with another expiry. The puts of the least recent keys are forgotten.
 */
import { hash } from 'node:crypto';
import type { Put } from '../../words/op.ts';

/** Some 20 MB. A touch of a key that is forgotten is sent as a put, which conflicts. */
const MAX_KEYS = 100_000;

export class RecentPuts {
  readonly #facts = new Map<string, string>();
  readonly #maxKeys: number;

  constructor(maxKeys = MAX_KEYS) {
    this.#maxKeys = maxKeys;
  }

  /** Remembers the op. @returns whether the last one on its key was the same but for its expiry. */
  isAgain({ key, generation, version, value, meta }: Put): boolean {
    const facts = `${generation} ${version} ${hash('sha256', JSON.stringify([value, meta]), 'base64')}`;
    const isAgain = this.#facts.get(key) === facts;
    this.#facts.delete(key);
    this.#facts.set(key, facts);
    if (this.#facts.size > this.#maxKeys) this.forget(this.#facts.keys().next().value ?? '');
    return isAgain;
  }

  forget(key: string): void {
    this.#facts.delete(key);
  }
}
