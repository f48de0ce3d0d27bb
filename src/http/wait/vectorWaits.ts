/**
 * Waits until this node holds the ops that a client has seen elsewhere: for a bounded number of
 * requests, and each for a bounded time.
 */

import type { Replica } from '../../replica/replica.ts';
import { OverloadedError } from '../../words/errors.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { seqOf, type Vector } from '../../words/vector.ts';

interface Waiting {
  readonly missing: Vector;
  readonly end: (held: boolean) => void;
  under: string;
}

/** Counts waiting requests of every kind. */
export class WaitingRoom {
  readonly #maxWaiting: number;
  #waiting = 0;
  #isClosed = false;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * @returns a function that gives the place back, or null if too many requests wait already or waiting
   *   has ended.
   */
  enter(): (() => void) | null {
    if (this.#isClosed || this.#waiting >= this.#maxWaiting) return null;
    this.#waiting++;
    return () => {
      this.#waiting--;
    };
  }

  close(): void {
    this.#isClosed = true;
  }
}

/** Waiting requests, each under the first origin of which this node lacks an op. */
export class VectorWaits {
  readonly #replica: Replica;
  readonly #room: WaitingRoom;
  readonly #byOrigin = new Map<string, Set<Waiting>>();
  readonly #endings: (() => void)[];

  constructor(replica: Replica, room: WaitingRoom) {
    this.#replica = replica;
    this.#room = room;
    const look = (): void => this.#look();
    this.#endings = [replica.onCommit(look), replica.onReplaced(look)];
  }

  /**
   * @param timeoutMs the longest wait, in milliseconds.
   * @param signal ends the wait early.
   * @returns whether this node holds every op that the vector stands for.
   * @throws OverloadedError if too many requests wait already.
   */
  async until(vector: Vector, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    // Only the missing part is kept: a cursor may name many origins.
    const missing = missingIn(vector, this.#replica.vector);
    const [first] = missing.keys();
    if (first === undefined) return true;
    const leave = this.#room.enter();
    if (leave === null) throw new OverloadedError(RETRY_AFTER_MS, 'requests that wait');
    const { promise, resolve: end } = Promise.withResolvers<boolean>();
    const waiting: Waiting = { missing, end, under: first };
    const giveUp = (): void => end(false);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp);
    this.#put(waiting, first);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      this.#take(waiting);
      leave();
    }
  }

  /** Ends every wait. */
  stop(): void {
    for (const end of this.#endings) end();
    for (const set of this.#byOrigin.values()) for (const { end } of set) end(false);
  }

  #look(): void {
    const { vector } = this.#replica;
    for (const [origin, set] of [...this.#byOrigin]) {
      const held = seqOf(vector, origin);
      for (const waiting of [...set])
        if (seqOf(waiting.missing, origin) <= held) this.#goOn(waiting);
    }
  }

  /** The awaited op of the origin has come; ops of another origin may still be missing. */
  #goOn(waiting: Waiting): void {
    this.#take(waiting);
    const [next] = missingIn(waiting.missing, this.#replica.vector).keys();
    if (next === undefined) waiting.end(true);
    else this.#put(waiting, next);
  }

  #put(waiting: Waiting, origin: string): void {
    waiting.under = origin;
    const set = this.#byOrigin.get(origin) ?? new Set();
    this.#byOrigin.set(origin, set.add(waiting));
  }

  #take(waiting: Waiting): void {
    const set = this.#byOrigin.get(waiting.under);
    set?.delete(waiting);
    if (set?.size === 0) this.#byOrigin.delete(waiting.under);
  }
}

/** Origins that this node has not heard of: more than join while a request waits. */
const MAX_UNKNOWN_ORIGINS = 64;

/** Whether a vector names more logs that this node has never heard of than a request may wait for. */
export function namesTooManyLogs(vector: Vector, held: Vector): boolean {
  let unknown = 0;
  for (const origin of vector.keys()) if (!held.has(origin)) unknown++;
  return unknown > MAX_UNKNOWN_ORIGINS;
}

/** The part of a vector that another does not cover. */
export function missingIn(vector: Vector, held: Vector): Map<string, number> {
  const missing = new Map<string, number>();
  for (const [origin, seq] of vector) if (seqOf(held, origin) < seq) missing.set(origin, seq);
  return missing;
}
