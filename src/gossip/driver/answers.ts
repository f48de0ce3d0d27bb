/**
 * Deltas that answer digests (rule 7). One answer at a time goes to a peer; if digests come meanwhile,
 * the last of them is answered. A digest that was read before this node closed another origin is to be asked anew,
 * because a delta leaves closed origins out.
 */

import type { Replica } from '../../replica/replica.ts';
import { sameHash, ZERO } from '../../words/hash.ts';
import { type Digest, saySame } from '../protocol/digest.ts';
import { digestChanges } from '../protocol/digestChanges.ts';
import type { Question } from '../protocol/inputOutput.ts';
import { encodeDelta, encodeMessage, encodeReply } from '../protocol/messages.ts';
import type { ConnectionId } from '../transport.ts';
import { type ChunkEnds, deltaFor } from './deltaFor.ts';

export interface AnswersOptions {
  readonly replica: Replica;
  readonly digest: (connection: ConnectionId) => Digest;
  /** Whether the digest goes to the peer as differences from that of the question. */
  readonly tellsDifferences: (connection: ConnectionId) => boolean;
  readonly send: (connection: ConnectionId, text: string) => void;
  /** Called for an origin whose ops at the peer, up to the peer's seq, differ from ours. */
  readonly differs: (connection: ConnectionId, origin: string) => void;
}

interface Answering {
  readonly ends: ChunkEnds;
  busy: boolean;
  next: Question | null;
}

export class Answers {
  readonly #options: AnswersOptions;
  readonly #answering = new Map<ConnectionId, Answering>();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  async answer(connection: ConnectionId, asked: Question): Promise<void> {
    const answering = this.#answering.get(connection) ?? {
      ends: new Map(),
      busy: false,
      next: null,
    };
    this.#answering.set(connection, answering);
    answering.next = asked;
    if (answering.busy) return;
    answering.busy = true;
    try {
      while (answering.next !== null && this.#answering.get(connection) === answering) {
        const { next } = answering;
        answering.next = null;
        await this.#send(connection, answering, next);
      }
    } finally {
      answering.busy = false;
    }
  }

  drop(connection: ConnectionId): void {
    this.#answering.delete(connection);
  }

  async #send(
    connection: ConnectionId,
    answering: Answering,
    { digest: { vector, sums }, sent, closedCount, re }: Question,
  ): Promise<void> {
    const { replica, digest, send, differs } = this.#options;
    if (replica.closings.count > closedCount) {
      send(connection, encodeMessage({ type: 'later', re }));
      return;
    }
    // Made before the ops are read, because the answer must hold every op that its digest covers.
    const ours = digest(connection);
    const delta = await deltaFor(replica, vector, answering.ends);
    for (const [origin, sum] of delta.sumsBefore)
      if (!sameHash(sum, sums.get(origin) ?? ZERO)) differs(connection, origin);
    if (this.#answering.get(connection) !== answering) return;
    if (sent !== undefined && delta.ranges.length === 0 && !delta.more && saySame(ours, sent)) {
      send(connection, encodeMessage({ type: 'same', clock: ours.clock, re }));
      return;
    }
    if (sent !== undefined && re !== undefined && this.#options.tellsDifferences(connection)) {
      const told = { changes: digestChanges(sent, ours), more: delta.more };
      send(connection, encodeReply(delta.ranges, delta.wireOps, told, re));
      return;
    }
    const answer = { digest: ours, more: delta.more };
    send(connection, encodeDelta(delta.ranges, delta.wireOps, answer, { re }));
  }
}
