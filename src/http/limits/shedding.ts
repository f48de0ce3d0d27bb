/**
 * Shedding: while memory, the queue of writes or the room for unread answers is about to run out, requests get 503
 * before they cost anything, so that those under way, the peers and the health of the node go on.
 *
 * Invariants: garbage alone sheds nothing, unless it fills the heap faster than a twentieth of the time collects it;
 * the node comes back by itself; probes and metrics are always answered.
 */
import type { Limits } from '../../words/limits.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { Problem } from '../answer/problem.ts';
import { ENDS_AT, LastingFullness } from './lastingFullness.ts';
import { REDUCED_CAPACITY } from './problems.ts';

/** The first that holds is the one that a refusal names. */
const REASONS = ['heap', 'queue', 'answers'] as const;
export type ShedFor = (typeof REASONS)[number];

export interface Load {
  /** The part of the heap's greatest size that is in use, garbage included: 0 to 1. */
  readonly heap: () => number;
  /** The part of the queue of writes that is full: 0 to 1. */
  readonly queue: () => number;
  /** The part of the room for unread answers that is full: from 0, above 1 once no more are written. */
  readonly answers: () => number;
  /** Frees garbage at once, and stops the node meanwhile. @returns the time that it took, in milliseconds. */
  readonly collectGarbage: () => number;
}

/** The least time between two collections, in milliseconds. */
const LEAST_COLLECT_INTERVAL_MS = 1000;
/** After a collection the node goes on for at least so many times as long as it was stopped. */
const COLLECT_INTERVAL_TIMES = 20;
/** Above this part of the heap no time is left to tell garbage from the rest. */
const BRIM = 0.97;

/** Shedding for one reason has begun, or has ended. */
export interface ShedChange {
  readonly reason: ShedFor;
  readonly hasBegun: boolean;
  /** The part that is full now. */
  readonly share: number;
  /** The time for which it has gone on, in milliseconds; 0 if it has just begun. */
  readonly lastedMs: number;
  /** Requests that were refused meanwhile. */
  readonly refused: number;
}

/** Asked while the node sheds, too: they say so, and cost nearly nothing. */
export const ALWAYS_ANSWERED: ReadonlySet<string> = new Set([
  '/_health',
  '/livez',
  '/readyz',
  '/metrics',
]);

export class Shedding {
  /** Requests that were refused. */
  readonly refused: Record<ShedFor, number> = { heap: 0, queue: 0, answers: 0 };
  readonly #limits: Pick<Limits, 'shedHeapPercent' | 'shedQueuePercent'>;
  readonly #load: Load;
  #isHeapFull = false;
  readonly #queue = new LastingFullness();
  readonly #answers = new LastingFullness();
  /** The reasons that were told, with the instant and the refusals until then. */
  readonly #begun = new Map<ShedFor, { readonly atMs: number; readonly refused: number }>();
  #nextCollectionAt = Number.NEGATIVE_INFINITY;

  constructor(limits: Pick<Limits, 'shedHeapPercent' | 'shedQueuePercent'>, load: Load) {
    this.#limits = limits;
    this.#load = load;
  }

  /** The first reason why requests are shed now; null if none are. */
  get reason(): ShedFor | null {
    return REASONS.find((reason) => this.isFor(reason)) ?? null;
  }

  /** One sentence for the health; null if nothing is shed. */
  get fault(): string | null {
    const { reason } = this;
    return reason === null ? null : FAULTS[reason];
  }

  isFor(reason: ShedFor): boolean {
    switch (reason) {
      case 'heap':
        return this.#isHeapFull;
      case 'queue':
        return this.#queue.isFull;
      case 'answers':
        return this.#answers.isFull;
    }
  }

  /**
   * Looks at the load. To be called every tenth of a second.
   *
   * @param nowMs any clock that goes on evenly. @returns the reasons that have come or gone since the last look.
   */
  look(nowMs: number): readonly ShedChange[] {
    this.#lookAtHeap(nowMs);
    this.#queue.look(this.#load.queue(), this.#limits.shedQueuePercent / 100);
    this.#answers.look(this.#load.answers(), 1);
    return REASONS.map((reason) => this.#changeOf(reason, nowMs)).filter((one) => one !== null);
  }

  /** @throws Problem 503 if the request is shed. */
  require(method: string | undefined, path: string): void {
    if (!this.#isHeapFull && !this.#queue.isFull && !this.#answers.isFull) return;
    if (ALWAYS_ANSWERED.has(path)) return;
    if (this.#isHeapFull) this.#refuse('heap');
    const isWrite = method === 'PUT' || method === 'POST' || method === 'DELETE';
    if (isWrite && this.#queue.isFull) this.#refuse('queue');
    // The others have short answers.
    if ((method === 'GET' || method === 'POST') && this.#answers.isFull) this.#refuse('answers');
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

  #changeOf(reason: ShedFor, nowMs: number): ShedChange | null {
    const begun = this.#begun.get(reason);
    const hasBegun = this.isFor(reason);
    if (hasBegun === (begun !== undefined)) return null;
    const refused = this.refused[reason];
    if (hasBegun) this.#begun.set(reason, { atMs: nowMs, refused });
    else this.#begun.delete(reason);
    return {
      reason,
      hasBegun,
      share: this.#load[reason](),
      lastedMs: nowMs - (begun?.atMs ?? nowMs),
      refused: refused - (begun?.refused ?? refused),
    };
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
  answers:
    'Clients have not read their answers for a second, and there is no room for more: reads are answered with 503 until there is.',
};

const shed = (reason: ShedFor): Problem =>
  new Problem(503, FAULTS[reason], {
    type: REDUCED_CAPACITY,
    headers: ['Retry-After', String(RETRY_AFTER_MS / 1000), 'Connection', 'close'],
  });
