/** Tells when clients hold all the connections that a node takes, and when there is room again. */
import type { Connections } from './connections.ts';
import { LastingFullness } from './lastingFullness.ts';

/** The connections have become full, or there is room again. */
export interface ConnectionsChange {
  readonly isFull: boolean;
  /** The number of connections that the node takes. */
  readonly most: number;
  /** Requests and connections that were refused meanwhile; 0 if they have just become full. */
  readonly refused: number;
}

export class FullConnections {
  readonly #connections: Pick<Connections, 'size' | 'refused' | 'ended'>;
  readonly #most: number;
  readonly #fullness = new LastingFullness();
  #refusedBefore = 0;

  /** @param most the number of connections that the node takes. */
  constructor(connections: Pick<Connections, 'size' | 'refused' | 'ended'>, most: number) {
    this.#connections = connections;
    this.#most = most;
  }

  /** One sentence for the health; null if there is room. */
  get fault(): string | null {
    return this.#fullness.isFull
      ? `Clients hold all ${this.#most} connections that this node takes: requests on further ones get 503.`
      : null;
  }

  /** To be called every tenth of a second. @returns null if nothing has changed since the last look. */
  look(): ConnectionsChange | null {
    const before = this.#fullness.isFull;
    this.#fullness.look(this.#connections.size / this.#most, 1);
    const { isFull } = this.#fullness;
    if (isFull === before) return null;
    const refused = isFull ? 0 : this.#refused() - this.#refusedBefore;
    this.#refusedBefore = this.#refused();
    return { isFull, most: this.#most, refused };
  }

  #refused(): number {
    const { refused, ended } = this.#connections;
    return refused.connections + ended.full;
  }
}
