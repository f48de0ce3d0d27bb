/**
 * `acks`: an answer waits until that many nodes, including this one, or all members have committed the write, or the
 * time is over; then it gives their number.
 */
import { z } from 'zod';
import type { Replica } from '../../replica/replica.ts';
import { deleteVersion, digits, digitsOr } from '../request/schemas.ts';
import type { WaitingRoom } from './vectorWaits.ts';

/** Confirmations by peers of this node's own ops. */
export interface Acks {
  /** Asks the peers to confirm this node's ops that they hold; they answer after their commit. */
  ask(): void;
  /** Also asks the members that have no link here. @param forMs how long a request waits, in milliseconds. */
  askAll(seq: number, forMs: number): void;
  /** The number of other nodes that hold this node's op of that seq. */
  count(seq: number): number;
  /** Whether every member that this node counts holds its op of that seq. */
  isHeldByAll(seq: number): boolean;
  /** The number of other nodes that are members. */
  others(): number;
  /** Called whenever a peer has confirmed more. @returns a function that ends the calls. */
  onConfirmed(listener: () => void): () => void;
}

/** More nodes than any cluster has. */
export const MAX_ACKS = 1000;
export const MAX_ACKS_TIMEOUT_MS = 60_000;
export const DEFAULT_ACKS_TIMEOUT_MS = 5000;

const acksQuery = {
  acks: digitsOr('all', 1, MAX_ACKS).optional().meta({
    description:
      'Answer once this number of nodes, including this one, have committed it; `all`: once all members have.',
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

/** Who holds a write. */
export interface Holders {
  /** The number of nodes that hold it, including this one. */
  readonly acks: number;
  /** The number of all members, including this one, if the request asked for all; else null. */
  readonly members: number | null;
}

interface Waiting {
  readonly isOver: () => boolean;
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
   * @returns the nodes that hold the op, at once if too many requests wait already.
   */
  async until(
    { origin, seq }: { readonly origin: string; readonly seq: number },
    { acks = 1, timeout_ms: timeoutMs = DEFAULT_ACKS_TIMEOUT_MS }: AcksQuery,
  ): Promise<Holders> {
    // After a rejoin the op belongs to another origin, for which no peer has confirmed anything to this
    // node.
    const isOwn = (): boolean => origin === this.#replica.origin;
    const count = (): number => 1 + (isOwn() ? this.#acks.count(seq) : 0);
    const holders = (): Holders => ({
      acks: count(),
      members: acks === 'all' ? 1 + this.#acks.others() : null,
    });
    const isOver = (): boolean =>
      acks === 'all' ? isOwn() && this.#acks.isHeldByAll(seq) : count() >= acks;
    if (isOver()) return holders();
    const leave = this.#room.enter();
    if (leave === null) return holders();
    const { promise, resolve: end } = Promise.withResolvers<void>();
    const waiting = { isOver, end };
    const timer = setTimeout(end, timeoutMs);
    this.#waiting.add(waiting);
    if (acks === 'all') this.#acks.askAll(seq, timeoutMs);
    else this.#acks.ask();
    try {
      await promise;
      return holders();
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
    for (const { isOver, end } of this.#waiting) if (isOver()) end();
  }
}
