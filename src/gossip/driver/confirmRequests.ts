/** Asks peers to confirm writes, for clients that wait until several nodes have committed them. */
import { Listeners } from '../../words/listeners.ts';
import { encodeMessage } from '../protocol/messages.ts';

export interface ConfirmRequestsOptions {
  /** The seq of this node's last op. */
  readonly ownSeq: () => number;
  /** Sends to every peer; if that is not possible now, to none. */
  readonly sendToPeers: (text: string) => void;
}

export class ConfirmRequests {
  readonly #options: ConfirmRequestsOptions;
  readonly #listeners = new Listeners<[]>();
  #isAsking = false;

  constructor(options: ConfirmRequestsOptions) {
    this.#options = options;
  }

  /** Asks the peers to say at once when they have committed this node's ops; once in each turn. */
  ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    queueMicrotask(() => {
      this.#isAsking = false;
      this.#options.sendToPeers(encodeMessage({ type: 'confirm', seq: this.#options.ownSeq() }));
    });
  }

  /**
   * Calls the function whenever a peer has committed more of this node's own ops. @returns a function
   * that ends the calls.
   */
  onConfirmed(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  confirmed(): void {
    this.#listeners.tell();
  }
}
