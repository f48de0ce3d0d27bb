/**
 * Shedding: while memory or the queue of writes is about to run out, requests get 503 before they cost
 * anything, so that those under way, the peers and the health of the node go on.
 *
 * Invariants: garbage alone sheds nothing, unless it fills the heap faster than a twentieth of the time collects it;
 * the node comes back by itself; probes and metrics are always answered.
 */
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { Problem } from '../answer/problem.ts';
import { REDUCED_CAPACITY } from './problems.ts';

export type ShedFor = 'heap' | 'queue';

export interface Load {
  /** The part of the heap's greatest size that is in use, garbage included: 0 to 1. */
  readonly heap: () => number;
  /** The part of the queue of writes that is full: 0 to 1. */
  readonly queue: () => number;
  /** Frees garbage at once, and stops the node meanwhile. @returns the time that it took, in milliseconds. */
  readonly collectGarbage: () => number;
}

/** A queue that is full for a moment is only a burst: it has to be full at so many looks in a row. */
const FULL_LOOKS = 10;
/** The least time between two collections, in milliseconds. */
const LEAST_COLLECT_INTERVAL_MS = 1000;
/** After a collection the node goes on for at least so many times as long as it was stopped. */
const COLLECT_INTERVAL_TIMES = 20;
/** Above this part of the heap no time is left to tell garbage from the rest. */
const BRIM = 0.97;
/** Shedding ends below this part of its threshold, so that the node does not waver. */
const ENDS_AT = 0.9;

/** Asked while the node sheds, too: they say so, and cost nearly nothing. */
export const ALWAYS_ANSWERED: ReadonlySet<string> = new Set([
  '/_health',
  '/livez',
  '/readyz',
  '/metrics',
]);

export class Shedding {
  /** Requests that were refused. */
  readonly refused: Record<ShedFor, number> = { heap: 0, queue: 0 };
  readonly #limits: Pick<Limits, 'shedHeapPercent' | 'shedQueuePercent'>;
  readonly #load: Load;
  #isHeapFull = false;
  #isQueueFull = false;
  #fullLooks = 0;
  #nextCollectionAt = Number.NEGATIVE_INFINITY;

  constructor(limits: Pick<Limits, 'shedHeapPercent' | 'shedQueuePercent'>, load: Load) {
    this.#limits = limits;
    this.#load = load;
  }

  /** The reason why requests are shed now; null if none are. */
  get reason(): ShedFor | null {
    if (this.#isHeapFull) return 'heap';
    return this.#isQueueFull ? 'queue' : null;
  }

  /** One sentence for the health; null if nothing is shed. */
  get fault(): string | null {
    const { reason } = this;
    return reason === null ? null : FAULTS[reason];
  }

  /** Looks at the load. To be called every tenth of a second. @param nowMs any clock that goes on evenly. */
  look(nowMs: number): void {
    this.#lookAtHeap(nowMs);
    this.#lookAtQueue();
  }

  /** @throws Problem 503 if the request is shed. */
  require(method: string | undefined, path: string): void {
    if (!this.#isHeapFull && !this.#isQueueFull) return;
    if (ALWAYS_ANSWERED.has(path)) return;
    if (this.#isHeapFull) this.#refuse('heap');
    if (method === 'PUT' || method === 'POST' || method === 'DELETE') this.#refuse('queue');
  }

  #lookAtHeap(nowMs: number): void {
    const full = this.#limits.shedHeapPercent / 100;
    const end = this.#isHeapFull ? full * ENDS_AT : full;
    const share = this.#load.heap();
    if (share < end) this.#isHeapFull = false;
    else if (nowMs >= this.#nextCollectionAt) {
      const tookMs = this.#load.collectGarbage();
      this.#isHeapFull = this.#load.heap() >= end;
      const intervalMs = Math.max(LEAST_COLLECT_INTERVAL_MS, COLLECT_INTERVAL_TIMES * tookMs);
      this.#nextCollectionAt = nowMs + intervalMs;
    } else if (share >= BRIM) this.#isHeapFull = true;
  }

  #lookAtQueue(): void {
    const full = this.#limits.shedQueuePercent / 100;
    const isFull = this.#load.queue() >= (this.#isQueueFull ? full * ENDS_AT : full);
    this.#fullLooks = isFull ? this.#fullLooks + 1 : 0;
    this.#isQueueFull = isFull && (this.#isQueueFull || this.#fullLooks >= FULL_LOOKS);
  }

  #refuse(reason: ShedFor): never {
    this.refused[reason]++;
    throw shed(reason);
  }
}

const FAULTS: Readonly<Record<ShedFor, string>> = {
  heap: 'The heap is nearly full: requests are answered with 503 until there is room.',
  queue:
    'The queue of writes has been nearly full for a second: writes are answered with 503 until it has room.',
};

const shed = (reason: ShedFor): Problem =>
  new Problem(503, FAULTS[reason], {
    type: REDUCED_CAPACITY,
    headers: ['Retry-After', String(RETRY_AFTER_MS / 1000), 'Connection', 'close'],
  });
