/**
 * Waiting for this node to hold what a client has seen elsewhere: a bounded number of requests, each for
 * a bounded time.
 */

import type { Replica } from '../../replica/replica.ts';
import { OverloadedError } from '../../words/errors.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { includes, type Vector } from '../../words/vector.ts';

interface Waiting {
  readonly vector: Vector;
  readonly end: (held: boolean) => void;
}

/** How many requests wait, whatever for. */
export class WaitingRoom {
  readonly #maxWaiting: number;
  #waiting = 0;
  #isClosed = false;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** @returns what leaves it again, or null where too many wait already, or nobody may any more. */
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

export class VectorWaits {
  readonly #replica: Replica;
  readonly #room: WaitingRoom;
  readonly #waiting = new Set<Waiting>();
  readonly #endings: (() => void)[];

  constructor(replica: Replica, room: WaitingRoom) {
    this.#replica = replica;
    this.#room = room;
    const look = (): void => this.#look();
    this.#endings = [replica.onCommit(look), replica.onReplaced(look)];
  }

  /**
   * @param timeoutMs how long to wait at most.
   * @param signal ends it early.
   * @returns whether this node holds everything that the vector stands for.
   * @throws OverloadedError where too many wait already.
   */
  async until(vector: Vector, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (includes(this.#replica.vector, vector)) return true;
    const leave = this.#room.enter();
    if (leave === null) throw new OverloadedError(RETRY_AFTER_MS);
    const { promise, resolve: end } = Promise.withResolvers<boolean>();
    const waiting = { vector, end };
    const giveUp = (): void => end(false);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp);
    this.#waiting.add(waiting);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      this.#waiting.delete(waiting);
      leave();
    }
  }

  /** Nobody waits any longer. */
  stop(): void {
    for (const end of this.#endings) end();
    for (const { end } of this.#waiting) end(false);
  }

  #look(): void {
    for (const { vector, end } of this.#waiting)
      if (includes(this.#replica.vector, vector)) end(true);
  }
}
