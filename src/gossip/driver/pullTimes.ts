/** The time from each digest that this node sends until the ops of its answer are in the log. */
import type { ConnectionId } from '../transport.ts';

export class PullTimes {
  /** At most one pull is in flight to a peer. */
  readonly #askedAtMs = new Map<ConnectionId, number>();
  readonly #steadyMs: () => number;
  readonly #pulled: (durationMs: number) => void;

  /** @param pulled is called once for each pull that was answered by a delta. */
  constructor(steadyMs: () => number, pulled: (durationMs: number) => void) {
    this.#steadyMs = steadyMs;
    this.#pulled = pulled;
  }

  asked(connection: ConnectionId): void {
    this.#askedAtMs.set(connection, this.#steadyMs());
  }

  /** @returns when its digest was sent, in steady milliseconds; undefined if that pull was told. */
  takenIn(connection: ConnectionId): number | undefined {
    const askedAtMs = this.#askedAtMs.get(connection);
    if (askedAtMs === undefined) return undefined;
    this.#askedAtMs.delete(connection);
    this.#pulled(this.#steadyMs() - askedAtMs);
    return askedAtMs;
  }

  drop(connection: ConnectionId): void {
    this.#askedAtMs.delete(connection);
  }
}
