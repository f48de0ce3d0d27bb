/**
 * Sends peers the messages that they wait for. Beyond the bound of a connection messages are left out, because a
 * peer that reads nothing waits for none; an honest peer asks again.
 */
import type { Limits } from '../../words/limits.ts';
import { maxMessageBytes } from '../border/bounds.ts';
import type { ConnectionId, Transport } from '../transport.ts';

export interface OutboxOptions {
  readonly transport: Pick<Transport, 'send' | 'bufferedBytes'>;
  readonly limits: Limits;
  readonly isStopped: () => boolean;
}

export class Outbox {
  /** The number of messages that were left out. */
  shed = 0;
  readonly #options: OutboxOptions;
  readonly #maxBytes: number;

  constructor(options: OutboxOptions) {
    this.#options = options;
    // Room for the pushes that wait, and for the longest answer behind them.
    const { limits } = options;
    this.#maxBytes = limits.maxPeerBufferBytes + maxMessageBytes(limits);
  }

  send(connection: ConnectionId, text: string): void {
    const { transport, isStopped } = this.#options;
    if (isStopped()) return;
    if (transport.bufferedBytes(connection) > this.#maxBytes) this.shed++;
    else transport.send(connection, text);
  }
}
