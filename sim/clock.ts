/**
 * Simulated time. Invariant: the next event depends only on the events planned before: the earliest
 * comes first, and at one instant the one that was planned first.
 */

export interface PlannedEvent {
  /** Milliseconds since the run began. */
  readonly atMs: number;
  /** The number of this event, in the order of planning. */
  readonly order: number;
  /** The node whose code runs; '' if none's does. */
  readonly node: string;
  /** For the trace. */
  readonly what: string;
  readonly run: () => void;
}

const isBefore = (a: PlannedEvent, b: PlannedEvent): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class Timeline {
  nowMs = 0;
  #planned = 0;
  /** A binary heap: no event is before its parent. */
  readonly #heap: PlannedEvent[] = [];

  /** @param delayMs whole milliseconds from now; an event never happens before its planner has ended. */
  plan(delayMs: number, node: string, what: string, run: () => void): void {
    const event = { atMs: this.nowMs + delayMs, order: this.#planned++, node, what, run };
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >>> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = event;
  }

  sleep(delayMs: number, node: string, what: string): Promise<void> {
    return new Promise((resolve) => this.plan(delayMs, node, what, resolve));
  }

  /** Takes the next event and moves the time on to it. */
  next(): PlannedEvent | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (last !== first) this.#sink(last);
    this.nowMs = first.atMs;
    return first;
  }

  #sink(event: PlannedEvent): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const goesRight = right !== undefined && isBefore(right, left);
      const child = goesRight ? right : left;
      if (!isBefore(child, event)) break;
      heap[index] = child;
      index = 2 * index + (goesRight ? 2 : 1);
    }
    heap[index] = event;
  }
}

/** Where simulated time stands in UTC. */
export const EPOCH_MS = Date.UTC(2026, 10, 24, 12);

/** The wall clock of one node. It may be set at any time, backwards too. */
export class NodeClock {
  /** How far it is off, within what nodes put up with. */
  skewMs: number;
  /** How far it is wrong beside that, for a while. */
  errorMs = 0;
  /** The latest time that it has shown. */
  latestMs = 0;
  readonly #timeline: Timeline;

  constructor(timeline: Timeline, skewMs: number) {
    this.#timeline = timeline;
    this.skewMs = skewMs;
  }

  /** Whole UTC milliseconds, as machines tell them, while timers may fall between two. */
  nowMs(): number {
    const nowMs = Math.floor(EPOCH_MS + this.#timeline.nowMs + this.skewMs + this.errorMs);
    this.latestMs = Math.max(this.latestMs, nowMs);
    return nowMs;
  }
}
