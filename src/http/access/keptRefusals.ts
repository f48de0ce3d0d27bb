/**
 * Refusals of wrong tokens, which may come in thousands a second. An error takes its stack along, which costs as
 * much as all else of a refusal: so each is made once.
 */
import type { Problem } from '../answer/problem.ts';
import { tooManyGuesses } from '../limits/quotas.ts';
import { tokenRefused } from './refusals.ts';

/** Refusals that ask to wait for longer are seldom. */
const MOST_KEPT_SECONDS = 60;

export class KeptRefusals {
  readonly #bySeconds = new Map<number, Problem>();
  /** By their details, of which there are a few. */
  readonly #byDetail = new Map<string, Problem>();

  /** @param waitMs until the address may try again, in milliseconds. */
  ofGuesses(waitMs: number): Problem {
    const seconds = Math.ceil(waitMs / 1000);
    const made = this.#bySeconds.get(seconds) ?? tooManyGuesses(waitMs);
    if (seconds <= MOST_KEPT_SECONDS) this.#bySeconds.set(seconds, made);
    return made;
  }

  ofToken(detail: string): Problem {
    const made = this.#byDetail.get(detail) ?? tokenRefused(detail);
    this.#byDetail.set(detail, made);
    return made;
  }
}
