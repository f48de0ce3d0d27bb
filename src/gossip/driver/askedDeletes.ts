/** Pages of deletes that peers were asked for (rule 12). What they don't answer in time is missing. */
import type { AskDeletes, DeletesPage } from '../../replica/deletes.ts';
import { encodeMessage } from '../protocol/messages.ts';
import type { ConnectionId } from '../transport.ts';

export interface AskedDeletesOptions {
  readonly send: (connection: ConnectionId, text: string) => void;
  readonly isOpen: (connection: ConnectionId) => boolean;
  /** By a clock that is never set. */
  readonly steadyMs: () => number;
  readonly timeoutMs: number;
}

interface Asked {
  readonly until: number;
  readonly settle: (page: DeletesPage | null) => void;
}

export class AskedDeletes {
  readonly #options: AskedDeletesOptions;
  readonly #asked = new Map<ConnectionId, Asked>();

  constructor(options: AskedDeletesOptions) {
    this.#options = options;
  }

  /** Asks a peer for the deletes in its log. */
  of(connection: ConnectionId): AskDeletes {
    const { send, isOpen, steadyMs, timeoutMs } = this.#options;
    return (since, after) =>
      new Promise((resolve) => {
        if (!isOpen(connection)) return resolve(null);
        const settle = (page: DeletesPage | null): void => {
          this.#asked.delete(connection);
          resolve(page);
        };
        this.#asked.set(connection, { until: steadyMs() + timeoutMs, settle });
        send(connection, encodeMessage({ type: 'deletes', since, after }));
      });
  }

  /** The peer's answer; null where none will come. */
  answered(connection: ConnectionId, page: DeletesPage | null): void {
    this.#asked.get(connection)?.settle(page);
  }

  /** Gives up what is overdue. */
  tick(): void {
    for (const { until, settle } of this.#asked.values())
      if (this.#options.steadyMs() > until) settle(null);
  }
}
