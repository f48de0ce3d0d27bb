/**
 * `acks`: an answer waits until that many nodes, including this one, have committed the write, or the
 * time is over; then it gives their number.
 */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import { deleteVersion, digits } from '../request/schemas.ts';
import type { WaitingRoom } from './vectorWaits.ts';

/** Confirmations by peers of this node's own ops. */
export interface Acks {
  /** Asks the peers to confirm this node's ops that they hold; they answer after their commit. */
  ask(): void;
  /** The number of peers that hold this node's op of that seq. */
  count(seq: number): number;
  /** Called whenever a peer has confirmed more. @returns a function that ends the calls. */
  onConfirmed(listener: () => void): () => void;
}

/** More nodes than any cluster has. */
export const MAX_ACKS = 1000;
export const MAX_ACKS_TIMEOUT_MS = 60_000;
export const DEFAULT_ACKS_TIMEOUT_MS = 5000;

const acksQuery = {
  acks: digits(1, MAX_ACKS).optional().meta({
    description: 'Answer once this number of nodes, including this one, have committed it.',
  }),
  timeout_ms: digits(1, MAX_ACKS_TIMEOUT_MS)
    .optional()
    .meta({
      description: `The longest wait in milliseconds, after which the answer gives the acks so far; default ${DEFAULT_ACKS_TIMEOUT_MS}.`,
    }),
};

export const acksQuerySchema = z.object(acksQuery);
export const deleteQuerySchema = z.object({ version: deleteVersion, ...acksQuery });
export type AcksQuery = z.output<typeof acksQuerySchema>;

interface Waiting {
  readonly seq: number;
  readonly peers: number;
  readonly end: () => void;
}

export class AckWaits {
  readonly #acks: Acks;
  readonly #replica: Replica;
  readonly #room: WaitingRoom;
  readonly #waiting = new Set<Waiting>();
  readonly #endListening: () => void;

  constructor(acks: Acks, replica: Replica, room: WaitingRoom) {
    this.#acks = acks;
    this.#replica = replica;
    this.#room = room;
    this.#endListening = acks.onConfirmed(() => this.#look());
  }

  /**
   * @param origin and `seq`: the op's id.
   * @returns the number of nodes that hold the op, including this one; at once if too many requests
   *   wait already.
   */
  async until(
    { origin, seq }: { readonly origin: string; readonly seq: number },
    { acks = 1, timeout_ms: timeoutMs = DEFAULT_ACKS_TIMEOUT_MS }: AcksQuery,
  ): Promise<number> {
    // After a rejoin the op belongs to another origin, for which no peer has confirmed anything to this
    // node.
    const count = (): number => 1 + (origin === this.#replica.origin ? this.#acks.count(seq) : 0);
    if (count() >= acks) return count();
    const leave = this.#room.enter();
    if (leave === null) return count();
    const { promise, resolve: end } = Promise.withResolvers<void>();
    const waiting = { seq, peers: acks - 1, end };
    const timer = setTimeout(end, timeoutMs);
    this.#waiting.add(waiting);
    this.#acks.ask();
    try {
      await promise;
      return count();
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
      leave();
    }
  }

  /** Ends every wait. */
  stop(): void {
    this.#endListening();
    for (const { end } of this.#waiting) end();
  }

  #look(): void {
    for (const { seq, peers, end } of this.#waiting) if (this.#acks.count(seq) >= peers) end();
  }
}
