/**
 * The work of this node in the last 15 minutes, in steps of five seconds: for the page, which a person opens after
 * something has happened.
 *
 * Invariant: it takes the same memory however long the node runs.
 */
import type { RequestCounts } from './metrics.ts';

/** Milliseconds of a step. */
export const STEP_MS = 5000;
const STEPS = (15 * 60_000) / STEP_MS;

/** Totals since the start of the process, and the number of watchers now. */
export interface Totals {
  /** Ops that this node has made. */
  readonly writes: number;
  /** Requests that read entries. */
  readonly reads: number;
  /** Requests that were refused for a version or a condition. */
  readonly conflicts: number;
  readonly watchers: number;
}

/** The steps, the oldest first. */
export interface Rates {
  /** UTC milliseconds of the end of the last step. */
  readonly endsAtMs: number;
  /** In each step. */
  readonly writes: readonly number[];
  readonly reads: readonly number[];
  readonly conflicts: readonly number[];
  /** At the end of each step. */
  readonly watchers: readonly number[];
}

export class RecentRates {
  readonly #totals: () => Totals;
  readonly #steps: Totals[] = [];
  #last: Totals;
  #endsAtMs: number;

  /** @param nowMs UTC milliseconds. */
  constructor(totals: () => Totals, nowMs: number) {
    this.#totals = totals;
    this.#last = totals();
    this.#endsAtMs = nowMs;
  }

  /** Ends a step: to be called every `STEP_MS`. */
  step(nowMs: number): void {
    const totals = this.#totals();
    const last = this.#last;
    // A node that rejoins counts its ops anew.
    const since = (name: keyof Totals): number => Math.max(0, totals[name] - last[name]);
    this.#steps.push({
      writes: since('writes'),
      reads: since('reads'),
      conflicts: since('conflicts'),
      watchers: totals.watchers,
    });
    if (this.#steps.length > STEPS) this.#steps.shift();
    this.#last = totals;
    this.#endsAtMs = nowMs;
  }

  get rates(): Rates {
    const of = (name: keyof Totals): number[] => this.#steps.map((step) => step[name]);
    return {
      endsAtMs: this.#endsAtMs,
      writes: of('writes'),
      reads: of('reads'),
      conflicts: of('conflicts'),
      watchers: of('watchers'),
    };
  }
}

const ENTRY_ROUTES: ReadonlySet<string> = new Set(['/cache', '/cache/:key']);

/** The sums of requests that `Totals` tells. */
export function requestTotals(counts: RequestCounts): Pick<Totals, 'reads' | 'conflicts'> {
  let reads = 0;
  let conflicts = 0;
  for (const { route, method, status, requests } of counts.sums()) {
    if (!ENTRY_ROUTES.has(route)) continue;
    if (method === 'GET' || method === 'HEAD') reads += requests;
    else if (status === 409 || status === 412) conflicts += requests;
  }
  return { reads, conflicts };
}
