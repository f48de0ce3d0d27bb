/**
 * Snapshots on their way to peers (rule 10), one part at a time. The next part is made when the peer
 * asks for it, after it has committed the part before. The last part sent is kept until then, because a
 * peer may ask twice.
 */

import type { Replica } from '../../replica/replica.ts';
import { encodeSnapshot } from '../protocol/messages.ts';
import type { ConnectionId } from '../transport.ts';
import type { Turning } from './slices.ts';
import { SnapshotSource } from './snapshotSource.ts';

export interface SnapshotsOptions extends Turning {
  readonly replica: Replica;
  readonly send: (connection: ConnectionId, text: string) => void;
}

interface Sending {
  readonly source: SnapshotSource;
  readonly re: number | undefined;
  part: number;
  text: string;
  busy: boolean;
}

export class Snapshots {
  /** The number of snapshots begun. */
  begun = 0;
  readonly #options: SnapshotsOptions;
  readonly #sending = new Map<ConnectionId, Sending>();

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** @param re the number of the question that part 0 answers, and that each part repeats. */
  async send(connection: ConnectionId, part: number, re?: number): Promise<void> {
    // The peer asked anew, so the parts of the old snapshot would answer a question that it no longer
    // waits for.
    if (part === 0 && re !== undefined && this.#sending.get(connection)?.re !== re)
      this.drop(connection);
    const sending = this.#sending.get(connection) ?? this.#begin(connection, part, re);
    if (sending === undefined || sending.busy) return;
    if (part === sending.part + 1) {
      sending.busy = true;
      const made = await sending.source.next();
      // The rows were the work of earlier turns; each of the two passes over the whole text gets one of its own.
      await this.#options.pause();
      const text = made && encodeSnapshot(part, made, sending.re);
      await this.#options.pause();
      sending.busy = false;
      if (this.#sending.get(connection) !== sending) return;
      if (text === undefined) {
        this.#sending.delete(connection); // overtaken by compaction: the peer times out and starts again
        return;
      }
      sending.part = part;
      sending.text = text;
    }
    if (part === sending.part) this.#options.send(connection, sending.text);
  }

  drop(connection: ConnectionId): void {
    this.#sending.get(connection)?.source.close();
    this.#sending.delete(connection);
  }

  #begin(connection: ConnectionId, part: number, re?: number): Sending | undefined {
    if (part !== 0) return undefined;
    const { replica } = this.#options;
    const { maxDeltaOps, maxDeltaBytes } = replica.limits;
    const limit = { maxRows: maxDeltaOps, maxBytes: maxDeltaBytes };
    const source = new SnapshotSource(replica, limit, this.#options);
    const sending = { source, re, part: -1, text: '', busy: false };
    this.#sending.set(connection, sending);
    this.begun++;
    return sending;
  }
}
