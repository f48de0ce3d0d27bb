/**
 * Chooses the node to ask: the one that worked last, until it fails. If there is another node, a failed
 * one is left alone for a while, so that a hung node costs a few calls their time and not all.
 */
import { backoffDelayMs } from './timing.ts';

const LEAST_COOLING_MS = 500;
const MOST_COOLING_MS = 30_000;

interface Failures {
  readonly count: number;
  /** A time on the clock of `performance.now`. */
  readonly coolUntilMs: number;
}

export class Endpoints {
  readonly #all: readonly string[];
  readonly #failures = new Map<string, Failures>();
  #current = 0;

  constructor(all: readonly string[]) {
    this.#all = all;
  }

  get count(): number {
    return this.#all.length;
  }

  /** The endpoint to ask next, or undefined if `tried` holds them all. */
  next(tried: ReadonlySet<string>): string | undefined {
    const inTurn = [...this.#all.slice(this.#current), ...this.#all.slice(0, this.#current)];
    const untried = inTurn.filter((endpoint) => !tried.has(endpoint));
    return untried.find((endpoint) => !this.#isCooling(endpoint)) ?? untried[0];
  }

  succeeded(endpoint: string): void {
    this.#failures.delete(endpoint);
    this.#current = this.#all.indexOf(endpoint);
  }

  /** @param coolForMs the wait that the node asked for, if it did. */
  failed(endpoint: string, coolForMs: number | null): void {
    // Calls that fail together count as one failure.
    if (this.#isCooling(endpoint)) return;
    const count = (this.#failures.get(endpoint)?.count ?? 0) + 1;
    const coolingMs = coolForMs ?? backoffDelayMs(count, LEAST_COOLING_MS, MOST_COOLING_MS);
    const coolUntilMs = performance.now() + Math.min(coolingMs, MOST_COOLING_MS);
    this.#failures.set(endpoint, { count, coolUntilMs });
  }

  #isCooling(endpoint: string): boolean {
    return performance.now() < (this.#failures.get(endpoint)?.coolUntilMs ?? 0);
  }
}
